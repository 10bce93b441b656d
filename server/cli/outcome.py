"""Exit statuses, and errors told as one sentence instead of a traceback."""

from __future__ import annotations

OK, FAILED, USAGE, MISSING = 0, 1, 2, 3

USAGE_ERRORS = {"BadSettings", "BadBackend", "UnknownAsset", "BadAddress"}
MISSING_ERRORS = {"Unavailable", "ConnectionRefused", "NoSound", "PullFailed", "PortInUse"}
PLAIN_ERRORS = {"UnreadableAudio", "ServerError", "Failed", "Overloaded", "BadInput", "ServerDied"}


def explain(error: BaseException) -> tuple[str, int]:
    """The message and status for an expected error; anything else is a bug of ours and is raised again.

    Errors are known by their class's name: commands import lazily, and so must this.
    """
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    name = type(error).__name__
    if name in USAGE_ERRORS:
        return str(error), USAGE
    if name in MISSING_ERRORS:
        return str(error), MISSING
    if name in PLAIN_ERRORS:
        return str(error), FAILED
    if isinstance(error, TimeoutError):
        return "it took too long; is the server busy? `affetto doctor` tells how fast this machine is", FAILED
    raise error
