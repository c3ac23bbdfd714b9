"""A worker of any runtime on a home of its own: ``python runtime_worker.py CASE.json``.

CASE.json: {"home", "url", "runtime": embedded | procrastinate | arq, "redis", "die": [where, n] or null,
"latency_s", "workers", "stall_s", "power": path or null}. It works until the production is done, as ``work`` would,
and exits 0. A production that failed is put back into the queue, as its operator would do. Every request to the engine
is written to HOME/requests.log.

``die`` kills the whole process group with SIGKILL at a named point: ``before_rename``, ``after_rename`` (the n-th
artifact put in place), ``before_record``, ``after_record`` (the n-th chunk border). With ``"each"`` for n it dies at
every artifact or chunk that no worker of this home has died at before; HOME/died.log names them. ``power`` is a file
that says what was synced to the disk, for a power cut.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundry_tui.domain.takes import Take

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CASE = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")) if len(sys.argv) > 1 else {}
DIED = Path(CASE.get("home", "/nowhere")) / "died.log"
_counted: dict[str, int] = {}


def reached(where: str, *names: str) -> None:
    """Die here if this is the moment; child processes die with their group. ``names`` is what is worked on."""
    if not CASE.get("die") or CASE["die"][0] != where:
        return
    if CASE["die"][1] == "each":
        new = set(names) - died_at()
        if new:
            handle = os.open(DIED, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(handle, "".join(f"{name}\n" for name in sorted(new)).encode())
            os.killpg(0, signal.SIGKILL)
        return
    _counted[where] = _counted.get(where, 0) + 1
    if _counted[where] == CASE["die"][1]:
        os.killpg(0, signal.SIGKILL)


def died_at() -> set[str]:
    """What some worker of this home has died at already."""
    return set(DIED.read_text(encoding="utf-8").splitlines()) if DIED.exists() else set()


def note(line: str) -> None:
    """What the disk has been asked to keep; one write, so that processes do not mix."""
    if CASE.get("power"):
        handle = os.open(CASE["power"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, (line + "\n").encode())
        os.close(handle)


def rig() -> None:
    """Put the named points in; in the processes a pool spawns too, which import this file anew."""
    rename, sync = os.replace, os.fsync

    def replace(source: str, target: str, **how: object) -> None:
        ours = str(target).startswith(str(CASE.get("home", "/nowhere")))
        # A temporary name is another one in every process: it stands for what it will become.
        name = re.sub(r"\.part_(.+?)_\d+_[0-9a-f]{8}", r"\1", os.path.relpath(target, CASE.get("home", "/nowhere")))
        if ours:
            reached("before_rename", name)
        rename(source, target, **how)  # type: ignore[arg-type]
        if ours:
            note(f"renamed\t{source}\t{target}")
            reached("after_rename", name)

    def fsync(handle: int) -> None:
        number = handle if isinstance(handle, int) else handle.fileno()
        size, moment = os.fstat(number).st_size, time.time()
        sync(handle)
        note(f"synced\t{Path(f'/proc/self/fd/{number}').readlink()}\t{size}\t{moment}")

    os.replace, os.fsync = replace, fsync  # type: ignore[assignment]


def tell_tasks() -> None:
    """Say what every task waits for."""
    for task in asyncio.all_tasks():
        task.print_stack(limit=6, file=sys.stderr)


def jump() -> None:
    """Set the clock at the moments named by ``jump``: [border, seconds, border, seconds ...]."""
    moments = CASE.get("jump") or []
    _counted["border"] = _counted.get("border", 0) + 1
    for border, seconds in zip(moments[::2], moments[1::2], strict=True):
        if _counted["border"] == border:
            time.time = partial(_later, time.time, seconds)


def _later(now: Callable[[], float], seconds: float) -> float:
    return now() + seconds


if CASE:
    rig()


async def main() -> None:
    from contextlib import AsyncExitStack
    from dataclasses import replace

    from fakes.house import QUICK, House, Speaker
    from foundry_tui.pipeline.context import ClaimContext
    from foundry_tui.pipeline.pool import WorkerPool
    from foundry_tui.pipeline.queues import Queues
    from foundry_tui.steps.cpu_pool import CpuPool
    from foundry_tui.store import requeue
    from foundry_tui.store.database import Database
    from foundry_tui.voices.protocol import Speech, VoiceSettings

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell_tasks)
    home = Path(CASE["home"])
    requests = os.open(home / "requests.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    stalled = []

    class Voice(Speaker):
        async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
            os.write(requests, f"{os.getpid()}\t{text}\n".encode())
            if CASE.get("stall_s") and not stalled:
                stalled.append(text)
                time.sleep(CASE["stall_s"])
            return await super().synthesize(text, voice, settings)

    record = ClaimContext.record

    async def bordered(self: ClaimContext, takes: Sequence[Take]) -> None:
        names = [f"{take.chapter_number}.{take.chunk_index}" for take in takes]
        reached("before_record", *names)
        jump()
        await record(self, takes)
        reached("after_record", *names)

    ClaimContext.record = bordered  # type: ignore[method-assign]
    async with AsyncExitStack() as stack:
        database = Database.connect(CASE["url"])
        stack.push_async_callback(database.close)
        cpu = CpuPool()
        stack.callback(cpu.close)
        speaker = Voice(latency_s=CASE.get("latency_s", 0.02), concurrency=4)
        house = House(home, database, speaker, cpu)
        lease_s = CASE.get("lease_s", 60.0)
        settings = replace(
            QUICK,
            workers=CASE.get("workers", 2),
            part_chunks=0 if CASE["runtime"] == "embedded" else 4,
            lease_s=lease_s,
            heartbeat_s=lease_s / 4,
            sync_s=CASE.get("sync_s", 1.0),
            deaths_before_poison=10_000,  # this killer is no chunk's fault
            chunk_deaths_before_poison=10_000,
        )
        recipes = house.recipes()
        pool = WorkerPool(database, recipes, settings=settings)
        if CASE["runtime"] == "embedded":
            await pool.run_until_idle(retry_failed=True)
            return
        if CASE["runtime"] == "procrastinate":
            from foundry_tui.pipeline.procrastinate_dispatch import ProcrastinateDispatcher

            dispatcher = ProcrastinateDispatcher(database, lambda: Queues(recipes, "standin", {}))
        else:
            from foundry_tui.pipeline.arq_dispatch import ArqDispatcher

            dispatcher = ArqDispatcher(database, CASE["redis"], lambda: Queues(recipes, "standin", {}))
        database.dispatcher = dispatcher
        stop = asyncio.Event()
        work = asyncio.create_task(dispatcher.work(pool, CASE.get("queues") or ["cpu", "engine.standin"], stop))
        while not work.done():
            await asyncio.sleep(0.05)
            try:
                rows = await database.fetch("SELECT status FROM audiobook_productions WHERE status <> 'success'")
                if any(row["status"] == "failed" for row in rows):
                    async with database.write() as connection:
                        plans = {name: recipe.steps for name, recipe in recipes.items()}
                        await requeue.retry_failed(connection, plans, time.time())
            except Exception:  # noqa: BLE001 - the server is away: that is what is tested
                continue
            if not rows:
                stop.set()
                break
        await work


if __name__ == "__main__":
    asyncio.run(main())
