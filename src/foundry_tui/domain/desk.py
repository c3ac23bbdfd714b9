"""What an operator's desk shows at a glance: a production as a line, a book as a line, the whole house as counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from foundry_tui.domain.books import Book
from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Status

Line = TypeVar("Line")


class ProductionView(StrEnum):
    """Which productions a list shows."""

    UNFINISHED = "unfinished"
    FAILED = "failed"
    FINISHED = "finished"
    ALL = "all"


# What the lists may be sorted by, as the store names it.
BOOK_ORDERS = ("added", "title", "author", "year", "language", "book_id")
NARRATOR_ORDERS = ("narrator_id", "name", "language", "engine")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a list is asked for: filtered by ``text``, sorted by ``order``, around the row ``around``."""

    text: str | None = None
    order: str = ""
    descending: bool = False
    view: ProductionView = ProductionView.UNFINISHED
    around: str | None = None
    index: int = 0


@dataclass(frozen=True, slots=True)
class ProductionLine:
    """A production with its book's title, its narrator's name, its steps and the job it has in hand.

    ``steps`` are (step_name, status) in order, none until it was taken in. Times of ``job`` are seconds since 1970.
    """

    production: Production
    book_name: str
    author: str | None
    narrator_name: str
    steps: tuple[tuple[str, Status], ...] = ()
    job: Mapping[str, Any] = field(default_factory=dict)
    spent_micros: int = 0  # of a US dollar, requests in flight included

    @property
    def at_step(self) -> str | None:
        """Name of the first step that is not done."""
        return next((name for name, status in self.steps if status is not Status.SUCCESS), None)


@dataclass(frozen=True, slots=True)
class BookLine:
    """A book with how many productions it has, and the state of its youngest one."""

    book: Book
    productions: int = 0
    newest: Status | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """The house at a glance."""

    by_status: Mapping[Status, int]
    books: int
    narrators: int
    paused: int = 0
    workers: Sequence[str] = ()  # who holds a job right now


@dataclass(frozen=True, slots=True)
class Window(Generic[Line]):
    """A piece of a long list: ``count`` lines in all, ``lines`` of them from ``first`` on, the asked one at ``at``."""

    count: int
    first: int
    lines: tuple[Line, ...]
    at: int


@dataclass(frozen=True, slots=True)
class StepStory:
    """A step as it stands. ``started_at`` and ``finished_at`` are UTC text; ``seconds`` how long its job has taken."""

    step_number: str
    step_name: str
    position: int
    status: Status
    started_at: str | None
    finished_at: str | None
    requeues: int
    attempt: int
    max_attempts: int
    reason: str | None
    worker_id: str | None
    error_code: str | None
    error_message: str | None
    error_trace: str | None
    progress: Mapping[str, Any]
    seconds: float | None = None
    key_parts: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChunkLine:
    """A chunk as a list shows it; ``seconds`` of sound, ``text`` as it was or will be spoken."""

    chapter_number: int
    chunk_index: int
    status: Status
    text: str
    take: int = 0
    attempts: int = 0
    seconds: float | None = None
    flags: tuple[str, ...] = ()
    error: str | None = None
    artifact: str | None = None

    @property
    def place(self) -> tuple[int, int]:
        """(chapter number, chunk index)."""
        return self.chapter_number, self.chunk_index


@dataclass(frozen=True, slots=True)
class Opened:
    """A production, opened: its line, its steps with what was tried, and the first chunks that could not be spoken."""

    line: ProductionLine
    steps: tuple[StepStory, ...]
    lost: tuple[ChunkLine, ...] = ()
