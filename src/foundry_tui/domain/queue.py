"""STEP 0: the queue, and what a removal took with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Status


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A production that is not yet successful, with its book, its narrator and the step it needs next.

    ``step_number`` is None until the production was adopted (then its recipe's first step is what it needs) or when
    every step is done. ``run_after`` and ``lease_expires_at`` are seconds since 1970.
    """

    production: Production
    book_name: str
    author: str | None
    narrator_name: str
    step_number: str | None = None
    step_name: str | None = None
    step_position: int | None = None
    step_status: Status | None = None
    steps_done: int = 0
    steps_total: int = 0
    job_id: int | None = None
    attempt: int = 0
    max_attempts: int = 0
    run_after: float | None = None
    reason: str | None = None
    worker_id: str | None = None
    lease_expires_at: float | None = None
    cancel_requested: bool = False
    progress: Mapping[str, Any] = field(default_factory=dict)
    spent_micros: int = 0  # of a US dollar, requests in flight included

    @property
    def audiobook_id(self) -> str:
        """The production's id."""
        return self.production.audiobook_id

    @property
    def poisoned(self) -> bool:
        """Whether its job killed its workers and waits for a human."""
        return self.reason == "poisoned"


@dataclass(frozen=True, slots=True)
class Ordered:
    """What asking for a production gave: a new one, or (``created`` false) the live one that was there already."""

    production: Production
    created: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal took out of the tables, and which files it leaves for the caller to move to the trash.

    ``folders`` are relative to the home and belong to nothing that is left. ``results`` holds each step's result by
    (audiobook_id, step_name): where a published edition lies, for one.
    """

    productions: tuple[Production, ...] = ()
    book: Book | None = None
    narrator: Narrator | None = None
    folders: tuple[str, ...] = ()
    results: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
