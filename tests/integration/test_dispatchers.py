"""The real commands of the distributed press: `work --dispatcher`, and ARQ's own, on real servers."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.house import page
from fakes.press import Press
from foundry_tui.store.database import Database

PATIENCE_S = 120.0


async def finished(url: str, process: subprocess.Popen[bytes]) -> None:
    database = Database.connect(url)
    ends = time.monotonic() + PATIENCE_S
    try:
        while True:
            rows = await database.fetch("SELECT status, error_message FROM audiobook_productions")
            if [row["status"] for row in rows] == ["success"]:
                return
            assert process.poll() is None, "the worker is still there"
            assert time.monotonic() < ends, rows
            await asyncio.sleep(0.1)
    finally:
        await database.close()


@pytest.mark.parametrize("how", ["procrastinate", pytest.param("arq", marks=pytest.mark.torture), "arq's own"])
async def test_a_book_is_made_by_a_dispatched_worker(
    how: str, postgres_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    environment = {"FOUNDRY_DATABASE_URL": postgres_url, "FOUNDRY_HOME": str(tmp_path / "home")}
    environment["FOUNDRY_DISTRIBUTED_DISPATCHER"] = how.partition("'")[0]
    if how != "procrastinate":
        environment["FOUNDRY_DISTRIBUTED_REDIS_URL"] = str(request.getfixturevalue("redis_url"))
    press = Press(tmp_path / "home", environment)
    press.run("init")
    if how == "arq's own":
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("arq")), "foundry_tui.pipeline.arq_worker.WorkerSettings"],
            env=press.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    else:
        process = press.start("work", "--queues", "cpu,engine.espeak")
    try:
        source = tmp_path / "small.html"
        source.write_text(page(chapters=3, sentences=8), encoding="utf-8")
        press.run("book", "add", str(source), "--book-id", "small", "--author", "A. Writer")
        press.run("produce", "small", "--narrator", "espeak_eng")
        await finished(postgres_url, process)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.to_thread(process.communicate, None, 40)
    # ARQ itself ends by the signal it was sent, once its shutdown is through.
    assert process.returncode == 0 or how == "arq's own", said.decode()[-3000:]
    assert b"Traceback" not in said, said.decode()[-3000:]
    assert press.m4b().stat().st_size > 100_000
    assert not press.processes()


@pytest.mark.sqlite_only("what procrastinate cannot work on")
def test_a_dispatcher_that_cannot_serve_says_so(tmp_path: Path) -> None:
    press = Press(tmp_path / "home")
    press.run("init")
    refused = press.run("work", "--dispatcher", "procrastinate", expect=None)
    assert refused.returncode == 2
    assert "postgresql://" in refused.stderr
