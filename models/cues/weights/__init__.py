"""Trained heads of the cue model; README.md says of what and how."""
