"""Every way to run, measured on a stand-in engine whose requests take a known time; prints one JSON object.

    python benchmarks/distributed.py [--runtime embedded-sqlite|embedded-postgresql|procrastinate|arq …] [--chapters 8]

Real worker processes, a real PostgreSQL and Redis of this machine. For each runtime:
  recovery    kill -9 while chunks are spoken; seconds from the next worker's exec to its first new chunk, and as a
              ratio to what importing the steps alone takes                                          bar: 5 s
  throughput  the speaking step's wall against the engine's own time (requests x latency / lanes), with one worker and,
              distributed, with two                                                    1.0 is no overhead at all
  overhead    what is left of the wall per chunk when the engine's time is taken off, and the CPU a chunk costs
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "crash")]

from runtimes import RUNTIMES, Case  # noqa: E402

from foundry_tui.domain.status import Status  # noqa: E402
from foundry_tui.store.database import Database, sqlite_url  # noqa: E402
from foundry_tui.store.upgrade import upgrade  # noqa: E402
from servers_plugin import postgres_cluster, redis_server  # noqa: E402

LANES = 4  # of the stand-in, in each process
IMPORTS = "import foundry_tui.steps.recipes, foundry_tui.pipeline.pool"


async def prepared(case: Case) -> Case:
    database = Database.connect(case.url)
    await upgrade(database)
    await database.close()
    await case.order()
    return case


async def ended(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds of a process and its children."""
    _, code, used = await asyncio.to_thread(os.wait4, process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    return used.ru_utime + used.ru_stime


async def recovery(case: Case) -> dict[str, Any]:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    imports_s = time.perf_counter() - began
    await ended(case.start(die=["after_record", 5]))
    seen = case.requests().total()
    began = time.perf_counter()
    process = case.start()
    while case.requests().total() == seen:
        await asyncio.sleep(0.005)
    wall_s = time.perf_counter() - began
    os.killpg(process.pid, signal.SIGKILL)
    await ended(process)
    return {
        "kill_to_new_chunk_s": round(wall_s, 2),
        "bar_s": 5.0,
        "ratio_to_imports": round(wall_s / imports_s, 2),
    }


async def throughput(case: Case, workers: int, latency_s: float) -> dict[str, Any]:
    started = [case.start(latency_s=latency_s, workers=1) for _ in range(workers)]
    cpu_s = sum(await asyncio.gather(*(ended(process) for process in started)))
    rows = await case.rows(
        "SELECT kind, timestamp FROM audiobook_process_events WHERE step_number = 'STEP3_audio_generation' "
        "AND kind IN ('speaking', 'step_succeeded') ORDER BY seq"
    )
    (status,) = await case.rows("SELECT status FROM audiobook_productions")
    from foundry_tui.store.columns import parsed_moment

    moments = [parsed_moment(str(row["timestamp"])) for row in rows]
    wall_s = (moments[-1] - moments[0]).total_seconds()
    asked = case.requests().total()
    engine_s = asked * latency_s / (LANES * workers)
    return {
        "workers": workers,
        "chunks": asked,
        "done": status["status"] == Status.SUCCESS,
        "engine_s": round(engine_s, 2),
        "wall_s": round(wall_s, 2),
        "ratio": round(wall_s / engine_s, 3),
        "overhead_ms_per_chunk": round(1000 * (wall_s - engine_s) / asked, 1),
        "cpu_ms_per_chunk_whole_book": round(1000 * cpu_s / asked, 1),
        "spoken_by": len(case.speakers()),
    }


async def measured(runtime: str, chapters: int, latency_s: float) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="foundry-bench-")))
        server = None if runtime == "embedded-sqlite" else stack.enter_context(postgres_cluster())
        redis = f"redis://127.0.0.1:{stack.enter_context(redis_server())}/0" if runtime == "arq" else ""
        number = 0

        async def fresh() -> Case:
            nonlocal number
            number += 1
            home = top / f"home{number}"
            home.mkdir()
            if server is None:
                url = sqlite_url(str(home / "foundry.db"))
            else:
                server.run(f"CREATE DATABASE house{number}")
                url = server.url(f"house{number}")
            return await prepared(Case(home, url, runtime, f"{redis[:-1]}{number}" if redis else "", chapters, 12))

        told: dict[str, Any] = {"recovery": await recovery(await fresh())}
        told["one_worker"] = await throughput(await fresh(), 1, latency_s)
        if not runtime.startswith("embedded"):
            told["two_workers"] = await throughput(await fresh(), 2, latency_s)
    return told


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--runtime", action="append", choices=RUNTIMES)
    reader.add_argument("--chapters", type=int, default=8)
    reader.add_argument("--latency", type=float, default=1.0, help="seconds")
    chosen = reader.parse_args()
    results: dict[str, Any] = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2)}
    for runtime in chosen.runtime or RUNTIMES:
        results[runtime] = asyncio.run(measured(runtime, chosen.chapters, chosen.latency))
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
