"""Weights: where they come from, where they lie, and that they are what they should be."""

from .store import Store, default_root

__all__ = ["Store", "default_root"]
