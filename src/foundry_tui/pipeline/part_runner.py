"""Runs one claimed part of a step. However it ends, only its own job changes: the step answers for what is left."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from foundry_tui.errors import Draining, Interrupted, LeaseLost, UsageError
from foundry_tui.pipeline.context import ClaimContext, Ended
from foundry_tui.pipeline.contract import PartHandler
from foundry_tui.pipeline.redact import redacted
from foundry_tui.pipeline.retry import delay_s, failure_of
from foundry_tui.pipeline.runner import leading, spec_of
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store import jobs as job_rows
from foundry_tui.store.database import Database

log = logging.getLogger(__name__)


class PartRunner:
    """Carries parts to their end."""

    def __init__(self, database: Database, settings: PoolSettings, chance: random.Random) -> None:
        self._database = database
        self._settings = settings
        self._chance = chance

    async def run(self, context: ClaimContext) -> Ended:
        """Run a part and end its claim; raises only asyncio.CancelledError, after giving the job back."""
        try:
            message = await self._work(context)
            await self._write(
                context, lambda connection: job_rows.finish(connection, context.claimed.job, context.now())
            )
        except asyncio.CancelledError:
            context.torn = await asyncio.shield(self._stopped(context, context.stopping or Draining))
            raise
        except Exception as error:  # noqa: BLE001 - a part's fault is that part's failure, never the pool's
            cause = leading(error)
            if isinstance(cause, Interrupted):
                return await self._stopped(context, type(cause))
            return await self._failed(context, cause)
        else:
            return _ended(context, message)
        finally:
            await context.close()

    async def _work(self, context: ClaimContext) -> str:
        handler = spec_of(context).handler
        if context.part is None or not isinstance(handler, PartHandler):
            raise UsageError(f"{context.step.step_number} cannot be done in parts by this Foundry.")
        context.checkpoint()
        message = await handler.run_part(context, context.part, context.claimed.job.payload.get("brief") or {})
        await context.settle()
        return message

    async def _write(self, context: ClaimContext, change: Callable[[Any], Awaitable[object]]) -> None:
        async def write() -> None:
            async with self._database.write() as connection:
                await change(connection)

        await context.durably(write)

    async def _failed(self, context: ClaimContext, error: Exception) -> Ended:
        job, failure = context.claimed.job, failure_of(error)
        message = redacted(failure.message)
        log.warning("a part of %s failed: %s", context.step.step_number, message)
        used = 1 if context.made_durable else job.attempt
        if failure.retryable and used < job.max_attempts:
            wait_s = delay_s(self._settings, used, self._chance, failure.retry_after_s)

            async def end(connection: Any) -> None:
                told = (failure.code, message, None)
                due = context.now() + wait_s
                await job_rows.release(connection, job, reason="retry", attempt=used, run_after=due, error=told)
        else:

            async def end(connection: Any) -> None:
                now = context.now()
                await job_rows.fail(
                    connection, job, now, code=failure.code, message=message, trace=None, reason="error"
                )

        try:
            await self._write(context, end)
        except LeaseLost:
            log.info("the lease of part %s was lost", job.job_id)
        return _ended(context, message)

    async def _stopped(self, context: ClaimContext, cause: type[Interrupted]) -> Ended:
        await context.settle()
        if cause is LeaseLost or context.stopping is LeaseLost:
            return _ended(context, "the lease was lost")
        job = context.claimed.job

        async def end(connection: Any) -> None:
            row = await job_rows.load(connection, job.job_id)
            if row is not None and row.cancel_requested:
                await job_rows.cancel_held(connection, job, context.now())
                return
            used = 0 if context.made_durable else max(job.attempt - 1, 0)
            await job_rows.release(connection, job, reason="shutdown", attempt=used)

        try:
            await self._write(context, end)
        except LeaseLost:
            log.info("the lease of part %s was lost", job.job_id)
        return _ended(context, "given back")


def _ended(context: ClaimContext, message: str) -> Ended:
    return Ended(context.step.audiobook_id, context.step.step_number, "part", message)
