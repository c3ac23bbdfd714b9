"""Every pause a listener hears, in milliseconds, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PAUSES_MS: Mapping[str, int] = MappingProxyType(
    {
        "clause": 150,  # inside a sentence that had to be cut
        "verse_line": 250,
        "sentence": 400,
        "list_item": 450,
        "table_row": 450,
        "speaker": 550,  # the next paragraph is another voice: it opens with a quotation mark or a dash
        "paragraph": 700,
        "stanza": 800,
        "subheading": 900,
        "part_title": 1000,
        "heading": 1200,
        "scene_break": 1400,
        "chapter_end": 2500,
    }
)
