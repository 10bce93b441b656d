"""One step a module; a step that has been released is never changed."""
