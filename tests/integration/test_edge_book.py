"""A whole book through edge's real protocol on loopback: faults of every kind, and nothing of them in the sound."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fakes.edge_server import EdgeServer
from fakes.house import page
from fakes.press import Press, decoded

FAULTS = ("403", "429", "503", "noaudio", "cut", "cut_words", "reset", "unfinished", "stall", "badframe")


@contextmanager
def serving(**settings: object) -> Iterator[EdgeServer]:
    """The stand-in on a loop of its own thread."""
    loop = asyncio.new_event_loop()
    server = EdgeServer(ms_per_character=66, latency_s=0.02, **settings)  # type: ignore[arg-type]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def spoken(home: Path, server: EdgeServer) -> Press:
    press = Press(home, {"FOUNDRY_EDGE_URL": server.url, "FOUNDRY_EDGE_VOICES_URL": server.voices_url})
    press.run("init")
    config = home / "config.toml"
    config.write_text(config.read_text().replace("[engines.edge]", "[engines.edge]\nreceive_timeout_s = 3", 1))
    press.run(
        "narrator",
        "add",
        "ryan",
        "--name",
        "Ryan",
        "--language",
        "eng",
        "--engine",
        "edge",
        "--voice",
        "en-GB-RyanNeural",
    )
    source = home.parent / "small.html"
    source.write_text(page(chapters=4, sentences=16), encoding="utf-8")
    press.run("book", "add", str(source), "--book-id", "small", "--author", "A. Writer")
    press.run("produce", "small", "--narrator", "ryan")
    press.run("--run-all")
    return press


def test_five_percent_of_errors_leave_no_trace_in_the_sound(tmp_path: Path) -> None:
    with serving() as clean:
        undisturbed = spoken(tmp_path / "clean", clean)
        assert clean.peak_in_flight > 8
    with serving(error_rate=0.1, kinds=FAULTS, seed=5) as faulty:
        disturbed = spoken(tmp_path / "faulty", faulty)
        faults = [fault for _, _, fault in faulty.requests if fault] + faulty.refusals

    first, second = decoded(undisturbed.m4b()), decoded(disturbed.m4b())
    assert np.array_equal(first, second), "a cut or repeated piece changed the sound"
    assert len(faults) >= 5
    told = disturbed.rows("SELECT message FROM audiobook_process_events WHERE kind IN ('retry', 'retake')")
    assert len(told) == len(faults), "every retry is an event"
    assert len(faulty.requests) <= len(clean.requests) + len(faults)
    assert disturbed.rows("SELECT status FROM audiobook_productions")[0]["status"] == "success"
