"""ARQ as dispatcher: Redis carries the ids of jobs to the machines that can do them.

Each queue of ours is one of ARQ's, ``foundry:cpu`` or ``foundry:engine.piper``, and has a worker of ARQ's of its own;
those of a process share its lanes.

ARQ knows no transaction of ours and no heartbeat, and holds what a dead worker had for its longest timeout. Neither
matters here: a message names a job and its fence, so that a job recovered by its lease is announced anew under another
name, and the sweep announces whatever Redis has lost or never heard of.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from arq import ArqRedis
from arq.constants import in_progress_key_prefix
from arq.worker import Function, Worker, func
from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.connection import parse_url
from redis.exceptions import RedisError

from foundry_tui.endings import end_all, heed_cancel, rest
from foundry_tui.errors import DatabaseUnavailable, UsageError
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.pipeline.queues import Queues
from foundry_tui.store import dispatching
from foundry_tui.store.database import Database
from foundry_tui.store.dispatching import Waiting

log = logging.getLogger(__name__)
QUEUE = "foundry"
TASK = "foundry.run_step"
SWEEP_S = 5.0
_AT_ONCE = 500  # messages a sweep and queue: those that come first
_IN_SIGHT = 10_000  # messages of a queue, of which the first by the tables is taken
_TIMEOUT = timedelta(days=7)  # the longest step; what a message's worker had is not waited for that long
# A living worker claims, or lets a message go (PoolSettings.turn_wait_s), sooner than that; one that is slower loses
# nothing, for whoever comes second finds the fence.
_HELD_S = 35.0
_MARK_S = _TIMEOUT.total_seconds() + 10  # how long ARQ's mark on a message in progress lasts
_AGAIN_S = 2.0
# ARQ's own half second is the time of a short chunk: a book in parts would wait that long for each. Where nothing has
# been done for a while it is often enough.
_LOOK_S = 0.1
_QUIET_LOOKS, _QUIET_AFTER_S = 5, 10.0
# No command of ARQ's blocks in Redis: one that is not answered for so long went to a machine that is gone.
_CONNECT_S, _ANSWER_S = 1.0, 5.0
_LET_GO_S = 5.0  # what closing waits for a Redis that hangs
_END_S = 15.0  # longer than all of that together


def to_bytes(message: dict[str, Any]) -> bytes:
    """A message without pickle."""
    return json.dumps(message, default=str).encode()


def from_bytes(message: bytes) -> dict[str, Any]:
    """The message of ``to_bytes``."""
    read: dict[str, Any] = json.loads(message)
    return read


def queue_name(queue: str) -> str:
    """What ARQ calls a queue of ours."""
    return f"{QUEUE}:{queue}"


class _Bounded:
    """Bounds how long a connection waits for an answer.

    Its own ``socket_timeout`` bounds sending, too, by ``asyncio.wait_for``, which on Python 3.11 forgets every other
    cancellation: a worker that was told to end went on.
    """

    async def read_response(self, *args: Any, **options: Any) -> Any:
        async with asyncio.timeout(_ANSWER_S):
            return await super().read_response(*args, **options)  # type: ignore[misc]


class _Lanes:
    """How many messages a process has in hand, of whatever queue."""

    def __init__(self) -> None:
        self.taken = 0
        self.used_at = time.monotonic()

    @property
    def quiet(self) -> bool:
        """Whether nothing has been in hand for a while."""
        return not self.taken and time.monotonic() - self.used_at > _QUIET_AFTER_S


Order = Callable[[Sequence[int]], Awaitable[Sequence[int]]]  # job ids, in the order they are to be done


class _QueueWorker(Worker):
    """ARQ's worker of one queue. It takes a message where a lane is free: ARQ counts them itself, queue by queue.

    Of several it takes the one whose job comes first by the tables: ARQ knows when they were sent, and no priority.
    """

    def __init__(
        self, lanes: _Lanes, client: ArqRedis, order: Order, functions: Sequence[Function], **options: Any
    ) -> None:
        self._lanes = lanes
        self._client = client
        self._order = order
        self._asked: tuple[list[bytes], list[bytes], float] = ([], [], 0.0)  # messages, in order, asked at
        self._looks = 0
        super().__init__(functions, redis_pool=client, **options)

    async def let_go(self) -> None:
        """Close, and end what ``close`` leaves where Redis is away or a message was ended in the middle."""
        try:
            async with asyncio.timeout(_LET_GO_S):
                await self.close()
        except (Exception, asyncio.CancelledError):  # Redis is away, or the end of what it had in hand
            log.debug("%s was not left in order", self.queue_name, exc_info=True)
        finally:
            try:
                await end_all(self.tasks.values())
            finally:
                await _disconnect(self._client)

    async def _poll_iteration(self) -> None:
        heed_cancel()
        self._looks += 1
        if not (self._lanes.quiet and self._looks % _QUIET_LOOKS):
            await super()._poll_iteration()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        await super().start_jobs(await self._in_order(job_ids) if len(job_ids) > 1 else job_ids)

    async def _in_order(self, messages: list[bytes]) -> list[bytes]:
        asked, ordered, at = self._asked
        # What others have in hand lies there, too, and is looked at every time.
        if messages == asked and time.monotonic() - at < _AGAIN_S:
            return ordered
        jobs = {message: _job_of(message) for message in messages}
        places = {job_id: place for place, job_id in enumerate(await self._order(list(jobs.values())))}
        ordered = sorted(messages, key=lambda message: places.get(jobs[message], len(messages)))
        self._asked = (messages, ordered, time.monotonic())
        return ordered

    @property
    def job_counter(self) -> int:
        return self._lanes.taken

    @job_counter.setter
    def job_counter(self, count: int) -> None:
        self._lanes.taken = count
        self._lanes.used_at = time.monotonic()


class ArqDispatcher:
    """Announces jobs once their transaction holds, and works as one of any number of workers."""

    def __init__(self, database: Database, redis_url: str, queues: Callable[[], Queues]) -> None:
        """``queues`` is asked at first use: it knows the recipes. Raises UsageError for an address that cannot be."""
        self._database = database
        self._queues = queues
        self._redis_url = redis_url
        self._redis = self._client()
        self._waiting: list[Waiting] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._pool: WorkerPool | None = None

    # -- announcing ---------------------------------------------------------------------------------------------

    async def enqueue(self, transaction: Any, job_ids: Sequence[int]) -> None:
        """Remember what is to be announced; Redis hears of it when the transaction holds."""
        waiting = await dispatching.waiting(transaction, job_ids)
        self._waiting += waiting  # only now: another transaction may have sent the list meanwhile

    def committed(self) -> None:
        """Announce it."""
        waiting, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().create_task(self._send_kindly(waiting))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_kindly(self, waiting: Sequence[Waiting]) -> None:
        try:
            await self._send(waiting)
        except (RedisError, OSError) as error:
            log.warning("Redis could not be told of %d jobs; the sweep will: %s", len(waiting), error)

    async def _send(self, waiting: Sequence[Waiting]) -> None:
        for job in waiting:
            await self._redis.enqueue_job(
                TASK,
                job.job_id,
                _job_id=self._name(job),
                _queue_name=self._queue(job),
                _defer_until=datetime.fromtimestamp(job.run_after, UTC) if job.run_after else None,
                _expires=_TIMEOUT,
            )

    def _queue(self, job: Waiting) -> str:
        return queue_name(self._queues().of(job))

    def _name(self, job: Waiting) -> str:
        return f"{self._queue(job)}:{job.job_id}:{job.fence}"

    async def sweep(self) -> None:
        """Announce what waits; a message that is there already stays the only one."""
        async with self._database.read() as connection:
            waiting = await dispatching.waiting(connection)
        first, ahead = [], Counter[str]()
        for job in waiting:
            # Of each queue so many: what waits for a machine that is not there holds up nobody else's.
            queue = self._queue(job)
            ahead[queue] += 1
            if ahead[queue] <= _AT_ONCE:
                first.append(job)
        await self._send(first)
        await self._unmark([in_progress_key_prefix + self._name(job) for job in first])

    async def _unmark(self, marks: Sequence[str]) -> None:
        """Take ARQ's marks from messages whose worker died before it claimed: their jobs wait under the same fence."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for mark in marks:
                pipe.pttl(mark)
            left = await pipe.execute()
        stale = [mark for mark, ms in zip(marks, left, strict=True) if 0 <= ms < (_MARK_S - _HELD_S) * 1000]
        if stale:
            await self._redis.delete(*stale)

    async def close(self) -> None:
        """Let what is being announced arrive, and let go of Redis; what comes later connects anew."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=_LET_GO_S)
            await end_all(late)
        await _disconnect(self._redis)

    def _client(self) -> ArqRedis:
        """Connects at its first command; whoever asked for it disconnects it.

        ARQ's ``create_pool`` asks first whether Redis is there: who is ended meanwhile, or asks at the same time as
        another, leaves a connection that nobody closes.
        """
        told: dict[str, Any] = {"connection_class": Connection, "socket_connect_timeout": _CONNECT_S}
        try:
            told |= parse_url(self._redis_url)
        except ValueError as error:  # its text has no password in it
            raise UsageError(
                f"distributed.redis_url is no address of a Redis: {error}.",
                next_action="Write it as redis://host:6379/0.",
            ) from error
        told.pop("socket_timeout", None)  # see _Bounded
        kind = type("BoundedConnection", (_Bounded, told.pop("connection_class")), {})
        pool = ConnectionPool(kind, **told)
        return ArqRedis(pool, job_serializer=to_bytes, job_deserializer=from_bytes)

    # -- working ------------------------------------------------------------------------------------------------

    async def work(self, pool: WorkerPool, queues: Sequence[str], stop: asyncio.Event) -> None:
        """Take what comes in ``queues`` until ``stop`` is set, then drain; survives a Redis that restarts."""
        async with self.at_work(pool, queues):
            await stop.wait()

    @asynccontextmanager
    async def at_work(self, pool: WorkerPool, queues: Sequence[str]) -> AsyncIterator[None]:
        """Sweep, and run what comes in ``queues`` through ``pool``; when the block ends, drain and let go of Redis."""
        self._pool = pool
        try:
            async with pool.at_work():
                helpers = [asyncio.create_task(self._sweep_for_ever()), asyncio.create_task(self._take(pool, queues))]
                try:
                    yield
                finally:
                    await end_all(helpers, again_s=_END_S)
                    await pool.drain()
        finally:
            await self.close()

    async def _take(self, pool: WorkerPool, queues: Sequence[str]) -> None:
        while True:
            lanes = _Lanes()
            workers = [self._worker(queue, pool.settings.workers, lanes) for queue in queues]
            try:
                # In a task of its own: a group that fails leaves its task marked as told to end.
                await asyncio.create_task(_together(workers))
            except* (RedisError, OSError) as failed:
                log.warning("messages could not be fetched; it is tried again: %s", failed.exceptions[0])
            except* Exception:
                log.warning("messages could not be fetched; it is tried again", exc_info=True)
            finally:
                await asyncio.gather(*(worker.let_go() for worker in workers), return_exceptions=True)
            await rest(_AGAIN_S)

    def _worker(self, queue: str, most: int, lanes: _Lanes) -> _QueueWorker:
        return _QueueWorker(
            lanes,
            self._client(),
            self._in_order,
            [func(cast("Any", self._run_step), name=TASK, timeout=_TIMEOUT, max_tries=_TRIES, keep_result=0)],
            queue_name=queue_name(queue),
            handle_signals=False,
            max_jobs=most,
            poll_delay=_LOOK_S,
            queue_read_limit=_IN_SIGHT,
            max_tries=_TRIES,
            keep_result=0,
            job_serializer=to_bytes,
            job_deserializer=from_bytes,
            log_results=False,
        )

    async def _in_order(self, job_ids: Sequence[int]) -> Sequence[int]:
        try:
            async with self._database.read() as connection:
                return await dispatching.in_order(connection, job_ids)
        except DatabaseUnavailable:
            return job_ids  # whoever takes one finds out

    async def _run_step(self, _context: dict[Any, Any], job_id: int) -> None:
        # Shielded: what Redis or ARQ does never ends the work in hand; the pool drains it.
        await asyncio.shield(asyncio.ensure_future(self.run(job_id)))

    async def run(self, job_id: int) -> None:
        """Claim and run one job."""
        assert self._pool is not None
        try:
            await self._pool.run_step(job_id)
        except DatabaseUnavailable:
            log.warning("job %s could not be claimed; the sweep announces it again", job_id)

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                await self.sweep()
            except (RedisError, OSError, DatabaseUnavailable) as error:
                log.warning("waiting jobs could not be announced: %s", error)
            except Exception:
                log.warning("waiting jobs could not be announced", exc_info=True)
            await rest(SWEEP_S)


async def _together(workers: Iterable[Worker]) -> None:
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.async_run())


def _job_of(message: bytes) -> int:
    """Which job a message names (see ArqDispatcher._name); 0 for one of somebody else's."""
    parts = message.split(b":")
    return int(parts[-2]) if len(parts) > 1 and parts[-2].isdigit() and len(parts[-2]) < 19 else 0


async def _disconnect(client: ArqRedis) -> None:
    with contextlib.suppress(RedisError, OSError):
        await client.connection_pool.disconnect()


_TRIES = 1_000_000  # our own rows decide how often something is tried
