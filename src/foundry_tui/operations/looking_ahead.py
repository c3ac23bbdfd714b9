"""A step's context for somebody who only looks: everything may be read, nothing is written, no lease is held."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.corrections import Corrections
from foundry_tui.domain.languages import understood
from foundry_tui.domain.productions import Production, Step
from foundry_tui.domain.status import Level
from foundry_tui.domain.takes import Take
from foundry_tui.errors import FoundryError
from foundry_tui.pipeline.contract import Progress
from foundry_tui.store import chunk_overrides as override_rows
from foundry_tui.store import chunks as chunk_rows
from foundry_tui.store.database import Database

_SPEAKING = "audio_generation"
Place = tuple[int, int]


class NotYet(Exception):
    """A step depends on one that has never run."""


class SentBack(FoundryError):
    """A step would send an earlier one back, for the reason in its message."""


class Ahead:
    """Goes over a production's steps in order, and knows which of those before would run."""

    def __init__(
        self,
        database: Database,
        production: Production,
        book: Book,
        narrator: Narrator,
        retaken: Collection[Place] = (),
    ) -> None:
        self._database = database
        self._production = production
        self._book = book
        self._narrator = narrator
        self._retaken = frozenset(retaken)
        self._results: dict[str, Mapping[str, Any]] = {}
        self._running: dict[str, str] = {}  # step_number by step_name

    def look(self, step: Step) -> Look:
        """The context of the step that comes next."""
        facts = (self._database, self._production, self._book, self._narrator)
        context = Look(*facts, step, self._running, self._retaken)
        context.results = _Results(self._results, context)
        return context

    def passed(self, step: Step, *, runs: bool) -> None:
        """Go on to the step after ``step``."""
        self._results[step.step_name] = step.result
        if runs:
            self._running[step.step_name] = step.step_number


class Look:
    """A StepContext that only reads. ``followed``: numbers of the steps that would run and that it asked about.

    It sees the chunks at ``retaken`` as if another take of each had been asked for.
    """

    attempt = 0
    worker_id = ""
    parts = None

    def __init__(
        self,
        database: Database,
        production: Production,
        book: Book,
        narrator: Narrator,
        step: Step,
        running: Mapping[str, str],
        retaken: Collection[Place] = (),
    ) -> None:
        self.production = production
        self.book = book
        self.narrator = narrator
        self.step = step
        self.results: Mapping[str, Mapping[str, Any]] = {}
        self.followed: list[str] = []
        self._database = database
        self._running = running
        self._retaken = retaken

    def asked(self, step_name: str) -> None:
        """Note that what ``step_name`` makes matters here."""
        number = self._running.get(step_name)
        if number is not None and number not in self.followed and step_name != self.step.step_name:
            self.followed.append(number)

    async def takes(self) -> Mapping[Place, Take]:
        """Every take as it stands."""
        self.asked(_SPEAKING)
        async with self._database.read() as connection:
            takes = dict(await chunk_rows.load(connection, self.production.audiobook_id))
        again = {place: takes[place] for place in self._retaken if place in takes}
        return {**takes, **{place: replace(take, take=take.take + 1) for place, take in again.items()}}

    async def find_takes(self, input_keys: Sequence[str]) -> Mapping[str, Take]:
        """Successful takes of any production by their key."""
        async with self._database.read() as connection:
            return await chunk_rows.find(connection, input_keys)

    async def corrections(self) -> Corrections:
        """What the operator decided about the book's words."""
        language = understood(self.production.language)
        async with self._database.read() as connection:
            return await override_rows.corrections(connection, self.production.book_id, language)

    async def send_back(self, step_name: str, reason: str, places: Iterable[Place] = ()) -> None:
        """Where a run would go back, say so; always raises."""
        del places
        raise SentBack(f"{step_name} is made again first: {reason}")

    async def event(
        self,
        kind: str,
        message: str,
        *,
        level: Level = Level.INFO,
        details: Mapping[str, Any] | None = None,
        step_name: str | None = None,
    ) -> None:
        """Nothing happens, so nothing is told."""

    def progress(self, progress: Progress) -> None:
        """Nothing is under way."""

    def checkpoint(self) -> None:
        """Nobody asks to stop."""

    async def takes_lost(self) -> Mapping[Place, int]:
        """Nothing is spoken here."""
        return {}

    async def record(self, takes: Sequence[Take]) -> None:
        """Not here."""
        _refuse(takes)

    async def begin_chunks(self, places: Iterable[Place]) -> None:
        """Not here."""
        _refuse(places)

    async def forget_takes(self, keep: Iterable[Place]) -> None:
        """Not here."""
        _refuse(keep)

    async def durable(self) -> None:
        """Not here."""
        _refuse(None)


class _Results(Mapping[str, Mapping[str, Any]]):
    """The results of the steps before; asking for one is noted."""

    def __init__(self, results: Mapping[str, Mapping[str, Any]], look: Look) -> None:
        self._results = dict(results)
        self._look = look

    def __getitem__(self, step_name: str) -> Mapping[str, Any]:
        found = self._results[step_name]
        if not found:
            raise NotYet
        self._look.asked(step_name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)


def _refuse(_what: object) -> NoReturn:
    raise AssertionError("who only looks writes nothing")
