"""The process pool: as many pieces of work as one likes, and no process left behind."""

from __future__ import annotations

import asyncio
import operator
import os
from collections.abc import Collection

import psutil

from fakes.leaks import leak
from foundry_tui.steps.cpu_pool import CpuPool

MB = 1024 * 1024


async def gone(pids: Collection[int], but: int = 0, within_s: float = 1.0) -> None:
    """Two threads wait for a child: the kernel may tell one of them just before the number is free."""
    async with asyncio.timeout(within_s):
        while len([pid for pid in pids if psutil.pid_exists(pid)]) > but:
            await asyncio.sleep(0.01)


async def test_a_process_does_any_number_of_pieces_and_ends_with_the_pool():
    pool = CpuPool(1)
    (child,) = {await pool.run(os.getpid)}
    done = await asyncio.wait_for(asyncio.gather(*(pool.run(operator.add, n, 1) for n in range(450))), 60)
    assert done == list(range(1, 451))
    assert pool.recycled == 0
    pool.close()
    await gone([child])


async def test_processes_that_leak_are_replaced_and_no_work_is_lost():
    pool = CpuPool(2, most_rss_bytes=160 * MB)
    done = await asyncio.wait_for(asyncio.gather(*(pool.run(leak, n, 10) for n in range(48))), 120)
    assert [number for number, _ in done] == list(range(48)), "each piece once, and all of them"
    assert pool.recycled >= 1
    later = [await pool.run(leak, n, 10) for n in range(20)]
    pids = {pid for _, pid in (*done, *later)}
    assert len(pids) > 2
    await gone(pids, but=2, within_s=60)
    pool.close()
    await gone(pids)


async def test_a_process_that_is_born_large_is_left_alone():
    pool = CpuPool(1, most_rss_bytes=1)
    pids = {await pool.run(os.getpid) for _ in range(7)}
    assert len(pids) == 1
    pool.close()
