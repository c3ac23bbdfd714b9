"""kill -9 during a book that costs money: no more is paid than for its chunks and what was on its way at the kills."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fakes.house import page
from fakes.paid_server import PaidServer, paid_server
from fakes.press import Press, kill_group, wait_until


def ordered(home: Path, server: PaidServer, *told: str) -> Press:
    press = Press(home, {**server.options(), "FOUNDRY_OPENAI_CONCURRENCY": "3"})
    press.run("init")
    facts = ("--name", "Nova", "--language", "eng", "--engine", "openai", "--voice", "nova")
    press.run("narrator", "add", "nova", *facts)
    source = home.parent / "small.html"
    source.write_text(page(chapters=4, sentences=12), encoding="utf-8")
    press.run("book", "add", str(source), "--book-id", "small", "--author", "A. Writer")
    press.run("produce", "small", "--narrator", "nova", *told)
    return press


def ledger(press: Press, status: str = "%") -> tuple[int, int]:
    """(rows, micros) of the ledger."""
    row = press.rows("SELECT count(*) AS n, total(price_micros) AS m FROM spend WHERE status LIKE ?", status)[0]
    return int(row["n"]), int(row["m"])


def torture(press: Press, server: PaidServer, kills: int, seed: int) -> int:
    """Kill while requests are on their way, one to three chunks after each start; returns how many were cut off."""
    chance = random.Random(seed)
    for kill in range(kills):
        wanted = ledger(press, "paid")[0] + chance.randint(1, 3)
        process = press.start("--run-all")
        wait_until(lambda w=wanted, p=process: ledger(press, "paid")[0] >= w or p.poll() is not None, 120, f"{kill}")
        wait_until(lambda p=process: server.in_flight or p.poll() is not None, 30, "something is on its way")
        assert process.poll() is None, f"it ended before kill {kill}"
        kill_group(process)
        assert press.rows("PRAGMA integrity_check")[0][0] == "ok"
    return ledger(press, "reserved")[0]


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.torture)])
def test_kills_cost_no_more_than_what_was_on_its_way(tmp_path: Path, kills: int) -> None:
    with paid_server(latency_s=0.15) as server:
        press = ordered(tmp_path / "home", server, "--cap", "2")
        in_flight = torture(press, server, kills, seed=4)
        press.run("--run-all")
        chunks = spoken(press)

        assert press.rows("SELECT status FROM audiobook_productions")[0]["status"] == "success"
        assert set(server.charged) == chunks
        assert in_flight >= 1
        assert len(server.charged) <= len(chunks) + in_flight
        assert server.charged_micros <= ledger(press)[1] <= 2_000_000, "everything charged is in the ledger"
        assert ledger(press, "paid")[0] == len(chunks)
        again = [key for key in set(server.keys) if server.keys.count(key) > 1]
        assert len(set(server.keys)) == len(chunks), f"asked again under the same key: {len(again)}"
        left = list(press.home.glob("foundry/**/paid/[!.]*.flac"))
        assert len(left) <= in_flight + kills, "a take that was taken lies there once, but for those of the kills"


def spoken(press: Press) -> set[str]:
    """Every text of the finished book."""
    rows = press.rows("SELECT json_extract(key_parts, '$.text') AS text FROM audio_chunks WHERE status = 'success'")
    return {str(row["text"]) for row in rows}


def test_a_cap_is_never_passed_by_several_processes(tmp_path: Path) -> None:
    with paid_server(latency_s=0.05) as server:
        press = ordered(tmp_path / "home", server)
        press.environment["FOUNDRY_MONEY_PER_DAY_USD"] = "0.02"
        facts = (
            "--name",
            "Nova Two",
            "--language",
            "eng",
            "--engine",
            "openai",
            "--voice",
            "nova",
            "--set",
            "rate=1.1",
        )
        press.run("narrator", "add", "nova2", *facts)
        press.run("produce", "small", "--narrator", "nova2")
        processes = [press.start("--run-all", "--workers", "1") for _ in range(2)]
        for process in processes:
            process.communicate(timeout=120)

        assert server.charged_micros <= 20_000
        assert server.charged_micros > 15_000, "it was used up"
        rows = press.rows("SELECT status, error_message FROM audiobook_productions")
        assert {row["status"] for row in rows} == {"failed"}
        assert all("per_day_usd" in row["error_message"] and "left" in row["error_message"] for row in rows)

        press.environment["FOUNDRY_MONEY_PER_DAY_USD"] = "3"
        press.run("cancel", press.rows("SELECT max(audiobook_id) AS id FROM audiobook_productions")[0]["id"])
        press.run("--run-all")
        assert len(server.charged) == len(set(server.keys)), "nothing that was paid for was paid for again"
