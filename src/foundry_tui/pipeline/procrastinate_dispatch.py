"""Procrastinate as dispatcher: PostgreSQL carries the ids of jobs to the machines that can do them.

Its messages live in a schema of their own and are disposable: the jobs table says what waits, a sweep announces what
has no message, and ``run_step`` claims by fence, so that a message too many or too few does no harm. Its own retries
are off; ours decide.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from procrastinate import App, PsycopgConnector, schema
from procrastinate.jobs import Status
from procrastinate.tasks import Task

from foundry_tui.endings import end_all, rest
from foundry_tui.errors import DatabaseUnavailable, UsageError
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.pipeline.queues import Queues
from foundry_tui.store import dispatching
from foundry_tui.store.database import LIFELINES, Database
from foundry_tui.store.dispatching import Waiting

log = logging.getLogger(__name__)
SCHEMA = "procrastinate"
SWEEP_S = 5.0
STALLED_S = 30.0
_AGAIN_S = 2.0  # after the server was away
_END_S = 15.0  # longer than a worker of its own takes to end
_LET_GO_S = 1.0  # our own pool sees to the work in hand, procrastinate need not wait for it
_READY = f"SELECT to_regclass('{SCHEMA}.procrastinate_jobs') IS NOT NULL"
_VERSION = f"SELECT obj_description(to_regnamespace('{SCHEMA}'), 'pg_namespace')"
_FIND_IT = f"SELECT set_config('search_path', '{SCHEMA},' || current_setting('search_path'), true)"
_CARRIED = f"""
    SELECT (args->>'job_id')::bigint AS job_id, status::text, queue_name, priority FROM {SCHEMA}.procrastinate_jobs
    WHERE status IN ('todo', 'doing')
"""  # noqa: S608 - names of ours
_WITHDRAW = f"""
    DELETE FROM {SCHEMA}.procrastinate_jobs WHERE status = 'todo' AND (args->>'job_id')::bigint = ANY(%s)
