"""Faces and the printing they share: what is said, in how many bytes, and that nothing in it is obeyed."""

from __future__ import annotations

import asyncio
import io
import json
import signal
from pathlib import Path

import pytest
from rich.console import Console

from foundry_tui.cli import out
from foundry_tui.cli.run_display import LiveFace
from foundry_tui.cli.run_faces import JsonFace, PlainFace, cramped_line, progress_text
from foundry_tui.cli.run_watch import Line
from foundry_tui.cli.running import Brake
from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level
from foundry_tui.operations.run_report import ProductionReport, RunReport
from foundry_tui.store.disk_waits import DiskWait

HOSTILE = "[/x]\x1b[2J../../etc"


def line(**changes: object) -> Line:
    values: dict[str, object] = {
        "audiobook_id": "20250101000000",
        "label": HOSTILE,
        "step_name": "audio_generation",
        "attempt": 1,
        "done": 12,
        "total": 960,
        "unit": "chunks",
        "audio_s": 65.0,
        "message": "",
        "seconds": 10.0,
        "per_s": 1.2,
        "speed": 6.5,
        "left_s": 790.0,
        "stalled_s": None,
    }
    return Line(**{**values, **changes})  # type: ignore[arg-type]


def event(kind: str = "voice", level: Level = Level.INFO) -> Event:
    return Event(
        kind, f"Spoken by {HOSTILE}", level, "20250101000000", timestamp="2025-01-01 10:00:00.000", step_name="parsing"
    )


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "12/960 chunks, 0:01:05 of audio, 6.5x, about 13 min 10 s left"),
        ({"left_s": None, "speed": None, "per_s": None}, "12/960 chunks, 0:01:05 of audio, ~"),
        ({"left_s": None, "stalled_s": 50.0}, "12/960 chunks, 0:01:05 of audio, 6.5x, no progress for 50 s"),
        (
            {"unit": "chapters", "audio_s": 0.0, "speed": None},
            "12/960 chapters, 1.2 chapters/s, about 13 min 10 s left",
        ),
        (
            {"stalled_s": 50.0, "speed": None, "per_s": None, "waits_for": "room on the disk"},
            "12/960 chunks, 0:01:05 of audio, waits for room on the disk",
        ),
        ({"total": 0, "message": "muxing", "audio_s": 0.0, "speed": None, "per_s": None}, "muxing"),
    ],
)
def test_progress_says_only_what_is_known(changes: dict[str, object], said: str) -> None:
    assert progress_text(line(**changes)) == said


def test_plain_lines_go_to_stderr_and_progress_comes_every_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    face = PlainFace(clock)
    face.event(event(), HOSTILE)
    face.event(event("step_pending"), HOSTILE)
    for _ in range(10):
        face.progress([line()])
    clock.now += 31
    face.progress([line()])
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 2
    assert "\x1b" not in told.err
    assert "[/x]../../etc" in told.err


