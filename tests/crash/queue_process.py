"""A worker for a queue with three bad books in it: ``python queue_process.py URL HOW CRASHES HANGS LEAKS``.

HOW it comes by jobs: it ``looks`` itself, or is ``handed`` them one by one, in any order, as a dispatcher would.

The book CRASHES kills its worker, the engine of HANGS never answers, LEAKS grows in the process pool until the system
kills that process. ``-`` names none.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fakes.leaks import grow_until_killed
from fakes.pools import pool
from fakes.recipes import FakeStep, Speaking, nothing, recipe
from foundry_tui.pipeline.contract import Recipe, StepContext, StepOutcome
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.store.database import Database
from foundry_tui.voices.helper_process import HelperProcess

DEAF = "import json, struct, sys, time; h = json.dumps({'id': 0, 'ok': True, 'version': '1', 'bytes': 0}).encode(); sys.stdout.buffer.write(struct.pack('>I', len(h)) + h); sys.stdout.flush(); sys.stdin.read()"


def recipe_of(crashes: str, hangs: str, leaks: str) -> tuple[Recipe, CpuPool, HelperProcess]:
    cpu = CpuPool(2)
    deaf = HelperProcess("deaf", [sys.executable, "-I", "-S", "-c", DEAF], answer_timeout_s=0.2)

    async def heavy(context: StepContext) -> StepOutcome:
        if context.production.audiobook_id == leaks:
            await cpu.run(grow_until_killed, 128)
        return await nothing(context)

    async def speak(context: StepContext, _place: tuple[int, int]) -> None:
        if context.production.audiobook_id == hangs:
            await deaf.ask({"op": "speak"})
        if context.production.audiobook_id == crashes:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0.01)

    return recipe(FakeStep(heavy), FakeStep(Speaking(4, lanes=2, speak=speak)), FakeStep()), cpu, deaf


async def handed(workers: WorkerPool, database: Database) -> None:
    async def lane() -> None:
        while live := await database.fetch("SELECT job_id FROM jobs WHERE status IN ('pending', 'processing')"):
            await workers.run_step(random.choice(live)["job_id"])
            await asyncio.sleep(0.01)

    async with workers.at_work():
        await asyncio.gather(*(lane() for _ in range(4)))


async def main() -> None:
    database = Database.connect(sys.argv[1])
    steps, cpu, deaf = recipe_of(*sys.argv[3:6])
    workers = pool(database, steps)
    try:
        await (workers.run_until_idle() if sys.argv[2] == "looks" else handed(workers, database))
    finally:
        await deaf.close()
        cpu.close()
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
