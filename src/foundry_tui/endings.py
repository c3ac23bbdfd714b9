"""How a loop ends that runs until it is cancelled, whatever the clients it waits for make of the cancellation.

``asyncio.wait_for`` (before Python 3.12) forgets a cancellation that comes as what it waits for is done, and a client
may answer one with an error of its own, which such a loop survives. The task remembers: it is asked at every turn.
"""

from __future__ import annotations

import asyncio


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
