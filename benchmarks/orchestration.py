"""What the pipeline costs besides the work itself; prints one JSON object.

    python benchmarks/orchestration.py [--row speaking|crowd|idle …] [--chunks 960] [--jobs 2000] [--url URL]

Rows (the bars are those of the design):
  speaking  a stand-in engine of 1.0 s latency and 5 s of audio, 960 chunks through 16 lanes, with checks, FLAC,
            fsync and rows, against the same calls under a bare semaphore                       wall <= 1.05 x
  crowd     4 processes share 2,000 jobs in one database                 0 lost, 0 doubled, 0 locked; claim p95
  idle      a second `--run-all` over 100 finished books, from exec                                  <= 2 s
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, text

from foundry_tui.audio.check import VoiceNorm
from foundry_tui.domain.keys import key_of
from foundry_tui.pipeline.contract import Recipe, StepContext, StepOutcome, StepSpec
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.steps.booth import Booth
from foundry_tui.steps.casting import Cast
from foundry_tui.steps.chunk_jobs import ChunkJob, TakeRows
from foundry_tui.steps.places import Places
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.steps import ClaimedStep
from foundry_tui.store.tables import audiobook_productions, books, narrators
from foundry_tui.store.upgrade import upgrade
from foundry_tui.voices.guard import GuardedEngine
from foundry_tui.voices.protocol import EngineProfile, Speech, Voice, VoiceSettings

RATE = 24_000
PROCESSES = 4


class StandIn:
    """``seconds`` of voice-like noise after ``latency_s``; takes no CPU of its own worth the name."""

    def __init__(self, latency_s: float, seconds: float, lanes: int) -> None:
        self.profile = EngineProfile("standin", 4096, "characters", lanes, RATE, offline=True, deterministic=True)
        self._latency_s = latency_s
        chance = np.random.default_rng(7)
        at = np.arange(int(RATE * (seconds + 1))) / RATE
        voiced = sum(np.sin(2 * np.pi * 120 * harmonic * at) / harmonic for harmonic in range(1, 12))
        syllables = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * at)
        sound = 5000 * voiced * syllables + chance.normal(0, 60, at.size)
        self._pcm = np.clip(sound, -32_000, 32_000).astype("<i2").tobytes()
        self._bytes = int(RATE * seconds) * 2
        self._spoken = 0

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:  # noqa: ARG002
        await asyncio.sleep(self._latency_s)
        self._spoken += 1
        start = (self._spoken * 34) % (RATE * 2 - 2) & ~1
        return Speech(self._pcm[start : start + self._bytes], RATE, ())

    async def voices(self) -> Sequence[Voice]:
        return ()

    async def version(self) -> str:
        return "1"

    async def close(self) -> None:
        """Nothing to close."""


class SpeakOnly:
    """A step that is nothing but the booth."""

    def __init__(self, home: Path, engine: StandIn, chunks: int) -> None:
        self._home, self._engine, self._chunks = home, engine, chunks

    async def inputs(self, _context: StepContext) -> Mapping[str, Any]:
        return {"chunks": self._chunks}

    async def intact(self, _context: StepContext, _result: Mapping[str, Any]) -> bool:
        return False

    async def run(self, context: StepContext) -> StepOutcome:
        engine = GuardedEngine(self._engine)
        voice = Cast(engine, "standin", "one", "1", VoiceSettings(), named=True)
        places = Places.of(self._home, context.production)
        places.chunk("0" * 16).parent.mkdir(parents=True, exist_ok=True)
        norm = VoiceNorm()
        booth = Booth(context, TakeRows(context.production.audiobook_id, places, voice), voice, norm)
        failed = await booth.speak(list(self._jobs()), total=self._chunks, on_take=lambda _: None)
        return StepOutcome({"failed": [take.error for take in failed]}, "spoken")

    def _jobs(self) -> list[ChunkJob]:
        said = (
            "The old lighthouse keeper climbed the winding stair once more, and lit the lamp before the storm came in."
        )
        jobs = []
        for number in range(self._chunks):
            parts = {"text": f"{said} {number}"}
            jobs.append(ChunkJob(number // 30 + 1, number % 30 + 1, parts["text"], 0, key_of(parts), parts))
        return jobs


async def opened(folder: Path, url: str | None) -> Database:
    database = Database.connect(url or sqlite_url(str(folder / "foundry.db")))
    await upgrade(database)
    return database


async def fill(database: Database, count: int, **columns: Any) -> list[str]:
    start = 20_250_101_000_000
    ids = [str(start + minute * 100 + second) for minute in range(60) for second in range(60)][:count]
    named = [
        {"id": made, "book_id": f"b{n}", "book_name": f"Book {n}", "language": "eng"} for n, made in enumerate(ids)
    ]
    rows = [
        {"audiobook_id": made, "book_id": f"b{n}", "narrator_id": "n", "language": "eng", **columns}
        for n, made in enumerate(ids)
    ]
    async with database.write() as connection:
        await connection.execute(insert(books), named)
        await connection.execute(insert(narrators).values(narrator_id="n", narrator_name="N", language="eng"))
        await connection.execute(insert(audiobook_productions), rows)
    return ids


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def speaking(chunks: int, lanes: int, latency_s: float, url: str | None) -> dict[str, Any]:
    seconds = 5.0
    floor = StandIn(latency_s, seconds, lanes)
    gate = asyncio.Semaphore(lanes)

    async def bare(number: int) -> None:
        async with gate:
            await floor.synthesize(str(number), "one", VoiceSettings())

    began = time.perf_counter()
    await asyncio.gather(*(bare(number) for number in range(chunks)))
    floor_s = time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database = await opened(home, url)
        await fill(database, 1)
        step = StepSpec("STEP1_speak", "speak", SpeakOnly(home, StandIn(latency_s, seconds, lanes), chunks))
        pool = WorkerPool(database, {"audiobook": Recipe("audiobook", (step,))})
        began, cpu = time.perf_counter(), cpu_s()
        summary = await pool.run_until_idle()
        wall_s, cpu = time.perf_counter() - began, cpu_s() - cpu
        (rows,) = await database.fetch("SELECT count(*) AS n FROM audio_chunks WHERE status = 'success'")
        await database.close()
    return {
        "chunks": chunks,
        "lanes": lanes,
        "kept": rows["n"],
        "outcome": sorted(summary.outcomes.values()),
        "floor_s": round(floor_s, 2),
        "wall_s": round(wall_s, 2),
        "ratio": round(wall_s / floor_s, 4),
        "bar": 1.05,
        "cpu_ms_per_chunk": round(1000 * cpu / chunks, 1),
    }


# --- crowd ----------------------------------------------------------------------------------------------------------


class Tick:
    """A step of no work that says whose it was."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def inputs(self, _context: StepContext) -> Mapping[str, Any]:
        return {}

    async def intact(self, _context: StepContext, _result: Mapping[str, Any]) -> bool:
        return False

    async def run(self, context: StepContext) -> StepOutcome:
        self.ran.append(context.production.audiobook_id)
        return StepOutcome({}, "ticked")


