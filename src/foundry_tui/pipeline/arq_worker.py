"""For ARQ's own command: ``arq foundry_tui.pipeline.arq_worker.WorkerSettings``.

Home, database and Redis come from the environment and the home's config.toml, as for every other command
(FOUNDRY_HOME, FOUNDRY_DATABASE_URL, FOUNDRY_DISTRIBUTED_REDIS_URL, FOUNDRY_WORKERS). The same is done by
``foundry-tui work --dispatcher arq``.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from typing import Any, ClassVar, cast

from arq.connections import RedisSettings
from arq.worker import Function, func

from foundry_tui.pipeline.arq_dispatch import QUEUE, TASK, ArqDispatcher, from_bytes, to_bytes

_REDIS = "FOUNDRY_DISTRIBUTED_REDIS_URL"
_STACK, _DISPATCHER = "foundry_stack", "foundry_dispatcher"


async def startup(context: dict[Any, Any]) -> None:
    """Open the house and begin to keep leases."""
    from foundry_tui.foundry import open_foundry
    from foundry_tui.settings import load_settings

    stack = context[_STACK] = AsyncExitStack()
    foundry = await stack.enter_async_context(open_foundry(load_settings()))
    dispatcher = ArqDispatcher(foundry.database, os.environ.get(_REDIS) or foundry.settings.distributed.redis_url)
    foundry.database.dispatcher = dispatcher
    stack.push_async_callback(dispatcher.close)
    pool = foundry.pool()
    await stack.enter_async_context(pool.at_work())
    stack.push_async_callback(pool.drain)
    dispatcher.function(pool)
    sweeping = asyncio.create_task(dispatcher.sweep_for_ever())
    stack.callback(sweeping.cancel)
    context[_DISPATCHER] = dispatcher


async def shutdown(context: dict[Any, Any]) -> None:
    """Finish the chunks in hand, give the jobs back, close the house."""
    await context[_STACK].aclose()


async def run_step(context: dict[Any, Any], job_id: int) -> None:
    """Claim this very job and run its step."""
    await asyncio.shield(asyncio.ensure_future(context[_DISPATCHER].run(job_id)))


class WorkerSettings:
    """What ARQ reads."""

    functions: ClassVar[list[Function]] = [
        func(cast("Any", run_step), name=TASK, timeout=7 * 86_400, max_tries=1_000_000, keep_result=0)
    ]
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = RedisSettings.from_dsn(os.environ.get(_REDIS) or "redis://127.0.0.1:6379")
    queue_name = QUEUE
    max_jobs = int(os.environ.get("FOUNDRY_WORKERS") or 2)
    max_tries = 1_000_000
    keep_result = 0
    job_serializer = staticmethod(to_bytes)
    job_deserializer = staticmethod(from_bytes)
    log_results = False
