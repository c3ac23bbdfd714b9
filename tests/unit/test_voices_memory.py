"""A helper process that leaks is replaced between two requests, and none of them is lost."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil

from foundry_tui.voices.helper_process import HelperProcess

HELPER = Path(__file__).parent.parent / "fakes" / "leaking_helper.py"
MB = 1024 * 1024


async def asked(most_growth: int, keep: int, requests: int = 120) -> tuple[list[int], set[int]]:
    helper = HelperProcess("leaky", [sys.executable, "-I", "-S", str(HELPER)], most_growth_bytes=most_growth)
    lanes = asyncio.Semaphore(4)

    async def one(number: int) -> tuple[int, int]:
        async with lanes:
            reply, _ = await helper.ask({"op": "speak", "number": number, "keep": keep})
            return int(reply["number"]), int(reply["pid"])

    done = await asyncio.wait_for(asyncio.gather(*map(one, range(requests))), 60)
    await helper.close()
    pids = {pid for _, pid in done}
    assert not [pid for pid in pids if psutil.pid_exists(pid)], "none is left behind"
    return [number for number, _ in done], pids


async def test_a_helper_that_leaks_is_replaced_and_every_request_is_answered() -> None:
    numbers, pids = await asked(32 * MB, 2 * MB)
    assert numbers == list(range(120))
    assert len(pids) >= 2


async def test_a_helper_that_does_not_leak_lives_on() -> None:
    numbers, pids = await asked(32 * MB, 16)
    assert numbers == list(range(120))
    assert len(pids) == 1