def test_json_lines_are_one_object_each_and_no_terminal_would_obey_them(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    face = JsonFace(clock)
    face.event(event(), HOSTILE + "\x9b2J\u202e")
    face.progress([line()])
    face.progress([line(done=13)])
    clock.now += 1
    face.progress([line(done=14)])
    clock.now += 1
    face.progress([line(done=14)])
    face.stopping("now")
    face.summary(RunReport())
    told = capsys.readouterr().out
    objects = [json.loads(each) for each in told.splitlines()]
    assert [each["type"] for each in objects] == ["event", "progress", "progress", "stopping", "summary"]
    assert objects[0]["label"] == HOSTILE + "\x9b2J\u202e"
    assert not any((ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160 or char == "\u202e" for char in told)


def live() -> tuple[LiveFace, io.StringIO]:
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=True, width=100, markup=False, emoji=False, highlight=False, soft_wrap=True
    )
    return LiveFace(console), stream


def test_the_live_face_shows_titles_as_data() -> None:
    face, stream = live()
    face.begin()
    face.event(event(level=Level.WARNING), HOSTILE)
    face.progress([line(), line(attempt=2)])
    face.end()
    report = ProductionReport("20250101000000", "b", HOSTILE, HOSTILE, HOSTILE, "failed", message=HOSTILE)
    face.summary(RunReport(productions=(report,)))
    shown = stream.getvalue()
    assert "\x1b[2J" not in shown
    assert "[/x]../../etc" in shown
    assert "attempt 2" in shown
    assert "FAILED" in shown


def test_a_redraw_costs_few_bytes() -> None:
    face, stream = live()
    face.begin()
    face.progress([line(label="A Book / nora")])
    before = len(stream.getvalue())
    for done in range(20):
        face.progress([line(label="A Book / nora", done=done)])
        face._live.refresh()  # type: ignore[union-attr]
    face.end()
    assert (len(stream.getvalue()) - before) / 20 < 400


class PoolStandIn:
    def __init__(self) -> None:
        self.drained = 0

    async def drain(self) -> None:
        self.drained += 1


async def test_the_first_signal_drains_and_the_second_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    ended: list[int] = []
    monkeypatch.setattr("foundry_tui.cli.running.os._exit", ended.append)
    brake, pool = Brake(told.append), PoolStandIn()
    brake.hold(pool)  # type: ignore[arg-type]
    with brake.on_signals(asyncio.get_running_loop()):
        signal.raise_signal(signal.SIGTERM)
        while not pool.drained:
            await asyncio.sleep(0)
        assert brake.pulled
        assert ended == []
        signal.raise_signal(signal.SIGHUP)
        while not ended:
            await asyncio.sleep(0)
    assert ended == [130]
    assert "SIGTERM" in told[0]


async def test_a_signal_before_the_pool_is_there_is_not_lost() -> None:
    brake, pool = Brake(lambda _: None), PoolStandIn()
    brake._pull(signal.SIGINT)
    brake.hold(pool)  # type: ignore[arg-type]
    while not pool.drained:
        await asyncio.sleep(0)
    assert brake.pulled


async def test_a_terminal_that_is_gone_does_not_keep_the_pool_from_draining() -> None:
    def gone(_: str) -> None:
        raise OSError(5, "Input/output error")

    brake, pool = Brake(gone), PoolStandIn()
    brake.hold(pool)  # type: ignore[arg-type]
    brake._pull(signal.SIGHUP)
    while not pool.drained:
        await asyncio.sleep(0)


class TestListings:
    COLUMNS = (out.Column("ID", "id"), out.Column("TITLE", "title", 10), out.Column("N", "n", right=True))

    def test_a_pipe_gets_values_whole_and_a_terminal_gets_lines_that_fit(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [{"id": "a", "title": "x" * 200, "n": "y" * 200}]
        out.listing(rows, self.COLUMNS, as_json=False, empty="none")
        assert "x" * 200 in capsys.readouterr().out
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "80")
        out.listing(rows, self.COLUMNS, as_json=False, empty="none")
        assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 80

    def test_columns_stay_aligned_whatever_the_letters(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        rows = [
            {"id": "a", "title": "吾輩は猫である", "n": 1},
            {"id": "b", "title": "e\u0301te\u0301", "n": 22},
            {"id": "c", "title": HOSTILE, "n": None},
        ]
        out.listing(rows, self.COLUMNS, as_json=False, empty="none")
        lines = capsys.readouterr().out.splitlines()
        assert {out.cell_width(each) for each in lines[1:3]} == {out.cell_width(lines[0])}
        assert lines[1].split("  ")[1].strip() == "吾輩は猫…"
        assert "\x1b" not in "".join(lines)

    def test_an_empty_listing_says_what_to_do_on_stderr(self, capsys: pytest.CaptureFixture[str]) -> None:
        out.listing([], self.COLUMNS, as_json=False, empty="Add one.")
        told = capsys.readouterr()
        assert (told.out, told.err) == ("", "Add one.\n")
        out.listing([], self.COLUMNS, as_json=True, empty="Add one.")
        assert capsys.readouterr().out == "[]\n"


def test_advice_repeats_the_flags_it_was_given() -> None:
    out.called_with({"--home": Path("/books/my home"), "--env": None, "--database-url": None})
    try:
        advice = out.as_called("Run `foundry-tui init` there, or foundry-tui --run-all; or ask `foundry-tui`.")
    finally:
        out.called_with({})
    home = "foundry-tui --home '/books/my home'"
    assert advice == f"Run `{home} init` there, or {home} --run-all; or ask `foundry-tui`."
    assert out.as_called("foundry-tui queue") == "foundry-tui queue"


def test_what_waits_for_room_is_named_as_data() -> None:
    waits = DiskWait(1, "20250101000000", "STEP3", "audio_generation", HOSTILE, 67_000_000, 0.0)
    said = cramped_line([waits])
    assert said.startswith("20250101000000 waits for room on the disk: 67 MB must be free at [/x]")
    assert "\x1b" not in said
    said = cramped_line([DiskWait(0, "", "", "", "/home/foundry.db", 0, 0.0)])
    assert said.startswith("the queue waits for room on the disk: nothing can be written at /home/foundry.db. It goes")
