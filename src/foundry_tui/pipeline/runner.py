"""Runs one claimed step: key, skip or work, and the fenced end that its outcome or its error calls for."""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Mapping
from typing import Any

from foundry_tui.domain.keys import key_of
from foundry_tui.domain.reasons import reasons
from foundry_tui.domain.status import Level, Status
from foundry_tui.errors import DatabaseUnavailable, DiskFull, Draining, FoundryError, Interrupted, LeaseLost, UsageError
from foundry_tui.memory import give_back_memory
from foundry_tui.pipeline.clock import Clock
from foundry_tui.pipeline.context import ClaimContext, Ended
from foundry_tui.pipeline.contract import StepOutcome, StepSpec
from foundry_tui.pipeline.redact import redacted
from foundry_tui.pipeline.retry import Failure, delay_s, failure_of
from foundry_tui.pipeline.room import RoomWatch
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store import disk_waits, step_turns
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import steps as step_rows
from foundry_tui.store.database import Database
from foundry_tui.store.disk_waits import DiskWait

log = logging.getLogger(__name__)


class Runner:
    """Carries claimed steps to their end; knows no step by name."""

    def __init__(
        self,
        database: Database,
        settings: PoolSettings,
        clock: Clock,
        chance: random.Random,
        room: RoomWatch,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._room = room

    async def run(self, context: ClaimContext) -> Ended:
        """Run a claimed step and end its claim; raises only asyncio.CancelledError, after giving the job back."""
        try:
            return await self._work(context, spec_of(context))
        except asyncio.CancelledError:
            context.torn = await asyncio.shield(self._stopped(context, context.stopping or Draining))
            raise
        except Exception as error:  # noqa: BLE001 - a step's fault is that step's failure, never the pool's
            cause = leading(error)
            if isinstance(cause, Interrupted):
                return await self._stopped(context, type(cause))
            if isinstance(cause, DiskFull):
                return await self._wait_for_room(context, cause)
            return await self._failed(context, cause)
        finally:
            await context.close()
            await asyncio.to_thread(give_back_memory)

    async def _work(self, context: ClaimContext, spec: StepSpec) -> Ended:
        parts = dict(await spec.handler.inputs(context))
        key = key_of(parts)
        step = context.step
        if step.input_key == key and await spec.handler.intact(context, step.result):
            outcome = StepOutcome(step.result, f"{spec.name}: nothing has changed, what it made still stands.")
            return await self._advance(context, key, parts, outcome, kind="step_skipped")
        if step.input_key is not None:
            why = reasons(step.key_parts, parts) or ["what it made is missing or was altered"]
            await context.event("made_again", f"{spec.name} runs again: {'; '.join(why)}.", details={"reasons": why})
        context.checkpoint()
        outcome = await spec.handler.run(context)
        return await self._advance(context, key, parts, outcome, kind="step_succeeded")

    async def _advance(
        self,
        context: ClaimContext,
        key: str,
        parts: Mapping[str, Any],
        outcome: StepOutcome,
        *,
        kind: str,
    ) -> Ended:
        await context.settle()
        place, steps = context.step.position + 1, context.recipe.steps
        following = steps[place] if place < len(steps) else None

        async def write() -> int | None:
            async with self._database.write() as connection:
                return await step_turns.advance(
                    connection,
                    context.claimed,
                    context.now(),
                    input_key=key,
                    key_parts=parts,
                    result=outcome.result,
                    message=outcome.message,
                    following=following,
                    totals=outcome.totals,
                    published=outcome.published,
                    manifest_sha=outcome.manifest_sha,
                    kind=kind,
                )

        next_job = await context.durably(write)
        return self._ended(context, "finished" if next_job is None else "advanced", outcome.message)

    def _ended(self, context: ClaimContext, kind: str, message: str = "") -> Ended:
        return Ended(context.step.audiobook_id, context.step.step_number, kind, message)

    # -- endings other than success -----------------------------------------------------------------------------

    async def _failed(self, context: ClaimContext, error: Exception) -> Ended:
        failure = failure_of(error)
        trace = None
        if not isinstance(error, FoundryError):
            trace = redacted("".join(traceback.format_exception(error)))
            log.error("%s failed unexpectedly", context.step.step_number, exc_info=error)
        details = dict(error.details) if isinstance(error, FoundryError) else {}
        used = 1 if context.made_durable else context.attempt
        again = failure.retryable and used < context.claimed.job.max_attempts
        message = redacted(failure.message)
        try:
            if again:
                waits = await self._retry(context, failure, message, used, trace, details)
                return self._ended(context, "retry" if waits else "cancelled", message)

            async def write() -> None:
                async with self._database.write() as connection:
                    await step_turns.fail(
                        connection,
                        context.claimed,
                        context.now(),
                        code=failure.code,
                        message=message,
                        action=failure.action,
                        trace=trace,
                        reason="attempts" if failure.retryable else "error",
                        details=details,
                    )

            await context.durably(write)
        except LeaseLost:
            return self._ended(context, "lost")
        return self._ended(context, "failed", f"{message} {failure.action}".strip())

    async def _retry(
        self,
        context: ClaimContext,
        failure: Failure,
        message: str,
        used: int,
        trace: str | None,
        details: Mapping[str, Any],
    ) -> bool:
        """Have it wait for another try; False where the operator has cancelled it meanwhile."""
        wait_s = delay_s(self._settings, used, self._chance, failure.retry_after_s)
        most = context.claimed.job.max_attempts

        async def write() -> bool:
            now = context.now()
            async with self._database.write() as connection:
                if await step_turns.cancelled_meanwhile(connection, context.claimed, now):
                    return False
                await job_rows.release(
                    connection,
                    context.claimed.job,
                    reason="retry",
                    attempt=used,
                    run_after=now + wait_s,
                    error=(failure.code, message, trace),
                )
                event = step_rows.told(
                    context.claimed,
                    now,
                    "step_retry",
                    f"{message} It is tried again in {wait_s:.0f} s (attempt {used} of {most} failed).",
                    status=Status.PENDING,
                    level=Level.WARNING,
                    details={"code": failure.code, "delay_s": round(wait_s, 3), **details},
                )
                await step_turns.step_back(connection, context.claimed, event)
            return True

        return await context.durably(write)

    async def _wait_for_room(self, context: ClaimContext, error: DiskFull) -> Ended:
        """A full disk is nobody's fault: the step waits, at no cost, and whoever sees room lets it go on."""
        await context.settle()
        message = redacted(error.message)
        wait = await asyncio.to_thread(self._room.wait_for, error, context.claimed, self._settings)
        action = "It waits for room, and goes on by itself: free some space."
        try:
            waits = await self._put_aside(context, wait, message, action)
        except LeaseLost:
            return self._ended(context, "lost")
        if not waits:
            return self._ended(context, "cancelled", message)
        return self._ended(context, "disk_full", f"{message} {action}")

    async def _put_aside(self, context: ClaimContext, wait: DiskWait, message: str, action: str) -> bool:
        """Write down that the step waits, however long that takes; False where it was cancelled meanwhile.

        The first refusal throws the database's ballast overboard, but whoever fills the disk may take that room as
        well. Not a write of the lease's time, then: the fence in it is enough, and nobody else can write either.
        """
        context.hold.leave("disk_full")
        refused = False
        try:
            while not context.hold.draining:
                try:
                    async with self._database.write() as connection:
                        now = context.now()
                        waits = await disk_waits.put_aside(
                            connection, context.claimed, now, message=message, action=action, wait=wait
                        )
                except (DiskFull, DatabaseUnavailable):
                    if not refused:
                        refused = True
                        continue
                    self._room.hold(wait)
                    context.stand_still("room on the disk")
                    await self._clock.sleep(self._settings.poll_min_s)
                    continue
                if waits:
                    await self._room.written(wait)
                return waits
        finally:
            self._room.release(wait.job_id)
        return True  # whoever starts next finds a worker that is gone, and takes the step up again

    async def _stopped(self, context: ClaimContext, cause: type[Interrupted]) -> Ended:
        """Stopped on purpose: costs nothing, and everything finished is kept."""
        await context.settle()
        if context.hold.left:
            return self._ended(context, context.hold.left)
        if cause is LeaseLost or context.stopping is LeaseLost:
            log.info("the lease of job %s was lost; its result is dropped", context.claimed.job.job_id)
            return self._ended(context, "lost")
        try:
            return await context.durably(lambda: self._give_back(context, cause))
        except LeaseLost:
            return self._ended(context, "lost")

    async def _give_back(self, context: ClaimContext, cause: type[Interrupted]) -> Ended:
        claimed, now = context.claimed, context.now()
        async with self._database.write() as connection:
            # Read in this transaction: a pause may have been lifted, a cancellation come, since the handler stopped.
            row = await job_rows.load(connection, claimed.job.job_id)
            if row is not None and row.cancel_requested:
                await step_turns.cancel(connection, claimed, now)
                return self._ended(context, "cancelled")
            kind = "paused" if row is not None and row.paused else "released"
            reason = "paused" if kind == "paused" else ("shutdown" if cause is Draining else "released")
            used = 0 if context.made_durable else max(claimed.job.attempt - 1, 0)
            pause_s = self._settings.retry_floor_s if reason == "released" else 0.0
            await job_rows.release(connection, claimed.job, reason=reason, attempt=used, run_after=now + pause_s)
            said = "paused" if kind == "paused" else "given back by a worker that stopped"
            message = f"{context.step.step_name} was {said}; it goes on where it stopped."
            event = step_rows.told(claimed, now, f"step_{kind}", message, status=Status.PENDING)
            await step_turns.step_back(connection, claimed, event)
        return self._ended(context, kind)


def spec_of(context: ClaimContext) -> StepSpec:
    """The step of the recipe that was claimed. Raises UsageError where this Foundry's recipe has it not."""
    step, steps = context.step, context.recipe.steps
    if step.position < len(steps) and steps[step.position].number == step.step_number:
        return steps[step.position]
    raise UsageError(
        f"This Foundry's recipe {context.recipe.name!r} has no step {step.step_number} in place {step.position + 1}.",
        next_action="Run it with the Foundry that began it, or order the book anew.",
    )


def leading(error: Exception) -> Exception:
    """Of errors raised side by side (a task group's): what stopped the step on purpose, else what is known best."""
    if not isinstance(error, ExceptionGroup):
        return error
    inside = [leading(each) for each in error.exceptions]
    for kind in (LeaseLost, Interrupted):
        for each in inside:
            if isinstance(each, kind):
                return each
    permanent = [each for each in inside if isinstance(each, FoundryError) and not each.retryable]
    known = [each for each in inside if isinstance(each, FoundryError)]
    return (permanent or known or inside)[0]
