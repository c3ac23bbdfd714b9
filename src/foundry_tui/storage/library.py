"""An edition: one finished audiobook as it is handed to a library, and what a library promises to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

_AUDIO = (".m4b", ".m4a", ".mp3", ".flac", ".opus", ".ogg", ".oga", ".aac", ".wav", ".wma", ".mka")


class ChapterMark(NamedTuple):
    """A chapter on the edition's timeline, in seconds from its start."""

    title: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Edition:
    """One production's finished audiobook.

    ``files`` are its files by their published name. ``chapter_files`` (one a chapter, for players that want them) go
    into a folder of their own which media servers pass over, as does any audio among ``files`` beside an M4B; ``sets``
    are more such folders by name.
    ``series`` entries read ``Name`` or ``Name #2``; ``language`` is ISO 639-2/T. ``trash`` is where a replaced edition
    moves to; None leaves that to the library.
    """

    audiobook_id: str
    title: str
    author: str | None
    narrator: str | None
    language: str
    files: Mapping[str, Path]
    trash: Path | None = None
    year: int | None = None
    genres: tuple[str, ...] = ()
    summary: str | None = None
    series: tuple[str, ...] = ()
    isbn: str | None = None
    cover: bytes | None = None
    chapters: tuple[ChapterMark, ...] = ()
    chapter_files: Mapping[str, Path] = field(default_factory=dict)
    sets: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """Where an edition lies: its folder, the size in bytes of every audio file by its path inside it, and where what
    it replaced lies now.
    """

    audiobook_id: str
    folder: Path
    sizes: Mapping[str, int]
    replaced: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The audio files, the M4B first."""
        return tuple(self.folder / name for name in sorted(self.sizes, key=lambda name: (not is_m4b(name), name)))

    @property
    def size_bytes(self) -> int:
        """All audio files together."""
        return sum(self.sizes.values())


class Library(Protocol):
    """A place finished audiobooks are published to. Plain blocking calls: use a thread."""

    def publish(self, edition: Edition) -> Published:
        """Put the edition in its place, whole or not at all; replaces the same production's former one, no other's.

        Raises DiskFull, WriteFailed and ArtifactBroken (a file of the edition is missing).
        """
        ...

    def published(self, audiobook_id: str, *, thorough: bool = False) -> Published | None:
        """The production's edition if it stands with every audio file as it was published, else None.

        Reads what was written since, ``thorough`` all of the audio.
        """
        ...

    def withdraw(self, audiobook_id: str, trash: Path | None = None) -> Path | None:
        """Move the production's edition to ``trash``; return where it lies now, None where there was none."""
        ...


def is_audio(name: str) -> bool:
    """Whether a media server would play the file."""
    return name.lower().endswith(_AUDIO)


def is_m4b(name: str) -> bool:
    """Whether a file is the whole book in one."""
    return name.lower().endswith(".m4b")
