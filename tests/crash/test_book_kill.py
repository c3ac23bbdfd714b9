"""kill -9 anywhere in a book: the finished sound is the same, nothing finished is made again, nobody is left behind."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from fakes.house import page
from fakes.press import Press, decoded, kill_alone, kill_group, wait_until


def test_a_small_book_survives_kills_and_sounds_the_same(tmp_path: Path) -> None:
    source = tmp_path / "small.html"
    source.write_text(page(chapters=6, sentences=10), encoding="utf-8")
    undisturbed = _ordered(Press(tmp_path / "undisturbed"), source, "small")
    undisturbed.run("--run-all")
    tortured = _ordered(Press(tmp_path / "tortured"), source, "small")
    total = _chunks(undisturbed)

    _torture(tortured, total, kills=5, seed=1)

    _same(undisturbed, tortured)


@pytest.mark.torture
@pytest.mark.corpus
def test_alice_survives_twelve_kills(tmp_path: Path, corpus_dir: Path) -> None:
    source = corpus_dir / "pg11-alice.html"
    undisturbed = _ordered(Press(tmp_path / "undisturbed"), source, "pg11")
    tortured = _ordered(Press(tmp_path / "tortured"), source, "pg11")
    undisturbed.run("--run-all", timeout_s=1500)

    _torture(tortured, _chunks(undisturbed), kills=12, seed=2)

    _same(undisturbed, tortured)


def _ordered(press: Press, source: Path, book_id: str) -> Press:
    press.run("init")
    press.run("book", "add", str(source), "--book-id", book_id)
    press.run("produce", book_id, "--narrator", "espeak_eng")
    return press


def _chunks(press: Press) -> int:
    return int(press.rows("SELECT count(*) AS n FROM audio_chunks WHERE status = 'success'")[0]["n"])


def _torture(press: Press, total: int, *, kills: int, seed: int) -> None:
    """Kill at seeded moments: while chunks are spoken, and as later steps begin; by turns the group and the parent."""
    chance = random.Random(seed)
    late = ("STEP4_audio_processing", "STEP5_final_compilation", "STEP6_quality_check")
    moments: list[int | str] = sorted(chance.sample(range(1, total), kills - len(late)))
    moments += late
    finished: dict[str, tuple[int, int]] = {}
    for turn, moment in enumerate(moments):
        process = press.start("--run-all")
        wait_until(lambda m=moment, p=process: _reached(press, m) or p.poll() is not None, 900, f"{moment} is reached")
        if process.poll() is None:
            (kill_group if turn % 2 else kill_alone)(process)
        wait_until(lambda: not press.processes(), 2.5, f"no orphan after kill {turn}")
        _untouched(press, finished)
        finished = press.finished_chunks()
        assert press.rows("PRAGMA integrity_check")[0][0] == "ok"
    done = press.run("--run-all", timeout_s=1500)
    assert "finished" in done.stdout
    _untouched(press, finished)
    assert not press.processes()


def _reached(press: Press, moment: int | str) -> bool:
    if isinstance(moment, int):
        return _chunks(press) >= moment
    rows = press.rows("SELECT status FROM production_steps WHERE step_number = ?", moment)
    return bool(rows) and rows[0]["status"] in {"processing", "success"}


def _untouched(press: Press, before: dict[str, tuple[int, int]]) -> None:
    now = press.finished_chunks()
    again = [name for name, identity in before.items() if now.get(name) != identity]
    assert not again, f"made again: {again}"


def _same(undisturbed: Press, tortured: Press) -> None:
    first, second = decoded(undisturbed.m4b()), decoded(tortured.m4b())
    assert first.shape == second.shape
    assert np.array_equal(first, second)
    rows = tortured.rows("SELECT status, publish_date FROM audiobook_productions")
    assert [(row["status"], bool(row["publish_date"])) for row in rows] == [("success", True)]
    assert not tortured.rows("SELECT 1 FROM jobs WHERE status = 'processing'")
    shutil.rmtree(tortured.home)
