"""A home worked by any runtime in real processes, and what must be true of it after whatever was done to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fakes.house import MADE, page
from fakes.press import Press, decoded, wait_until
from foundry_tui.files import TEMP_MARK, sha256_of
from foundry_tui.store.database import Database
from foundry_tui.store.tables import audiobook_productions, books, narrators

RUNTIMES = ("embedded-sqlite", "embedded-postgresql", "procrastinate", "arq")
SCRIPT = Path(__file__).with_name("runtime_worker.py")
PATIENCE_S = 120.0


@dataclass
class Case:
    """One home and production; ``kept`` and ``events`` are what was durable when it was last looked at."""

    home: Path
    url: str
    runtime: str
    redis: str = ""
    chapters: int = 3
    sentences: int = 4
    kept: dict[str, tuple[int, int]] = field(default_factory=dict)
    events: list[tuple[int, str]] = field(default_factory=list)
    mark: str = field(default_factory=lambda: os.urandom(8).hex())
    number: int = 0

    async def order(self) -> None:
        folder = self.home / "foundry" / "small"
        folder.mkdir(parents=True)
        (folder / "small.html").write_text(page(self.chapters, self.sentences), encoding="utf-8")
        (self.home / "requests.log").touch()
        database = Database.connect(self.url)
        async with database.write() as connection:
            book = {"id": "20250101000000", "book_id": "small", "book_name": "A Small Book", "author": "A. Writer"}
            await connection.execute(books.insert().values(**book, language="eng"))
            anna = {"narrator_id": "anna", "narrator_name": "Anna", "language": "eng"}
            await connection.execute(narrators.insert().values(**anna, engine="standin", voice="one"))
            made = {"audiobook_id": MADE, "book_id": "small", "narrator_id": "anna", "language": "eng"}
            await connection.execute(audiobook_productions.insert().values(**made))
        await database.close()

    def start(self, prefix: Sequence[str] = (), **how: Any) -> subprocess.Popen[bytes]:
        """A worker in a session of its own; ``prefix`` is what makes it run somewhere else."""
        self.number += 1
        file = self.home / f"case{self.number}.json"
        kind = self.runtime.partition("-")[0]
        case = {"home": str(self.home), "url": self.url, "runtime": kind, "redis": self.redis, **how}
        file.write_text(json.dumps(case), encoding="utf-8")
        with (self.home / "stderr.log").open("ab") as stderr:
            return subprocess.Popen(
                [*prefix, sys.executable, str(SCRIPT), str(file)],
                env={**os.environ, "FOUNDRY_TEST_RUN": self.mark},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )

    async def ends(self, process: subprocess.Popen[bytes], *, well: bool = True) -> int:
        """Wait for a worker's end; nothing that it started may outlive it."""
        try:
            code = await asyncio.to_thread(process.wait, PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(await self._stuck(process)) from None
        assert not well or code == 0, (self.home / "stderr.log").read_text(errors="replace")[-4000:]
        here = Press(self.home, mark=self.mark)
        others = self.running
        await asyncio.to_thread(
            wait_until, lambda: set(here.processes()) <= others, 2.5, "no orphan outlives its worker"
        )
        return code

    async def _stuck(self, process: subprocess.Popen[bytes]) -> str:
        """What a worker that does not end is at: its tasks, and the jobs."""
        process.send_signal(signal.SIGUSR1)
        await asyncio.sleep(1.0)
        said = (self.home / "stderr.log").read_text(errors="replace")
        jobs = await self.rows(
            "SELECT job_id, name, status, paused, reason, run_after, attempt, deaths, worker_id, lease_expires_at "
            "FROM jobs ORDER BY job_id"
        )
        return "\n".join([f"process {process.pid} does not end", *map(str, jobs), said[-20_000:]])

    running: set[int] = field(default_factory=set)  # workers that are meant to be there

    async def rows(self, statement: str) -> list[Any]:
        database = Database.connect(self.url)
        try:
            return [dict(row) for row in await database.fetch(statement)]
        finally:
            await database.close()

    def requests(self) -> Counter[str]:
        """How often each text was asked of the engine."""
        lines = (self.home / "requests.log").read_text(encoding="utf-8").splitlines()
        return Counter(line.partition("\t")[2] for line in lines)

    def speakers(self) -> set[str]:
        """The workers that have spoken anything."""
        lines = (self.home / "requests.log").read_text(encoding="utf-8").splitlines()
        return {line.partition("\t")[0] for line in lines}

    async def check(self) -> None:
        """What must be true at any moment after a death: nothing finished is lost, made again or half there."""
        now: dict[str, tuple[int, int]] = {}
        for row in await self.rows("SELECT artifact, sha256 FROM audio_chunks WHERE status = 'success'"):
            stat = (self.home / row["artifact"]).stat()
            now[row["artifact"]] = (stat.st_ino, stat.st_mtime_ns)
            if row["artifact"] not in self.kept:
                assert sha256_of(self.home / row["artifact"]) == row["sha256"], "a row is written after its file"
        again = [name for name, identity in self.kept.items() if now.get(name) != identity]
        assert not again, f"made again: {again}"
        self.kept = now
        told = [
            (row["seq"], row["kind"])
            for row in await self.rows("SELECT seq, kind FROM audiobook_process_events ORDER BY seq")
        ]
        assert told[: len(self.events)] == self.events, "every committed event is still there"
        self.events = told

    async def finished(self, reference: np.ndarray) -> None:
        """What must be true at the end."""
        await self.check()
        sound = decoded(self.m4b())
        assert sound.shape == reference.shape
        assert np.array_equal(sound, reference), "the sound is the same, sample by sample"
        (made,) = await self.rows("SELECT status, publish_date FROM audiobook_productions")
        assert (made["status"], bool(made["publish_date"])) == ("success", True)
        live = await self.rows("SELECT name, status FROM jobs WHERE status IN ('pending', 'processing')")
        assert live == [], "no job is left in between"
        steps = await self.rows("SELECT DISTINCT status FROM production_steps")
        assert [row["status"] for row in steps] == ["success"]
        ends = await self.rows("SELECT count(*) AS n FROM audiobook_process_events WHERE kind = 'production_success'")
        assert ends[0]["n"] == 1, "it was finished once"
        assert not Press(self.home, mark=self.mark).processes()

    def leftovers(self) -> list[Path]:
        """Files that a death left half made; they bear the mark by which a sweep knows them."""
        return [path for path in self.home.rglob("*") if TEMP_MARK in path.name]

    def m4b(self) -> Path:
        (found,) = self.home.glob("library/*/*/*.m4b")
        return found

    def stop(self) -> None:
        """End what a failed test left."""
        for pid in Press(self.home, mark=self.mark).processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
