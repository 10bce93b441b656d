"""What a backend may raise.

BackendError
+-- Unavailable     cannot be used: not installed, not pulled, not reachable; says what to do
+-- Overloaded      refused for lack of room; trying again later helps
+-- Failed          one call went wrong; the next may succeed
    +-- Refused     the model will not have this input; it serves others
"""


class BackendError(Exception):
    """Root of what models may raise across their Protocols; the message is fit for a user."""


class Unavailable(BackendError):
    """The backend cannot be used as configured; the message names the command or setting that mends it."""


class Overloaded(BackendError):
    """The backend refused for lack of room."""


class Failed(BackendError):
    """This call failed; the backend may serve the next."""


class Refused(Failed):
    """The model works, and will not have this input."""
