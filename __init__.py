"""Affetto: an end-to-end empathetic spoken dialogue server.

`affetto.connect(url)` opens a session with one; everything else is `affetto --help`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clients.connection import connect

__version__ = "0.1.0"
__all__ = ["__version__", "connect"]


def __getattr__(name: str) -> Any:
    """The client is imported when it is used: the server does not need it."""
    if name == "connect":
        from .clients.connection import connect

        return connect
    raise AttributeError(f"module 'affetto' has no attribute {name!r}")
