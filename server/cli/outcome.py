"""Exit statuses, and errors told as one sentence instead of a traceback."""

from __future__ import annotations

OK, FAILED, USAGE, MISSING, INTERRUPTED = 0, 1, 2, 3, 130

STATUSES = {
    "BadSettings": USAGE,
    "BadBackend": USAGE,
    "BadInput": USAGE,
    "BadManifest": USAGE,
    "TooLittle": USAGE,
    "NothingToRead": USAGE,
    "BadCorpus": USAGE,
    "BadGoEmotions": USAGE,
    "UnknownAsset": USAGE,
    "Unavailable": MISSING,
    "PullFailed": MISSING,
    "PortInUse": MISSING,
    "WorkerDied": FAILED,
    "CannotConnect": MISSING,
    "NoSound": MISSING,
    "UnreadableAudio": USAGE,
    "BackendError": FAILED,
    "ClientError": FAILED,
}
"""Status of each expected error, by the name of its class or of one that it descends from: commands import lazily,
and so must this. tests/test_clients_cli.py checks that there are such classes."""
TOOK_TOO_LONG = "it took too long; is the server busy? `affetto doctor` tells how fast this machine is"


def explain(error: BaseException) -> tuple[str, int]:
    """The message and status for an expected error; anything else is a bug of ours and is raised again."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    for kind in type(error).__mro__:
        if kind.__name__ in STATUSES:
            return str(error), getattr(error, "status", STATUSES[kind.__name__])
    if isinstance(error, TimeoutError):
        return TOOK_TOO_LONG, FAILED
    raise error
