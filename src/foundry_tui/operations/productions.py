"""Productions ordered, listed and steered. Every change leaves an event, in the same transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.events import Event
from foundry_tui.domain.languages import english_name, understood
from foundry_tui.domain.money import MICROS
from foundry_tui.domain.productions import Production
from foundry_tui.domain.queue import QueueRow
from foundry_tui.domain.status import Status
from foundry_tui.errors import FoundryError, UsageError
from foundry_tui.store import catalog as book_rows
from foundry_tui.store import productions as rows
from foundry_tui.store import roster as narrator_rows
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.queue import queue
from foundry_tui.store.steps import PRODUCTION

FIRST_STEP = "STEP1_parsing"  # what a production needs that nobody has taken in yet; every recipe so far begins there
ALL = 1_000_000
_PRIORITY_MAX = 1000


@dataclass(frozen=True, slots=True)
class Produced:
    """What ``produce`` answers with: a new production, or the live one that was the same."""

    production: Production
    created: bool
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``produce --json`` prints it."""
        return {**asdict(self.production), "created": self.created, "remarks": list(self.remarks)}


class Productions:
    """What a face may ask of the productions."""

    def __init__(
        self,
        database: Database,
        home: Path,
        default_narrator: str | None,
        default_engine: str,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._home = home
        self._default_narrator = default_narrator
        self._default_engine = default_engine
        self._now = now

    async def produce(
        self,
        book_id: str,
        *,
        narrator: str | None = None,
        language: str | None = None,
        priority: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Produced:
        """Order an audiobook; a live production of the same book, narrator and language answers instead of a second.

        Raises NotFound for a book or narrator that is not there, UsageError where nobody is named to speak.
        """
        wanted = understood(language) if language else None
        _check_priority(priority or 0)
        async with self._database.write() as connection:
            book = await book_rows.get_book(connection, book_id)
            narrator_id = narrator or book.narrator_id or self._default_narrator
            if not narrator_id:
                raise UsageError(
                    "No narrator was named, and neither the book nor config.toml has a default one.",
                    next_action="Say who speaks: --narrator NARRATOR (see `foundry-tui narrator list`).",
                )
            speaker = await narrator_rows.get_narrator(connection, narrator_id)
            ordered = await rows.create_production(
                connection,
                book_id=book_id,
                narrator_id=narrator_id,
                language=wanted,
                priority=priority or 0,
                options=options,
                now=self._now,
            )
            made = ordered.production
            remarks: list[str] = []
            if ordered.created:
                await append(connection, [self._event(made, "ordered", f"{book.book_name} was ordered.")])
            else:
                remarks.append(f"{made.audiobook_id} is the same and not finished ({made.status}): no second was made.")
                fresh = {name: value for name, value in (options or {}).items() if made.options.get(name) != value}
                if fresh:
                    merged = {**made.options, **fresh}
                    made = await rows.update_production(connection, made.audiobook_id, options=merged)
                    remarks.append(f"It was told: {', '.join(sorted(fresh))}.")
                if priority not in (None, made.priority):
                    made = await rows.set_priority(connection, made.audiobook_id, priority or 0)
                    remarks.append(f"Its priority is {made.priority} now.")
        if ordered.created:
            remarks += await self._about_source(book, made)
        remarks += self._about(speaker, made)
        return Produced(made, ordered.created, tuple(remarks))

    async def _about_source(self, book: Book, made: Production) -> list[str]:
        """That the order will fail at its first step, where it can be known now; a source may still come."""
        from foundry_tui.operations.book_text import source_of  # brings the readers

        try:
            await asyncio.to_thread(lambda: source_of(self._home, book, understood(made.language)))
        except (FoundryError, OSError) as error:
            return [f"As it is, parsing will fail: {error.message if isinstance(error, FoundryError) else error}"]
        return []

    def _about(self, speaker: Narrator, made: Production) -> list[str]:
        """What an operator should know of this narrator before the book is spoken."""
        remarks = []
        own, spoken = _known(speaker.language), _known(made.language)
        if own and spoken and own != spoken:
            remarks.append(
                f"{speaker.narrator_name} is a narrator of {english_name(own)}; this one is in {english_name(spoken)}."
            )
        if not speaker.engine:
            remarks.append(
                f"{speaker.narrator_name} names no engine: the default one, {self._default_engine}, will speak."
            )
        return remarks

    async def queue(self, *, unfinished_only: bool = True) -> list[QueueRow]:
        """STEP 0: every production not yet successful (cancelled ones too unless ``unfinished_only``), oldest first."""
        statuses = (Status.PENDING, Status.PROCESSING, Status.FAILED) if unfinished_only else ()
        async with self._database.read() as connection:
            return await queue(connection, statuses=statuses)

    async def get(self, audiobook_id: str) -> Production:
        """One production; raises NotFound."""
        async with self._database.read() as connection:
            return await rows.get_production(connection, audiobook_id)

    async def row(self, audiobook_id: str) -> QueueRow | None:
        """Its row of the queue; None once it is successful."""
        async with self._database.read() as connection:
            return next(iter(await queue(connection, audiobook_ids=[audiobook_id])), None)

    async def label(self, audiobook_id: str) -> str:
        """What an operator tells it by: title and narrator; the id where the production is gone."""
        async with self._database.read() as connection:
            made = await rows.find_production(connection, audiobook_id)
            book = await book_rows.find_book(connection, made.book_id) if made else None
        return f"{book.book_name} / {made.narrator_id}" if book and made else audiobook_id

    async def pause(self, audiobook_id: str) -> Production:
        """Let nobody work on it until it is resumed; work in hand stops at the next chunk border."""
        return await self._steer(
            audiobook_id,
            lambda connection: rows.pause_production(connection, audiobook_id, now=self._now),
            "paused",
            "The production was paused.",
        )

    async def resume(self, audiobook_id: str) -> Production:
        """Take a pause back."""
        return await self._steer(
            audiobook_id,
            lambda connection: rows.resume_production(connection, audiobook_id),
            "resumed",
            "The production goes on.",
        )

    async def set_priority(self, audiobook_id: str, priority: int) -> Production:
        """Higher is worked on first; 0 is where everything begins."""
        _check_priority(priority)
        return await self._steer(
            audiobook_id,
            lambda connection: rows.set_priority(connection, audiobook_id, priority),
            "priority",
            f"The priority is {priority} now.",
        )

    async def revive(self, audiobook_id: str) -> bool:
        """Let a stopped production that nobody had taken in be taken in; False where it has steps to go on with."""
        async with self._database.write() as connection:
            if await rows.list_steps(connection, audiobook_id):
                return False
            made = await rows.update_production(
                connection, audiobook_id, status=Status.PENDING.value, error_message=None
            )
            await append(connection, [self._event(made, "requeued", "The production was put back into the queue.")])
        return True

    async def set_options(self, audiobook_id: str, **options: Any) -> Production:
        """Change what the production was told (allow_gaps, mp3); None leaves an option as it is."""
        given = {name: value for name, value in options.items() if value is not None}
        made = await self.get(audiobook_id)
        if not given or all(made.options.get(name) == value for name, value in given.items()):
            return made
        merged = {**made.options, **given}
        return await self._steer(
            audiobook_id,
            lambda connection: rows.update_production(connection, audiobook_id, options=merged),
            "options",
            f"It was told: {', '.join(f'{name}={value}' for name, value in sorted(given.items()))}.",
        )

    async def _steer(
        self, audiobook_id: str, change: Callable[[Any], Awaitable[Production]], kind: str, message: str
    ) -> Production:
        async with self._database.write() as connection:
            before = await rows.get_production(connection, audiobook_id)
            after = await change(connection)
            # updated_at is the trigger's: a repeated command changes nothing and tells nothing.
            if replace(before, updated_at=None) != replace(after, updated_at=None):
                await append(connection, [self._event(after, kind, message)])
        return after

    def _event(self, made: Production, kind: str, message: str) -> Event:
        moment = self._now().astimezone(UTC)
        return Event(
            kind=kind,
            message=message,
            audiobook_id=made.audiobook_id,
            step_number=PRODUCTION,
            status=made.status,
            timestamp=f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}",
        )


def _known(language: str) -> str | None:
    try:
        return understood(language)
    except UsageError:  # raw SQL may hold any word
        return None


def queue_json(row: QueueRow) -> dict[str, Any]:
    """A row of the queue as ``queue --json`` prints it."""
    made = row.production
    return {
        "audiobook_id": made.audiobook_id,
        "book_id": made.book_id,
        "title": row.book_name,
        "author": row.author,
        "narrator_id": made.narrator_id,
        "narrator_name": row.narrator_name,
        "language": made.language,
        "recipe": made.recipe,
        "status": str(made.status),
        "priority": made.priority,
        "paused": made.paused_at is not None,
        "next_step": row.step_number or FIRST_STEP,
        "steps_done": row.steps_done,
        "steps_total": row.steps_total,
        "attempt": row.attempt,
        "max_attempts": row.max_attempts,
        "worker_id": row.worker_id,
        "worker_gone": made.status is Status.PROCESSING and _is_gone(row.worker_id),
        "poisoned": row.poisoned,
        "progress": dict(row.progress),
        "options": dict(made.options),
        "money": money_json(made, row.spent_micros),
        "substitution": substitution(made, row.progress),
        "error": made.error_message,
        "created_at": made.created_at,
    }


def _is_gone(worker_id: str | None) -> bool:
    if not worker_id:
        return False
    from foundry_tui.pipeline.worker_id import is_dead

    return is_dead(worker_id)


def substitution(made: Production, progress: Mapping[str, Any]) -> str | None:
    """Who speaks in whose place, while it is spoken and after; None where the narrator does."""
    now = str(progress.get("message") or "")
    if " in place of " in now:
        return now
    instead = (made.totals.get("spoken_by") or {}).get("substitute")
    return f"{instead['narrator']} spoke in place of {instead['in_place_of']}" if instead else None


def money_json(made: Production, spent_micros: int) -> dict[str, Any]:
    """What a production was said to cost at most (None: not known), what it has cost, and its own cap."""
    said = made.totals.get("price") or {}
    return {
        "free": bool(said.get("free") or (made.totals.get("money") or {}).get("free")) and not spent_micros,
        "price_usd": said.get("price_usd"),
        "spent_usd": spent_micros / MICROS,
        "cap_usd": made.options.get("cap_usd"),
    }


def _check_priority(priority: int) -> None:
    if not -_PRIORITY_MAX <= priority <= _PRIORITY_MAX:
        raise UsageError(
            f"A priority of {priority} cannot be.", next_action=f"It takes -{_PRIORITY_MAX} to {_PRIORITY_MAX}."
        )
