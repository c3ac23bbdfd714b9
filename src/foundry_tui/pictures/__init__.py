"""Covers: found beside the source or drawn.

``draw_cover`` makes one from title and author, ``usable_cover`` proves and normalises an image somebody else made, and
``find_cover_beside`` looks for one next to a book's source file.
"""

from __future__ import annotations

from foundry_tui.pictures.beside import find_cover_beside
from foundry_tui.pictures.draw import draw_cover
from foundry_tui.pictures.usable import usable_cover

__all__ = ["draw_cover", "find_cover_beside", "usable_cover"]
