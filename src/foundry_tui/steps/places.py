"""Where a book and a production keep their files, below one home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foundry_tui.domain.ids import checked_book_id, checked_narrator_id
from foundry_tui.domain.keys import short
from foundry_tui.domain.languages import understood
from foundry_tui.domain.productions import Production


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one production. Ids are checked before they touch a path."""

    home: Path
    book_id: str
    language: str  # ISO 639-2/T
    narrator_id: str

    @classmethod
    def of(cls, home: Path, production: Production) -> Places:
        """Places of ``production``; raises UsageError for ids that may not name a folder."""
        return cls(
            home,
            checked_book_id(production.book_id),
            understood(production.language),
            checked_narrator_id(production.narrator_id),
        )

    @property
    def book(self) -> Path:
        """Source, metadata.json, images/."""
        return self.home / "foundry" / self.book_id

    @property
    def in_language(self) -> Path:
        """What all narrators of one language share."""
        return self.book / self.language

    @property
    def chapters(self) -> Path:
        """metadata.json and chapter_NNN.json."""
        return self.in_language / "chapters"

    @property
    def narrated(self) -> Path:
        """What one narrator's production makes."""
        return self.in_language / self.narrator_id

    def chunk(self, key: str) -> Path:
        """The chunk's FLAC, named by its key: the same text in the same voice is the same file wherever it moves."""
        return self.narrated / "audio_chunks" / f"{self.book_id}_{short(key)}.flac"

    def coded_chapter(self, number: int, key: str) -> Path:
        """The chapter's coded packets."""
        return self.narrated / "combined" / f"{self.book_id}_chapter_{number:03d}_{short(key)}.packets"

    def cover(self, sha256: str, ending: str) -> Path:
        """The cover a production is made with: its own file, named by its bytes, so another one disturbs nobody."""
        return self.narrated / "images" / f"{self.book_id}_cover_{sha256[:16]}{ending}"

    def edition(self, name: str) -> Path:
        """The files of one edition, their keys in their names."""
        return self.combined / name

    @property
    def combined(self) -> Path:
        """Timing table, coded chapters and finished files."""
        return self.narrated / "combined"

    @property
    def timing(self) -> Path:
        """The timing table."""
        return self.combined / f"{self.book_id}_timing.json"

    def m4b_name(self, volume: int = 0) -> str:
        """The finished audiobook's name; ``volume`` counts from 1 where it is in several files."""
        return f"{self.book_id}_volume_{volume}.m4b" if volume else f"{self.book_id}.m4b"

    def m4b(self, volume: int = 0) -> Path:
        """The finished audiobook, or a volume of it."""
        return self.combined / self.m4b_name(volume)

    @property
    def reports(self) -> Path:
        """quality.json and its readable page."""
        return self.narrated / "reports"

    def relative(self, path: Path) -> str:
        """As tables keep it: relative to the home."""
        return path.relative_to(self.home).as_posix()
