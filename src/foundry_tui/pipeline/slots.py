"""An engine's slots and pace, shared with every process of one database.

A slot is held while a request is on its way. It is freed at once where its holder is known to be dead on this
machine, and when its lease runs out where it is not (see pipeline.worker_id).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from foundry_tui.endings import end_all
from foundry_tui.errors import DatabaseUnavailable, DiskFull
from foundry_tui.pipeline.clock import Clock, SystemClock
from foundry_tui.pipeline.worker_id import is_dead, new_worker_id
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import slots as slot_rows
from foundry_tui.store.database import Database
from foundry_tui.store.slots import Slot

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.05, 1.0
_AWAY_S = 0.5


class SharedEngine:
    """The turn a request waits for (voices.guard.Turns): a slot of ``concurrency``, then its moment in the pace."""

    def __init__(
        self,
        database: Database,
        resource: str,
        *,
        concurrency: int = 0,
        requests_per_minute: float = 0.0,
        holder: str | None = None,
        lease_s: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        """0 means that there is no such limit."""
        self._database = database
        self._resource = resource
        self._slots = concurrency
        self._interval_s = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._holder = holder or str(new_worker_id())
        self._lease_s = lease_s
        self._clock = clock or SystemClock()
        self._offset_s: float | None = None
        self._held: dict[int, Slot] = {}
        self._late: list[Slot] = []  # to be given back as soon as that can be written
        self._freed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a slot while the block runs, which begins no earlier than the pace allows."""
        slot = await self._take() if self._slots else None
        try:
            if self._interval_s:
                await self._wait_for_pace()
            yield
        finally:
            if slot is not None:
                await asyncio.shield(self._give_back(slot))

    async def close(self) -> None:
        """Stop renewing; whatever is still held is given back."""
        if self._keeper is not None:
            await end_all([self._keeper])
            self._keeper = None
        late, self._late = self._late, []
        for slot in [*self._held.values(), *late]:
            await self._give_back(slot)

    async def _take(self) -> Slot:
        pause_s = _FIRST_LOOK_S
        while True:
            self._freed.clear()
            slot = await self._patiently(self._try_to_take)
            if slot is not None:
                self._held[slot.slot] = slot
                self._see_to_keeping()
                return slot
            jittered = pause_s * random.uniform(0.5, 1.5)  # noqa: S311 - so that processes do not ask in step
            try:
                async with asyncio.timeout(jittered):
                    await self._freed.wait()
            except TimeoutError:
                pause_s = min(pause_s * 2, _LONGEST_LOOK_S)

    async def _try_to_take(self) -> Slot | None:
        if self._offset_s is None:
            await self._set_up()
        async with self._database.write(may_wait=True) as connection:
            slot = await slot_rows.take(
                connection, self._resource, self._slots, self._holder, self._now(), self._lease_s
            )
        if slot is None:
            await self._bury()
        return slot

    async def _set_up(self) -> None:
        async with self._database.write() as connection:
            await slot_rows.make(connection, self._resource, self._slots)
            self._offset_s = await job_rows.clock_offset(connection, self._clock.time)

    def _now(self) -> float:
        return self._clock.time() + (self._offset_s or 0.0)

    async def _bury(self) -> None:
        """Free what dead neighbours held."""
        async with self._database.read() as connection:
            holders = {slot.holder for slot in await slot_rows.held(connection, self._resource)} - {self._holder}
        gone = await asyncio.to_thread(lambda: [holder for holder in holders if is_dead(holder)])
        if gone:
            async with self._database.write(may_wait=True) as connection:
                count = await slot_rows.free(connection, gone)
            log.info("%d slots of %s were held by processes that are gone", count, self._resource)
            self._freed.set()

    async def _give_back(self, slot: Slot) -> None:
        self._held.pop(slot.slot, None)

        async def write() -> None:
            async with self._database.write(may_wait=True) as connection:
                await slot_rows.give_back(connection, slot)

        try:
            await write()
        except (DatabaseUnavailable, DiskFull):
            log.warning("a slot of %s could not be given back yet", self._resource)
            self._late.append(slot)
            self._see_to_keeping()
        self._freed.set()

    def _see_to_keeping(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while self._held or self._late:
            await self._clock.sleep(self._lease_s / 4)
            late, self._late = self._late, []
            for slot in late:
                await self._give_back(slot)
            if self._held:
                try:
                    async with self._database.write(may_wait=True) as connection:
                        await slot_rows.renew(connection, self._holder, self._now() + self._lease_s)
                except (DatabaseUnavailable, DiskFull):
                    log.warning("the slots of %s could not be renewed", self._resource)

    async def _wait_for_pace(self) -> None:
        async def book() -> float:
            if self._offset_s is None:
                await self._set_up()
            async with self._database.write(may_wait=True) as connection:
                return await slot_rows.book_turn(connection, self._resource, self._interval_s, self._now())

        wait_s = await self._patiently(book) - self._now()
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    async def _patiently(self, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """``act``, again while the database is away: whether the work still counts is for its lease to say."""
        ends = self._clock.monotonic() + self._lease_s
        while True:
            try:
                return await act()
            except DatabaseUnavailable:
                if self._clock.monotonic() >= ends:
                    raise
                await self._clock.sleep(_AWAY_S)
