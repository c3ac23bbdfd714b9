"""The operator's desk: what a console shows of long lists, and the changes it makes to many productions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.desk import BookLine, ChunkLine, Counts, Opened, ProductionLine, Wanted, Window
from foundry_tui.domain.events import Event
from foundry_tui.domain.languages import understood
from foundry_tui.domain.status import Level
from foundry_tui.store import catalog as book_rows
from foundry_tui.store import production_story, steering, windows
from foundry_tui.store import productions as rows
from foundry_tui.store import steps as step_rows
from foundry_tui.store.catalog import BookOrder
from foundry_tui.store.change_watch import ChangeWatch
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.roster import NarratorOrder
from foundry_tui.store.steps import PRODUCTION


class Desk:
    """Reads windows; steers productions in bulk, one transaction each time."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def watch(self) -> ChangeWatch:
        """Tells when somebody has written."""
        return ChangeWatch(self._database)

    async def counts(self) -> Counts:
        """The house at a glance."""
        async with self._database.read() as connection:
            return await windows.counts(connection)

    async def books(self, wanted: Wanted) -> Window[BookLine]:
        """The catalog around a row."""
        async with self._database.read() as connection:
            return await windows.book_window(
                connection,
                text=wanted.text,
                order=BookOrder(wanted.order or BookOrder.ADDED),
                descending=wanted.descending,
                around=wanted.around,
                index=wanted.index,
            )

    async def more_books(self, wanted: Wanted, first: int, last: int) -> list[BookLine]:
        """Books ``first`` to ``last`` (not included) of the list."""
        async with self._database.read() as connection:
            return await windows.book_lines(
                connection,
                text=wanted.text,
                order=BookOrder(wanted.order or BookOrder.ADDED),
                descending=wanted.descending,
                offset=first,
                limit=last - first,
            )

    async def narrators(self, wanted: Wanted) -> Window[Narrator]:
        """The roster."""
        async with self._database.read() as connection:
            return await windows.narrator_window(
                connection,
                text=wanted.text,
                order=NarratorOrder(wanted.order or NarratorOrder.NARRATOR_ID),
                descending=wanted.descending,
                around=wanted.around,
                index=wanted.index,
            )

    async def productions(self, wanted: Wanted) -> Window[ProductionLine]:
        """The queue around a row."""
        async with self._database.read() as connection:
            return await windows.production_window(
                connection, view=wanted.view, text=wanted.text, around=wanted.around, index=wanted.index
            )

    async def more_productions(self, wanted: Wanted, first: int, last: int) -> list[ProductionLine]:
        """Productions ``first`` to ``last`` (not included) of the list."""
        async with self._database.read() as connection:
            return await windows.production_lines(
                connection, view=wanted.view, text=wanted.text, offset=first, limit=last - first
            )

    async def open(self, audiobook_id: str) -> Opened | None:
        """One production with everything about it; None where it is gone."""
        async with self._database.read() as connection:
            found = await windows.lines_of(connection, [audiobook_id])
            if not found:
                return None
            steps = await production_story.steps_with_jobs(connection, audiobook_id)
            lost = await production_story.chunk_lines(connection, audiobook_id, only="failed", offset=0, limit=20)
        return Opened(found[0], tuple(steps), tuple(lost))

    async def chunks(
        self, audiobook_id: str, *, only: str, around: tuple[int, int] | None, index: int
    ) -> Window[ChunkLine]:
        """Chunks of a production around a place; ``only`` is all, flagged or failed."""
        async with self._database.read() as connection:
            return await production_story.chunk_window(connection, audiobook_id, only=only, around=around, index=index)

    async def more_chunks(self, audiobook_id: str, *, only: str, first: int, last: int) -> list[ChunkLine]:
        """Chunks ``first`` to ``last`` (not included) of the list."""
        async with self._database.read() as connection:
            return await production_story.chunk_lines(
                connection, audiobook_id, only=only, offset=first, limit=last - first
            )

    async def titles(self, audiobook_ids: Sequence[str]) -> dict[str, str]:
        """The book's title by production."""
        async with self._database.read() as connection:
            found = await windows.lines_of(connection, audiobook_ids)
        return {line.production.audiobook_id: line.book_name for line in found}

    async def edit_book(self, book_id: str, **changes: Any) -> Book:
        """Change columns of a book; a language must be understood. Raises NotFound and UsageError."""
        if changes.get("language"):
            understood(str(changes["language"]))
        async with self._database.write() as connection:
            return await book_rows.update_book(connection, book_id, **changes)

    async def hold(self, audiobook_ids: Sequence[str], *, held: bool) -> int:
        """Hold productions or let them go on, in one transaction; returns how many changed."""
        changed = 0
        async with self._database.write() as connection:
            events = []
            for audiobook_id in sorted(audiobook_ids):
                before = await rows.get_production(connection, audiobook_id)
                if (before.paused_at is not None) is held:
                    continue
                if held:
                    await rows.pause_production(connection, audiobook_id, now=self._now)
                else:
                    await rows.resume_production(connection, audiobook_id)
                changed += 1
                kind, said = (
                    ("paused", "The production was paused.") if held else ("resumed", "The production goes on.")
                )
                events.append(self._event(audiobook_id, before.status, kind, said))
            await append(connection, events)
        return changed

    async def cancel(self, audiobook_ids: Sequence[str]) -> tuple[int, int]:
        """Cancel productions in one transaction: (cancelled now, stopping at their next chunk border)."""
        now = stopping = 0
        async with self._database.write() as connection:
            await step_rows.lock(connection, audiobook_ids)
            for audiobook_id in audiobook_ids:
                if await steering.cancel(connection, audiobook_id, self._now().timestamp()):
                    now += 1
                else:
                    stopping += 1
        return now, stopping

    async def change_priority(self, audiobook_ids: Sequence[str], by: int) -> dict[str, int]:
        """Raise or lower priorities, in one transaction; returns the new ones."""
        changed: dict[str, int] = {}
        async with self._database.write() as connection:
            events = []
            for audiobook_id in sorted(audiobook_ids):
                before = await rows.get_production(connection, audiobook_id)
                after = max(-1000, min(1000, before.priority + by))
                if after == before.priority:
                    continue
                await rows.set_priority(connection, audiobook_id, after)
                changed[audiobook_id] = after
                events.append(self._event(audiobook_id, before.status, "priority", f"The priority is {after} now."))
            await append(connection, events)
        return changed

    async def note(self, message: str, *, level: Level = Level.WARNING) -> None:
        """Keep what an operator was told in the event log: it outlives the line it was shown on."""
        async with self._database.write() as connection:
            await append(connection, [Event(kind="console", message=message[:2000], level=level)])

    def _event(self, audiobook_id: str, status: Any, kind: str, message: str) -> Event:
        moment = self._now().astimezone(UTC)
        return Event(
            kind=kind,
            message=message,
            audiobook_id=audiobook_id,
            step_number=PRODUCTION,
            status=status,
            timestamp=f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}",
        )