class TimedPool(WorkerPool):
    """A pool that times its looks for the next job, those that find one and those that do not."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.looks = array("d")
        look = self._claims.first_in_line

        async def timed() -> ClaimedStep | None:
            began = time.perf_counter()
            try:
                return await look()
            finally:
                self.looks.append(time.perf_counter() - began)

        self._claims.first_in_line = timed  # type: ignore[method-assign]


async def one_of_the_crowd(url: str) -> None:
    database = Database.connect(url)
    tick = Tick()
    recipe = Recipe("audiobook", (StepSpec("STEP1_tick", "tick", tick),))
    pool = TimedPool(database, {"audiobook": recipe}, settings=PoolSettings(workers=4))
    await pool.run_until_idle()
    await database.close()
    print(json.dumps({"ran": tick.ran, "claims": list(pool.looks)}))


async def crowd(jobs: int, url: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        database = await opened(Path(folder), url)
        ids = await fill(database, jobs)
        address = url or sqlite_url(str(Path(folder) / "foundry.db"))
        began = time.perf_counter()
        command = [sys.executable, __file__, "--one-of-the-crowd", address]
        workers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        said = await asyncio.gather(*(asyncio.to_thread(worker.communicate) for worker in workers))
        wall_s = time.perf_counter() - began
        (left,) = await database.fetch("SELECT count(*) AS n FROM audiobook_productions WHERE status <> 'success'")
        await database.close()
    results = [json.loads(out) for out, _ in said if out.strip()]
    ran = Counter(made for result in results for made in result["ran"])
    claims = sorted(claim for result in results for claim in result["claims"])
    errors = "\n".join(error for _, error in said)
    return {
        "processes": PROCESSES,
        "jobs": jobs,
        "lost": len(set(ids) - ran.keys()) + left["n"],
        "doubled": sum(1 for count in ran.values() if count > 1),
        "locked": errors.count("locked"),
        "exit_codes": [worker.returncode for worker in workers],
        "by_process": [len(result["ran"]) for result in results],
        "jobs_per_s": round(jobs / wall_s, 1),
        "claim_p95_ms": round(1000 * claims[int(len(claims) * 0.95)], 1) if claims else None,
        "claim_max_ms": round(1000 * claims[-1], 1) if claims else None,
        "wall_s": round(wall_s, 2),
        "said": errors[-500:],
    }


# --- idle -----------------------------------------------------------------------------------------------------------


async def idle(finished: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "foundry_tui", "--home", folder]
        subprocess.run([*command, "init"], check=True, capture_output=True, env=os.environ)
        database = Database.connect(sqlite_url(str(home / "database" / "foundry.db")))
        await fill(database, finished, status="success")
        async with database.write() as connection:
            await connection.execute(text("UPDATE audiobook_productions SET publish_date = CURRENT_TIMESTAMP"))
        await database.close()
        walls = []
        for _ in range(5):
            began = time.perf_counter()
            done = subprocess.run([*command, "--run-all"], capture_output=True, text=True, check=False)
            walls.append(time.perf_counter() - began)
    return {
        "finished_books": finished,
        "exit_code": done.returncode,
        "wall_s": round(sorted(walls)[2], 3),
        "worst_s": round(max(walls), 3),
        "bar_s": 2.0,
    }


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--row", action="append", choices=["speaking", "crowd", "idle"])
    reader.add_argument("--chunks", type=int, default=960)
    reader.add_argument("--lanes", type=int, default=16)
    reader.add_argument("--latency", type=float, default=1.0, help="seconds")
    reader.add_argument("--jobs", type=int, default=2000)
    reader.add_argument("--url", help="an empty database to use instead of a SQLite file; for one row at a time")
    reader.add_argument("--one-of-the-crowd", help=argparse.SUPPRESS)
    chosen = reader.parse_args()
    if chosen.one_of_the_crowd:
        asyncio.run(one_of_the_crowd(chosen.one_of_the_crowd))
        return
    rows = chosen.row or ["speaking", "crowd", "idle"]
    results: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    if "speaking" in rows:
        results["speaking"] = asyncio.run(speaking(chosen.chunks, chosen.lanes, chosen.latency, chosen.url))
    if "crowd" in rows:
        results["crowd"] = asyncio.run(crowd(chosen.jobs, chosen.url))
    if "idle" in rows:
        results["idle"] = asyncio.run(idle(100))
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
