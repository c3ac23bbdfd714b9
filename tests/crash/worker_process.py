"""A worker in a process of its own, to be stopped and killed: ``python worker_process.py URL KIND [LEASE_S]``.

KIND ``steady`` speaks 12 chunks of 50 ms; ``slow`` waits in its third chunk until FILE exists; ``deadly`` dies of
chunk 3; ``bomb`` dies at once; ``tick`` does nothing and says for whom. Prints ``began``, then ``spoke N`` for each chunk it has recorded.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dataclasses import replace

from fakes.pools import QUICK, pool
from fakes.recipes import FakeStep, Speaking, recipe
from foundry_tui.errors import LeaseLost
from foundry_tui.pipeline.contract import Recipe, StepContext, StepOutcome
from foundry_tui.store.database import Database

Place = tuple[int, int]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def steady(_context: StepContext, place: Place) -> None:
    say(f"speaks {place[1]}")
    await asyncio.sleep(0.05)


async def slow(_context: StepContext, place: Place) -> None:
    say(f"speaks {place[1]}")
    if place == (1, 3):
        while not Path(os.environ["GO"]).exists():
            # Deaf on purpose: asks nobody whether it may still write.
            await asyncio.sleep(0.02)


async def deadly(_context: StepContext, place: Place) -> None:
    say(f"speaks {place[1]}")
    if place == (1, 3):
        await asyncio.sleep(0.05)
        die()
    await asyncio.sleep(0.3)


async def bomb(_context: StepContext) -> StepOutcome:
    say("ticks")
    die()
    raise AssertionError


async def tick(context: StepContext) -> StepOutcome:
    say(f"ran {context.production.audiobook_id}")
    return StepOutcome({}, "ticked")


def recipe_of(kind: str, lanes: int = 1) -> Recipe:
    if kind == "tick":
        return recipe(FakeStep(tick), FakeStep())
    if kind == "bomb":
        return recipe(FakeStep(bomb))
    speak = {"steady": steady, "slow": slow, "deadly": deadly}[kind]
    return recipe(FakeStep(Speaking(12, lanes=lanes, speak=speak)), FakeStep())


async def main() -> None:
    url, kind, lanes, lease_s = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    database = Database.connect(url)
    settings = replace(QUICK, lease_s=lease_s, heartbeat_s=lease_s / 4)
    workers = pool(database, recipe_of(kind, lanes), settings)
    say("began")
    try:
        summary = await workers.run_until_idle()
    except LeaseLost:
        say("lost")
    else:
        for sentence in summary.recovered:
            say(f"recovered: {sentence}")
        say(f"ended {sorted(summary.outcomes.values())} of {summary.jobs_run}")
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
