"""Group commit: callers that wait for a write at the same time share one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Combiner(Generic[Item]):
    """``add`` returns once its item was written; items that arrive during a write go together into the next one."""

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> None:
        """Write ``item``; raises what the write raised. A cancelled caller's item is written all the same."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await asyncio.shield(done)

    async def settle(self) -> None:
        """Return when nothing is being written any more."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._write([item for item, _ in batch])
            except BaseException as error:  # noqa: BLE001 - handed to everyone who waits for this batch
                for _, done in batch:
                    if not done.cancelled():
                        done.set_exception(error)
                        done.exception()  # a caller that was cancelled meanwhile will not come for it
            else:
                for _, done in batch:
                    if not done.cancelled():
                        done.set_result(None)
