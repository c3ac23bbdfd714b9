"""One claimed run of one step, as its handler sees it: every durable write behind the fence, takes group-committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from foundry_tui.domain.corrections import Corrections
from foundry_tui.domain.languages import understood
from foundry_tui.domain.status import Level, Status
from foundry_tui.domain.takes import Take
from foundry_tui.errors import DatabaseUnavailable, DiskFull, FoundryError, Interrupted, LeaseLost
from foundry_tui.pipeline.clock import Clock
from foundry_tui.pipeline.combine import Combiner
from foundry_tui.pipeline.contract import Progress, Recipe
from foundry_tui.pipeline.feed import ProgressFeed, Running
from foundry_tui.pipeline.hold import Hold
from foundry_tui.pipeline.in_hand import InHand
from foundry_tui.pipeline.parts import OpenParts
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store import chunk_overrides as override_rows
from foundry_tui.store import chunks as chunk_rows
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import parts as part_rows
from foundry_tui.store import requeue as requeue_rows
from foundry_tui.store import steps as step_rows
from foundry_tui.store.chunks import Mark
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.jobs import Beat, Control
from foundry_tui.store.steps import ClaimedStep

log = logging.getLogger(__name__)
Place = tuple[int, int]
Answer = TypeVar("Answer")
_AWAY_PAUSE_S = 0.5  # between tries while the database cannot be reached


@dataclass(frozen=True, slots=True)
class Ended:
    """How a claim ended.

    ``kind``: advanced, finished, retry, failed, cancelled, paused, released, lost, sent_back, disk_full; part, however
    a part of a step ended: that says nothing of its production.
    """

    audiobook_id: str
    step_number: str
    kind: str
    message: str = ""


class ClaimContext:
    """The StepContext of a claim. Lives on the pool's loop; ``hold`` is the pool's way in."""

    def __init__(
        self,
        database: Database,
        claimed: ClaimedStep,
        recipe: Recipe,
        *,
        settings: PoolSettings,
        clock: Clock,
        feed: ProgressFeed,
        now: Callable[[], float],
    ) -> None:
        self.production = claimed.production
        self.book = claimed.book
        self.narrator = claimed.narrator
        self.step = claimed.step
        self.results = claimed.results
        self.attempt = claimed.job.attempt
        self.worker_id = claimed.job.worker_id or ""
        self.claimed = claimed
        self.part = part_rows.places_of(claimed.job)  # the chunks of a part; None where this is the whole step
        self.parts = (
            OpenParts(database, claimed, size=settings.part_chunks, clock=clock, now=now, durably=self.durably)
            if settings.part_chunks and self.part is None
            else None
        )
        self.made_durable = False
        self.torn: Ended | None = None  # how it ended when its task was cancelled
        self._database = database
        self.recipe = recipe
        self._settings = settings
        self._clock = clock
        self._feed = feed
        self.now = now  # seconds since 1970 on the database's clock
        self._progress = Progress()
        self._in_hand = InHand(settings.chunk_deaths_before_poison)
        self._learning: asyncio.Task[None] | None = None
        self._marking: asyncio.Task[None] | None = None
        self.hold = Hold(settings, clock)
        self._begun = clock.monotonic()
        self._written: Mapping[str, Any] = {}
        self._written_at = self._begun
        self._combiner: Combiner[Sequence[Take]] = Combiner(self._write)
        self._publish()

    @property
    def stopping(self) -> type[Interrupted] | None:
        """Why no new chunk may be begun; None while all is well."""
        return self.hold.stopping

    # -- progress -----------------------------------------------------------------------------------------------

    def progress(self, progress: Progress) -> None:
        """Keep the newest; the feed shows it at once, the heartbeat carries it out."""
        self._progress = progress
        self._publish()

    def stand_still(self, waits_for: str) -> None:
        """Show that it gets no further, and what it waits for."""
        self.progress(replace(self._progress, waits_for=waits_for))

    def _publish(self) -> None:
        if self.part is not None:
            return  # whoever watches sees the step itself get on
        step = self.step
        self._feed.put(
            Running(
                self.claimed.job.job_id,
                step.audiobook_id,
                step.step_number,
                step.step_name,
                self.attempt,
                self._begun,
                self._clock.monotonic(),
                self._progress,
            )
        )

    def state(self) -> dict[str, Any]:
        """What the job's row keeps of the progress: counts, and the chunks in hand that a death is laid to."""
        return {**asdict(self._progress), "in_hand": self._in_hand.places()}

    def beat(self) -> Beat:
        """This job's part of the process's heartbeat."""
        return Beat(self.claimed.job.job_id, self.claimed.job.fence, self.state())

    def written(self, progress: Mapping[str, Any]) -> None:
        """The row holds this state now."""
        self._written, self._written_at = progress, self._clock.monotonic()

    def due(self) -> bool:
        """Whether the row should be written: the heartbeat is due, or its progress has moved and is a second old."""
        now = self._clock.monotonic()
        if self.hold.silent_s >= self._settings.heartbeat_s:
            return True
        return now - self._written_at >= self._settings.progress_s and self.state() != self._written

    # -- durable writes -----------------------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Raise Draining, Cancelled or LeaseLost when no new chunk may be begun."""
        stop = self.stopping
        if stop is not None:
            raise stop

    def _may_write(self) -> None:
        if self.stopping is LeaseLost or self.hold.left:
            raise LeaseLost

    async def durably(self, write: Callable[[], Awaitable[Answer]]) -> Answer:
        """``write``, again for as long as the lease holds where the database cannot be reached for a moment.

        Safe to repeat: every write checks the fence, and is one transaction. Raises LeaseLost when the lease is gone.
        A full disk is tried once more: unless the write ``may_wait``, the first refusal threw the ballast overboard.
        """
        full = False
        while True:
            self._may_write()
            try:
                return await write()
            except DiskFull:
                if full:
                    raise
                full = True
            except DatabaseUnavailable as error:
                log.warning("%s: %s It is tried again.", self.step.step_number, error.message)
                await self._clock.sleep(_AWAY_PAUSE_S)

    async def event(
        self,
        kind: str,
        message: str,
        *,
        level: Level = Level.INFO,
        details: Mapping[str, Any] | None = None,
        step_name: str | None = None,
    ) -> None:
        """Append an event under this step, if the lease holds."""

        async def write() -> None:
            async with self._database.write(may_wait=True) as connection:
                control = await job_rows.settle(connection, self.claimed.job, {"lease_expires_at": self._lease()})
                told = step_rows.told(
                    self.claimed,
                    self.now(),
                    kind,
                    message,
                    status=Status.PROCESSING,
                    level=level,
                    details=details,
                    step_name=step_name,
                )
                await append(connection, [told])
            self.hold.hear(control)

        await self.durably(write)

    def _lease(self) -> float:
        return self.now() + self._settings.lease_s

    async def takes(self) -> Mapping[Place, Take]:
        """Every take of this production."""

        async def read() -> Mapping[Place, Take]:
            async with self._database.read() as connection:
                return await chunk_rows.load(connection, self.step.audiobook_id)

        return await self.durably(read)

    async def record(self, takes: Sequence[Take]) -> None:
        """Insert or replace takes; those that arrive together share one transaction."""
        self._may_write()
        self._in_hand.record(take.place for take in takes)
        await self._combiner.add(list(takes))

    async def _write(self, batches: Sequence[Sequence[Take]]) -> None:
        newest = {take.place: take for batch in batches for take in batch}
        durable = any(take.status is Status.SUCCESS for take in newest.values())
        state = self.state()
        values: dict[str, Any] = {"lease_expires_at": self._lease(), "progress": state}
        if durable:
            values["durable"] = True

        async def write() -> Control:
            async with self._database.write(may_wait=True) as connection:
                control = await job_rows.settle(connection, self.claimed.job, values)
                if newest:
                    await chunk_rows.upsert(connection, list(newest.values()))
            return control

        self.hold.hear(await self.durably(write))
        self.made_durable = self.made_durable or durable
        self.written(state)

    async def begin_chunks(self, places: Iterable[Place]) -> None:
        """Name all chunks in hand; the mark rides on this job's next transaction (see pipeline.in_hand)."""
        self.checkpoint()
        named = set(places)  # before anything is awaited: what is new in it since the last call is the caller's own
        await self._learned()
        waits = self._in_hand.take(named)
        if waits:
            await self._in_hand.wait_turn(waits)
            self.checkpoint()
        if self._in_hand.wary or self.claimed.job.fence > 1:
            await self._combiner.add([])
        elif self._marking is None:
            self._marking = asyncio.create_task(self._mark_soon())

    async def _mark_soon(self) -> None:
        await self._clock.sleep(self._settings.mark_delay_s)
        self._marking = None
        if self._in_hand.places() != self._written.get("in_hand", []):
            with suppress(FoundryError):  # a lost lease, a database away: the next write that matters will say so
                await self._combiner.add([])

    async def takes_lost(self) -> Mapping[Place, int]:
        """Deaths laid to each suspect: speak them last, and with ``chunk_deaths_before_poison`` of them not at all."""
        await self._learned()
        return self._in_hand.deaths()

    async def _learned(self) -> None:
        if self._learning is None:
            self._learning = asyncio.create_task(self._learn())
        await asyncio.shield(self._learning)

    async def _learn(self) -> None:
        async def read() -> Mapping[Place, Mark]:
            async with self._database.read() as connection:
                return await chunk_rows.marks(connection, self.step.audiobook_id)

        self._in_hand.learn(await self.durably(read))

    async def forget_takes(self, keep: Iterable[Place]) -> None:
        """Drop the rows of chunks the book no longer has."""
        kept = set(keep)

        async def write() -> Control:
            async with self._database.write(may_wait=True) as connection:
                control = await job_rows.settle(connection, self.claimed.job, {"lease_expires_at": self._lease()})
                await chunk_rows.forget(connection, self.step.audiobook_id, kept)
            return control

        self.hold.hear(await self.durably(write))

    async def find_takes(self, input_keys: Sequence[str]) -> Mapping[str, Take]:
        """Successful takes of any production by their key."""

        async def read() -> Mapping[str, Take]:
            async with self._database.read() as connection:
                return await chunk_rows.find(connection, input_keys)

        return await self.durably(read)

    async def corrections(self) -> Corrections:
        """What the operator decided about the book's words."""
        language = understood(self.production.language)

        async def read() -> Corrections:
            async with self._database.read() as connection:
                return await override_rows.corrections(connection, self.production.book_id, language)

        return await self.durably(read)

    async def send_back(self, step_name: str, reason: str, places: Iterable[Place] = ()) -> None:
        """Make an earlier step pending again and this one wait for it; always raises."""
        await self._combiner.settle()
        place, damaged = self.recipe.position(step_name), list(places)

        async def write() -> int | None:
            async with self._database.write() as connection:
                return await requeue_rows.send_back(
                    connection,
                    self.claimed,
                    self.recipe.steps[place],
                    place,
                    reason=reason,
                    places=damaged,
                    now=self.now(),
                    most=self._settings.most_send_backs,
                )

        self.hold.leave("cancelled" if await self.durably(write) is None else "sent_back")
        raise Interrupted(f"{step_name} is made again first: {reason}")

    async def durable(self) -> None:
        """Something durable was finished besides takes."""

        async def write() -> Control:
            async with self._database.write(may_wait=True) as connection:
                values = {"durable": True, "lease_expires_at": self._lease()}
                return await job_rows.settle(connection, self.claimed.job, values)

        self.hold.hear(await self.durably(write))
        self.made_durable = True

    async def settle(self) -> None:
        """Let the takes being written be written."""
        await self._combiner.settle()

    async def close(self) -> None:
        """Let the last transaction end, and leave the feed."""
        helpers = [task for task in (self._learning, self._marking) if task is not None and not task.done()]
        for task in helpers:
            task.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        await self.settle()
        self._feed.drop(self.claimed.job.job_id)
