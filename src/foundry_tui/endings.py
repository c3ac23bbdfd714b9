"""How what runs until it is cancelled ends, whatever the clients it waits for make of the cancellation.

``asyncio.wait_for`` (before Python 3.12) forgets a cancellation that comes as what it waits for is done, and a client
may answer one with an error of its own, which a loop survives. The task remembers, and is asked at every turn; what is
in the hands of a library is cancelled again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

AGAIN_S = 5.0


def heed_cancel() -> None:
    """Raise CancelledError where this task was told to end and went on.

    Not for a task that holds a TaskGroup: one that fails cancels the task, and before Python 3.13 the mark stays.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def rest(seconds: float) -> None:
    """Sleep between two turns; as ``heed_cancel``."""
    heed_cancel()
    await asyncio.sleep(seconds)


async def end_all(tasks: Collection[asyncio.Future[Any]], *, again_s: float = AGAIN_S) -> None:
    """Cancel ``tasks`` until they have ended, every ``again_s`` seconds; what they ended with is let go.

    ``again_s`` is longer than their own ending may take. Cancelled itself it still waits for them, and then ends so.
    """
    pending, told = set(tasks), False
    while pending:
        for task in pending:
            task.cancel()
        try:
            _, pending = await asyncio.wait(pending, timeout=again_s)
        except asyncio.CancelledError:
            told, pending = True, {task for task in pending if not task.done()}
    for task in tasks:
        if not task.cancelled():
            task.exception()
    if told:
        raise asyncio.CancelledError
