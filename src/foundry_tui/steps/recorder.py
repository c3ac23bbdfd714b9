"""Rows of finished takes, many to a transaction when many finish at once, never one left waiting."""

from __future__ import annotations

import asyncio

from foundry_tui.domain.takes import Take
from foundry_tui.pipeline.contract import StepContext


class Recorder:
    """Group commit: what arrives while one transaction runs goes into the next."""

    def __init__(self, context: StepContext) -> None:
        self._context = context
        self._waiting: list[tuple[Take, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def keep(self, take: Take) -> None:
        """Return when the take's row is committed; raises what the transaction raised (LeaseLost among it)."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((take, kept))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._context.record([take for take, _ in batch])
            except Exception as error:  # noqa: BLE001 - every waiter is told, whatever it is
                _settle(batch, error)
            else:
                _settle(batch, None)


def _settle(batch: list[tuple[Take, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, kept in batch:
        if kept.done():
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
