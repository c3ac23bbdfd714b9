"""The process pool: as many pieces of work as one likes, and no process left behind."""

from __future__ import annotations

import asyncio
import operator
import os

import psutil

from foundry_tui.steps.cpu_pool import CpuPool


async def test_a_process_does_any_number_of_pieces_and_ends_with_the_pool():
    pool = CpuPool(1)
    (child,) = {await pool.run(os.getpid)}
    done = await asyncio.wait_for(asyncio.gather(*(pool.run(operator.add, n, 1) for n in range(450))), 60)
    assert done == list(range(1, 451))
    pool.close()
    assert not psutil.pid_exists(child)