"""  # noqa: S608 - names of ours


class ProcrastinateDispatcher:
    """Announces jobs inside the transaction that makes them, and works as one of any number of workers."""

    def __init__(self, database: Database, queues: Callable[[], Queues]) -> None:
        """``queues`` is asked at first use: it knows the recipes. Raises UsageError on SQLite."""
        if database.is_sqlite:
            raise UsageError(
                "Procrastinate dispatches over PostgreSQL, and this home keeps its tables in SQLite.",
                next_action="Name the server: --database-url postgresql://user@host/name.",
            )
        self._database = database
        self._queues = queues
        self._ready = False
        address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        options = f"{LIFELINES['options']} -c search_path={SCHEMA},public"
        connector = PsycopgConnector(conninfo=address, kwargs={**LIFELINES, "options": options}, min_size=1, max_size=4)
        self._app = App(connector=connector)
        self._pool: WorkerPool | None = None
        self._at_work: set[asyncio.Task[Any]] = set()
        self._task: Task[Any, Any, Any] = self._app.task(name="foundry.run_step", retry=False)(self._run_step)

    # -- announcing ---------------------------------------------------------------------------------------------

    async def enqueue(self, transaction: Any, job_ids: Sequence[int]) -> None:
        """Put a message for each job into the transaction; a fault of procrastinate's leaves it to the sweep."""
        raw = await dispatching.driver(transaction)
        if not self._ready:
            self._ready = bool((await (await raw.execute(_READY)).fetchone())[0])
        if not self._ready:
            return
        waiting = await dispatching.waiting(transaction, job_ids)
        try:
            async with raw.transaction():  # a savepoint: the jobs themselves must hold whatever becomes of messages
                await raw.execute(_FIND_IT)
                for job in waiting:
                    await self._defer(raw, job)
        except Exception:
            log.warning("jobs could not be announced; the sweep will", exc_info=True)

    def committed(self) -> None:
        """Nothing to do: procrastinate's own trigger has told its workers."""

    async def _defer(self, raw: Any, job: Waiting) -> None:
        due = datetime.fromtimestamp(job.run_after, UTC) if job.run_after else None
        queue = self._queues().of(job)
        message = self._task.configure(queue=queue, priority=job.priority, schedule_at=due, connection=raw)
        await message.defer_async(job_id=job.job_id)

    async def sweep(self) -> int:
        """Drop messages whose worker is gone, announce waiting jobs that have none; returns how many were."""
        stalled = await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S)
        for message in stalled:
            if message.id is not None:
                await self._app.job_manager.finish_job_by_id_async(message.id, Status.FAILED, delete_job=True)
        async with self._database.write() as connection:
            if not await dispatching.is_leader(connection):
                return 0
            raw = await dispatching.driver(connection)
            carried = defaultdict(list)
            for job_id, *message in await (await raw.execute(_CARRIED)).fetchall():
                carried[job_id].append(tuple(message))
            silent = [job for job in await dispatching.waiting(connection) if not self._is_carried(job, carried)]
            if silent:
                await raw.execute(_FIND_IT)
                await raw.execute(_WITHDRAW, [[job.job_id for job in silent]])
            for job in silent:
                await self._defer(raw, job)
        return len(silent)

    def _is_carried(self, job: Waiting, messages: Mapping[int, Sequence[tuple[str, str, int]]]) -> bool:
        # A message that waits where nobody of this kind works any more, or behind what is less urgent, carries nothing.
        here = ("todo", self._queues().of(job), job.priority)
        return any(message == here or message[0] == "doing" for message in messages.get(job.job_id, ()))

    # -- working ------------------------------------------------------------------------------------------------

    async def work(self, pool: WorkerPool, queues: Sequence[str], stop: asyncio.Event) -> None:
        """Take what comes in ``queues`` until ``stop`` is set, then drain; survives a server that restarts."""
        self._pool = pool
        await self._set_up()
        async with self._app.open_async(), pool.at_work():
            helpers = [asyncio.create_task(self._sweep_for_ever()), asyncio.create_task(self._take(pool, queues))]
            try:
                await stop.wait()
            finally:
                await end_all(helpers, again_s=_END_S)
                await pool.drain()

    async def close(self) -> None:
        """Nothing of its own is open but while it works: it announces in the transactions of others."""

    async def _take(self, pool: WorkerPool, queues: Sequence[str]) -> None:
        while True:
            try:
                await self._app.run_worker_async(
                    queues=list(queues),
                    concurrency=pool.settings.workers,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    fetch_job_polling_interval=pool.settings.poll_max_s,
                    shutdown_graceful_timeout=_LET_GO_S,
                    stalled_worker_timeout=STALLED_S,
                )
            except Exception:
                log.warning("messages could not be fetched; it is tried again", exc_info=True)
            await rest(_AGAIN_S)

    async def _run_step(self, job_id: int) -> None:
        # Shielded: a server that hangs up ends procrastinate's side of it, never the work in hand.
        task = asyncio.ensure_future(self._claim(job_id))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        await asyncio.shield(task)

    async def _claim(self, job_id: int) -> None:
        assert self._pool is not None
        try:
            await self._pool.run_step(job_id)
        except DatabaseUnavailable:
            log.warning("job %s could not be claimed; the sweep announces it again", job_id)

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                if announced := await self.sweep():
                    log.info("%d waiting jobs had no message", announced)
            except Exception:
                log.warning("messages could not be swept", exc_info=True)
            await rest(SWEEP_S)

    async def _set_up(self) -> None:
        """Make procrastinate's schema, anew where it is an older release's: its messages are announced again."""
        installed = importlib.metadata.version("procrastinate")
        async with self._database.write() as connection:
            raw = await dispatching.driver(connection)
            await raw.execute("SELECT pg_advisory_xact_lock(7046029254386357)")
            found = (await (await raw.execute(_VERSION)).fetchone())[0]
            if found == installed:
                return
            if found is not None and _parts(found) > _parts(installed):
                raise UsageError(
                    f"Other machines of this house have procrastinate {found}; this one has {installed}.",
                    next_action="Install the same here: pip install -U 'foundry-tui[distributed]'.",
                )
            await raw.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            await raw.execute(f"CREATE SCHEMA {SCHEMA}")
            await raw.execute(f"SET LOCAL search_path TO {SCHEMA}")
            await raw.execute(schema.SchemaManager.get_schema())
            await raw.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{installed}'")


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
