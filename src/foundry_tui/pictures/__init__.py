"""Covers: found in the source or drawn."""
