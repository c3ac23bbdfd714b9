"""Foundry: the operator console for making audiobooks."""

__version__ = "0.1.0"
