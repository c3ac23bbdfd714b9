"""One heartbeat a process: renews every lease in one UPDATE, carries progress out and the operator's wishes in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from foundry_tui.endings import heed_cancel
from foundry_tui.pipeline.clock import Clock
from foundry_tui.pipeline.context import ClaimContext
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store import jobs as job_rows
from foundry_tui.store.database import Database

log = logging.getLogger(__name__)


class Heartbeat:
    """Ticks while the pool lives. Writes only when a lease is due or a job's progress has moved."""

    def __init__(
        self,
        database: Database,
        worker_id: str,
        active: Callable[[], Collection[ClaimContext]],
        settings: PoolSettings,
        clock: Clock,
        now: Callable[[], float],
        end: Callable[[ClaimContext], None],
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._active = active
        self._settings = settings
        self._clock = clock
        self._now = now
        self._end = end
        self._looked_at = clock.monotonic()

    async def run(self) -> None:
        """Beat until cancelled. A beat that fails is tried at the next tick: leases outlast several."""
        tick = min(self._settings.progress_s, self._settings.heartbeat_s / 4)
        while True:
            heed_cancel()
            await self._clock.sleep(tick)
            try:
                await self.tick()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.warning("the heartbeat could not be written", exc_info=True)

    async def tick(self) -> None:
        """Write if anything is due, else look now and then whether a job is to stop."""
        contexts = [context for context in self._active() if not context.hold.left]
        for context in contexts:
            # A claim that has been silent too long fences itself here; one that does not heed is ended.
            if context.stopping is not None and context.hold.overdue:
                self._end(context)
        if not contexts:
            return
        if any(context.due() for context in contexts):
            await self.beat(contexts)
        elif self._clock.monotonic() - self._looked_at >= self._settings.control_s:
            await self._look(contexts)

    async def beat(self, contexts: Collection[ClaimContext]) -> None:
        """One UPDATE for all of them; alone those whose rows somebody holds just now."""
        self._looked_at = self._clock.monotonic()
        beats = [context.beat() for context in contexts]
        expires_at = self._now() + self._settings.lease_s
        # A beat comes again soon; on a full disk it leaves the ballast alone until a lease is in danger.
        may_wait = all(context.hold.silent_s < self._settings.lease_s / 2 for context in contexts)
        async with self._database.write(may_wait=may_wait) as connection:
            heard = await job_rows.heartbeat(connection, self._worker_id, beats, expires_at)
        for beat in [beat for beat in beats if len(beats) > 1 and beat.job_id not in heard]:
            async with self._database.write(may_wait=may_wait) as connection:
                heard |= await job_rows.heartbeat(connection, self._worker_id, [beat], expires_at)
        for context, beat in zip(contexts, beats, strict=True):
            control = heard.get(beat.job_id)
            if control is not None:
                context.hold.hear(control)
                context.written(beat.progress)
            else:
                context.hold.lose()

    async def _look(self, contexts: Collection[ClaimContext]) -> None:
        self._looked_at = self._clock.monotonic()
        beats = [context.beat() for context in contexts]
        async with self._database.read() as connection:
            heard = await job_rows.controls(connection, self._worker_id, beats)
        for context, beat in zip(contexts, beats, strict=True):
            control = heard.get(beat.job_id)
            if control is None:
                context.hold.lose()
            elif control.cancel_requested or control.paused:
                context.hold.ask_to_stop()
