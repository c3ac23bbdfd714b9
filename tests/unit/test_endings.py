"""What runs until it is cancelled ends, even where a cancellation is forgotten on its way."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from foundry_tui.endings import end_all, heed_cancel, rest


async def forgetful(turns: list[int]) -> None:
    """As ``asyncio.wait_for`` on Python 3.11: what was waited for is done, and the cancellation is gone."""
    for turn in (1, 2):
        turns.append(turn)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
    turns.append(3)
    await asyncio.sleep(60)


async def test_what_forgets_a_cancellation_is_cancelled_again() -> None:
    turns: list[int] = []
    task = asyncio.create_task(forgetful(turns))
    quick = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    await end_all([task, quick], again_s=0.01)
    assert task.cancelled()
    assert quick.cancelled()
    assert turns == [1, 2, 3]


async def test_whoever_is_cancelled_while_it_ends_others_still_waits_for_them() -> None:
    cleaned = asyncio.Event()

    async def helper() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0)
            cleaned.set()

    task = asyncio.create_task(helper())
    await asyncio.sleep(0)
    ending = asyncio.create_task(end_all([task]))
    await asyncio.sleep(0.01)
    ending.cancel()
    await asyncio.wait([ending])
    assert ending.cancelled()
    assert cleaned.is_set()


async def test_what_ends_in_an_error_has_ended() -> None:
    async def fails() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("the server was away")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end_all([task])
    await end_all([])
    assert isinstance(task.exception(), OSError)


@pytest.mark.parametrize("asks", [heed_cancel, rest])
async def test_a_loop_that_survived_its_cancellation_ends_at_the_next_turn(asks: object) -> None:
    turns = 0

    async def loop() -> None:
        nonlocal turns
        for _ in range(5):
            turns += 1
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60 if turns == 1 else 0)
            heed_cancel() if asks is heed_cancel else await rest(0)

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert turns == 1
