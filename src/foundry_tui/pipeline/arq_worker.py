"""For ARQ's own command: ``arq foundry_tui.pipeline.arq_worker.WorkerSettings``.

It does what ``foundry-tui work --dispatcher arq`` does, and is told by the same: home, database, Redis, workers and
queues come from the environment and the home's config.toml (FOUNDRY_HOME, FOUNDRY_DATABASE_URL,
FOUNDRY_DISTRIBUTED_REDIS_URL, FOUNDRY_WORKERS, FOUNDRY_DISTRIBUTED_QUEUES). ARQ's command knows one queue: that worker
takes signals, keeps its health key and brings up the workers of our queues beside it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from contextlib import AsyncExitStack
from typing import Any, ClassVar, cast

from arq.connections import RedisSettings
from arq.worker import Function, func

from foundry_tui.pipeline.arq_dispatch import QUEUE, TASK, ArqDispatcher, from_bytes, to_bytes
from foundry_tui.settings import Settings, load_settings

log = logging.getLogger("arq.foundry")  # under ARQ's own, which its command shows
_STACK, _DISPATCHER = "foundry_stack", "foundry_dispatcher"


def _told() -> Settings:
    """Whatever the home says of a dispatcher: by this command it is ARQ."""
    settings = load_settings()
    return dataclasses.replace(settings, distributed=dataclasses.replace(settings.distributed, dispatcher="arq"))


_settings = _told()


async def startup(context: dict[Any, Any]) -> None:
    """Open the house, begin to keep leases, and take from the queues."""
    from foundry_tui.foundry import open_foundry

    stack = context[_STACK] = AsyncExitStack()
    foundry = await stack.enter_async_context(open_foundry(_settings))
    dispatcher, queues = foundry.dispatcher, await foundry.own_queues()
    assert isinstance(dispatcher, ArqDispatcher)
    await stack.enter_async_context(dispatcher.at_work(foundry.pool(), queues))
    context[_DISPATCHER] = dispatcher
    log.info("Working %s (%s) with %d workers", _settings.home, ", ".join(queues), _settings.workers)


async def shutdown(context: dict[Any, Any]) -> None:
    """Finish the chunks in hand, give the jobs back, close the house."""
    await context[_STACK].aclose()


async def run_step(context: dict[Any, Any], job_id: int) -> None:
    """Claim this very job and run its step: a message that names no queue, as an earlier release sent them."""
    await asyncio.shield(asyncio.ensure_future(context[_DISPATCHER].run(job_id)))


class WorkerSettings:
    """What ARQ reads."""

    functions: ClassVar[list[Function]] = [
        func(cast("Any", run_step), name=TASK, timeout=7 * 86_400, max_tries=1_000_000, keep_result=0)
    ]
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = RedisSettings.from_dsn(_settings.distributed.redis_url)
    queue_name = QUEUE
    max_jobs = _settings.workers
    max_tries = 1_000_000
    keep_result = 0
    job_serializer = staticmethod(to_bytes)
    job_deserializer = staticmethod(from_bytes)
    log_results = False
