"""A book's sections as they would be parsed now, and the operator's decisions about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foundry_tui.domain.corrections import SectionDecision
from foundry_tui.store.database import Database
from foundry_tui.text.options import ParseOptions


@dataclass(frozen=True, slots=True)
class OutlineSection:
    """A section in the order of the source; ``chapter_number`` is None where it is left out, for ``reason``."""

    title: str
    kind: str
    kept: bool
    reason: str
    words: int
    anchor: str
    text_hash: str
    chapter_number: int | None
    opening: str  # its first words


@dataclass(frozen=True, slots=True)
class OutlineBlock:
    """A paragraph or heading a section may be split at: by ``text_hash``."""

    chapter_number: int | None
    text_hash: str
    kind: str
    words: str  # its first words


@dataclass(frozen=True, slots=True)
class BookOutline:
    """A book's sections now; ``decided``: what the operator decided; ``unfit``: decisions that fit nothing."""

    book_id: str
    language: str
    title: str
    sections: tuple[OutlineSection, ...]
    decided: tuple[SectionDecision, ...] = ()
    unfit: tuple[str, ...] = ()


class Sections:
    """What a face may ask of a book's sections."""

    def __init__(self, database: Database, home: Path, options: ParseOptions) -> None:
        self._database = database
        self._home = home
        self._options = options

    async def outline(self, book_id: str, language: str | None = None) -> BookOutline:
        """Parse the book's source as a production in ``language`` (else the book's own) would, decisions included."""
        raise NotImplementedError

    async def blocks(
        self, book_id: str, language: str | None = None, *, chapter: int | None = None
    ) -> tuple[OutlineBlock, ...]:
        """The paragraphs a section may be split at, of one chapter where given."""
        raise NotImplementedError

    async def decide(
        self,
        book_id: str,
        action: str,
        *,
        anchor: str = "",
        text_hash: str = "",
        title: str = "",
        language: str | None = None,
    ) -> int:
        """Keep a decision (include, leave_out, rename, merge, split) about the section at ``anchor`` or ``text_hash``.

        Returns its id; it acts on the next parse. Raises UsageError for what is no decision, NotFound.
        """
        raise NotImplementedError

    async def undo(self, book_id: str, override_ids: Sequence[int]) -> int:
        """Take decisions back; how many. Raises NotFound for one the book has not."""
        raise NotImplementedError
