"""Affetto: an end-to-end empathetic spoken dialogue server."""

__version__ = "0.1.0"
