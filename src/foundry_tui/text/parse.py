"""STEP1's one function: a source file to chapters of speakable chunks, with the receipt for every word."""

from __future__ import annotations

import gc
from pathlib import Path

from foundry_tui.domain.languages import understood
from foundry_tui.errors import UsageError
from foundry_tui.text.book_builder import BookBuilder
from foundry_tui.text.chapters import detect
from foundry_tui.text.coverage import Coverage, Receipt
from foundry_tui.text.document import BookDocument
from foundry_tui.text.guess_language import guess_language
from foundry_tui.text.marks import strip_marks
from foundry_tui.text.metadata import source_metadata
from foundry_tui.text.options import ParseOptions
from foundry_tui.text.outline import OutlineEntry, SplitPlace, places_in
from foundry_tui.text.overrides import apply_overrides, section_anchors
from foundry_tui.text.parsed_book import LeftOut, ParsedBook
from foundry_tui.text.readers import SourceFile, read_source
from foundry_tui.text.sections import Section

DEFAULTS = ParseOptions()
__all__ = [
    "Coverage",
    "LeftOut",
    "OutlineEntry",
    "ParseOptions",
    "ParsedBook",
    "Receipt",
    "SourceFile",
    "parse_novel",
    "split_places",
]


def parse_novel(
    source: Path, *, book_id: str, language: str | None = None, options: ParseOptions = DEFAULTS
) -> ParsedBook:
    """Read ``source`` and cut it into chapters and chunks.

    ``language`` (any spelling) is the production's; where None the file's own word counts, then its text. Raises
    SourceNotFound, SourceUnreadable, SourceUnsupported, NoChaptersDetected (with what was seen) or CoverageBroken.
    """
    wanted = understood(language) if language else None
    collecting = gc.isenabled()
    gc.disable()  # a hundred thousand small objects and no cycles: collecting would only walk over them again and again
    try:
        return _parsed(source, book_id, wanted, options)
    finally:
        if collecting:
            gc.enable()


def _parsed(source: Path, book_id: str, wanted: str | None, options: ParseOptions) -> ParsedBook:
    identity, document, spoken_in, sections = _sectioned(source, wanted, options)
    return BookBuilder(book_id, spoken_in, identity, document, options).build(sections)


def _sectioned(
    source: Path, wanted: str | None, options: ParseOptions
) -> tuple[SourceFile, BookDocument, str, list[Section]]:
    identity, document = read_source(source, language=wanted)
    known = source_metadata(source)
    spoken_in = wanted or known.language or guess_language(document.sample()) or _declared(document) or "eng"
    document.title = known.title or document.title
    document.author = known.author or document.author
    strip_marks(document)
    sections = detect(document)
    section_anchors(sections, document)
    sections, unfit = apply_overrides(sections, document, options.overrides)
    document.warnings.extend(unfit)
    return identity, document, spoken_in, sections


def split_places(
    source: Path, *, language: str | None = None, options: ParseOptions = DEFAULTS
) -> dict[tuple[int, int], tuple[SplitPlace, ...]]:
    """The blocks an override may split at, by their section's source_span in the outline. Raises as ``parse_novel``."""
    _, document, _, sections = _sectioned(source, understood(language) if language else None, options)
    return {(section.start, section.end - 1): tuple(places_in(section, document.blocks)) for section in sections}


def _declared(document: BookDocument) -> str | None:
    try:
        return understood(document.language) if document.language else None
    except UsageError:
        return None
