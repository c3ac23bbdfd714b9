"""Where finished audiobooks go: an edition is published whole, replaces only its own, and can be taken back.

``LocalLibrary`` is a folder as Audiobookshelf reads it; a bucket would be another ``Library``.
"""

from __future__ import annotations

from foundry_tui.storage.library import ChapterMark, Edition, Library, Published
from foundry_tui.storage.local import LocalLibrary

__all__ = ["ChapterMark", "Edition", "Library", "LocalLibrary", "Published"]
