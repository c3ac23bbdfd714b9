"""The lexicon's desk: words and how they are said, and beforehand which chunks would be spoken again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foundry_tui.domain.corrections import LexiconEntry, StoredEntry
from foundry_tui.store.database import Database
from foundry_tui.text.lexicon import Suggestion

__all__ = ["LexiconDesk", "LexiconEntry", "StoredEntry", "Suggestion", "Touched"]


@dataclass(frozen=True, slots=True)
class Touched:
    """A production and its chunks (chapter, chunk) that would be spoken again, ``of`` all it has; one as ``sample``."""

    audiobook_id: str
    book_id: str
    book_name: str
    narrator_id: str
    chunks: tuple[tuple[int, int], ...]
    of: int
    sample: str


class LexiconDesk:
    """What a face may ask of the lexicon."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home

    async def entries(
        self, *, book_id: str | None = None, language: str | None = None, containing: str = ""
    ) -> tuple[StoredEntry, ...]:
        """Entries by word: those that act in ``book_id`` or ``language`` where given, with ``containing`` in them."""
        raise NotImplementedError

    async def touched(self, put: Sequence[LexiconEntry] = (), removed: Sequence[int] = ()) -> tuple[Touched, ...]:
        """Beforehand: the chunks with sound that would say something else, by production."""
        raise NotImplementedError

    async def put(self, entry: LexiconEntry, *, entry_id: int | None = None) -> int:
        """Enter ``entry``, or change the one of ``entry_id`` (or of the same word, language and book); its id."""
        raise NotImplementedError

    async def remove(self, entry_ids: Sequence[int]) -> int:
        """Take entries out; how many there were. Raises NotFound for an id that is none."""
        raise NotImplementedError

    async def suggestions(self, book_id: str, *, at_least: int = 3) -> tuple[Suggestion, ...]:
        """Frequent names of a book that no word list knows and the lexicon has not, each with a sentence."""
        raise NotImplementedError

    async def import_csv(self, text: str) -> int:
        """Enter every entry of CSV text, all or none; how many. Raises UsageError naming a line that is none."""
        raise NotImplementedError

    async def export_csv(self) -> str:
        """The whole lexicon as CSV with a head line."""
        raise NotImplementedError
