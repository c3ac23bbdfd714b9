"""A real home broken in every way the doctor knows: found, mended, and what was removed can be had back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from fakes.command_line import CommandLine
from fakes.homes import file_of, shell
from fakes.house import MADE, House, open_house
from foundry_tui.operations.daemon import hold_lock
from foundry_tui.operations.forecast import Forecast
from foundry_tui.operations.repairs import Home, Repairs
from foundry_tui.pipeline.worker_id import new_worker_id
from foundry_tui.settings import FOLDERS
from foundry_tui.steps.cpu_pool import CpuPool


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuPool]:
    pool = CpuPool(1)
    yield pool
    pool.close()


@pytest.fixture
async def house(tmp_path: Path, cpu: CpuPool) -> AsyncIterator[House]:
    async with open_house(tmp_path / "home", cpu) as opened:
        for name in FOLDERS:
            (opened.home / name).mkdir(exist_ok=True)
        yield opened


def now() -> datetime:
    return datetime.now(UTC)


def repairs_of(house: House) -> Repairs:
    home = Home(house.home, house.home / "library", FOLDERS)
    return Repairs(house.database, home, house.recipes, now)


async def subjects(house: House) -> dict[str, bool]:
    return {flaw.subject: flaw.repair is not None for flaw in await repairs_of(house).look(thorough=True)}


async def sql(house: House, *statements: str) -> None:
    """As an operator would in a shell: in SQLite's, foreign keys are off."""
    with shell(house.home, foreign_keys=False) as connection:
        for statement in statements:
            connection.execute(statement)


async def test_a_home_that_works_has_no_flaws(house: House) -> None:
    assert await subjects(house) == {}
    await house.run()
    assert await subjects(house) == {}
    assert await repairs_of(house).mend() == ()


async def test_a_published_audiobook_that_is_gone_or_changed_is_found(house: House) -> None:
    await house.run()
    good, place = house.m4b.read_bytes(), house.m4b
    place.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert await subjects(house) == {"published": False}
    place.unlink()
    (flaw,) = await repairs_of(house).look()
    assert flaw.where == (f"{MADE} (small)",)
    assert "rebuild" in flaw.action

    (told,) = [step for step in await Forecast(house.database, house.recipes, now).of(MADE) if step.runs][-1:]
    assert told.step_number == "STEP7_publishing"
    await Forecast(house.database, house.recipes, now).rebuild([MADE])
    await house.run()
    assert await subjects(house) == {}
    assert place.read_bytes() == good


async def test_an_ordered_book_whose_source_is_gone_is_found(house: House) -> None:
    (source,) = (house.home / "foundry/small").glob("small.*")
    away = source.rename(house.home / source.name)
    (flaw,) = await repairs_of(house).look()
    assert (flaw.subject, flaw.where, flaw.repair) == ("sources", (f"{MADE} (small: no file)",), None)
    assert "book add FILE --book-id" in flaw.action
    for name in ("one small.txt", "small, too.txt"):
        (source.parent / name).write_text("A book.", encoding="utf-8")
    (flaw,) = await repairs_of(house).look()
    assert flaw.where == (f"{MADE} (small: several files could be it)",)
    away.rename(source)
    await house.run()
    source.unlink()
    assert await subjects(house) == {}, "what is finished needs none"


async def test_a_step_whose_row_was_deleted_is_named_and_written_anew(house: House) -> None:
    await house.run()
    sound = house.m4b.read_bytes()
    await house.requeue("audio_processing")
    await sql(house, "DELETE FROM production_steps WHERE step_number = 'STEP1_parsing'")
    await house.run()
    assert "the step parsing is gone" in str(await house.value("SELECT error_message FROM audiobook_productions"))
    await house.run(retry_failed=True)
    assert list((await house.steps()).values()) == ["success"] * 7
    assert house.m4b.read_bytes() == sound


@pytest.mark.sqlite_only("a file that is gone")
def test_a_home_whose_tables_are_gone_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    foundry = CommandLine(tmp_path / "home")
    foundry.well("init", "--no-sample")
    chunks = foundry.home / "foundry/alice/eng/anna/audio_chunks"
    chunks.mkdir(parents=True)
    file_of(foundry.home).unlink()
    for verb in (["queue"], ["--run-all"]):
        ran = foundry(*verb)
        assert ran.code == 2
        assert "is gone, and spoken books lie in" in ran.err
        assert "the verb `restore`" in ran.err
    assert not file_of(foundry.home).exists()
    told = foundry("doctor", "--no-engines")
    assert told.code == 1
    assert "its tables are gone" in told.out
    chunks.rmdir()
    assert "There is no Foundry home" in foundry("queue").err


async def test_missing_folders_are_made(house: House) -> None:
    (house.home / "inbox").rmdir()
    (house.home / "library").rmdir()
    assert await subjects(house) == {"folders": True}
    await repairs_of(house).mend()
    assert (house.home / "inbox").is_dir()
    assert await subjects(house) == {}


async def test_jobs_of_the_dead_wait_again_and_the_book_is_finished(house: House) -> None:
    await house.run(fail_fast=True)
    await house.requeue("audio_processing")
    worker = new_worker_id()
    dead = str(worker).replace(f":{os.getpid()}:", ":999999:")
    await sql(
        house,
        f"UPDATE jobs SET status = 'processing', worker_id = '{dead}', lease_expires_at = 4e9, attempt = 1"
        " WHERE status = 'pending'",
        "UPDATE production_steps SET status = 'processing' WHERE step_name = 'audio_processing'",
    )
    assert await subjects(house) == {"leases": True}
    (said,) = await repairs_of(house).mend()
    assert said == "1 jobs wait for a worker again."
    assert await subjects(house) == {}
    assert (await house.run()).finished == (MADE,)


async def test_jobs_that_are_nobodys_are_cancelled(house: House) -> None:
    await house.run()
    await sql(house, "INSERT INTO jobs (name, status, created_at) VALUES ('STEP9_nothing', 'pending', 1)")
    assert await subjects(house) == {"orphaned jobs": True}
    await repairs_of(house).mend()
    assert await house.value("SELECT status || reason FROM jobs WHERE name = 'STEP9_nothing'") == "cancelledorphaned"
    assert await subjects(house) == {}


def part(job_id: int, step_number: str, status: str, lease_expires_at: float | None) -> str:
    """A job that a step has handed out, as SQL."""
    payload = json.dumps({"audiobook_id": MADE, "step_number": step_number, "part": [[1, job_id]]})
    lease = "NULL" if lease_expires_at is None else str(lease_expires_at)
    return (
        "INSERT INTO jobs (job_id, name, queue_key, payload, status, worker_id, lease_expires_at, created_at) VALUES"
        f" ({job_id}, '{step_number}/part', '{MADE}:02.0001.0000{job_id}', '{payload}', '{status}',"
        f" 'elsewhere:boot:1:1.00:x', {lease}, 1)"
    )


async def test_parts_are_nobodys_only_where_no_step_waits_for_them(house: House) -> None:
    await house.run()
    await house.requeue("audio_generation")
    step = await house.value("SELECT step_number FROM production_steps WHERE step_name = 'audio_generation'")
    await sql(house, part(901, step, "pending", None), part(902, step, "processing", 4e9))
    assert await subjects(house) == {}, "they are their step's, which names none of them"
    await repairs_of(house).mend()
    await sql(house, "UPDATE production_steps SET status = 'success' WHERE step_name = 'audio_generation'")
    assert await subjects(house) == {"orphaned jobs": True}
    (said,) = await repairs_of(house).mend()
    assert said == "1 jobs that were nobody's are cancelled."
    left = await house.database.fetch("SELECT job_id, status FROM jobs WHERE job_id > 900 ORDER BY job_id")
    assert [row["status"] for row in left] == ["cancelled", "processing"], "what a living worker holds is its own"
    assert await subjects(house) == {}


async def test_leases_are_judged_by_the_servers_clock(house: House) -> None:
    await house.run()
    await house.requeue("audio_generation")
    step = await house.value("SELECT step_number FROM production_steps WHERE step_name = 'audio_generation'")
    half = house.home / "foundry" / "small" / ".part_x_1_abcd.flac"
    half.write_bytes(b"half")
    await sql(house, part(901, step, "processing", time.time() + 600))
    ahead = Repairs(
        house.database,
        Home(house.home, house.home / "library", FOLDERS),
        house.recipes,
        lambda: datetime.now(UTC) + timedelta(hours=1),
    )
    said = await ahead.mend(["leases", "orphaned jobs", "leftovers"])
    # A file has no other clock than ours.
    assert bool(said) is house.database.is_sqlite
    status = await house.value("SELECT status FROM jobs WHERE job_id = 901")
    assert status == ("pending" if house.database.is_sqlite else "processing")
    assert half.exists() is not house.database.is_sqlite


async def test_chunks_whose_files_are_gone_are_spoken_again_and_no_others(house: House) -> None:
    await house.run()
    await house.requeue("audio_generation")
    chunks = house.chunks
    chunks[0].unlink()
    chunks[1].write_bytes(chunks[1].read_bytes()[:-7])
    spoken = sum(house.speaker.spoken.values())
    assert await subjects(house) == {"lost sound": True}
    (said,) = await repairs_of(house).mend()
    assert said.startswith("2 chunks")
    assert await subjects(house) == {} or await subjects(house) == {"stray sound": False}
    await house.run()
    assert sum(house.speaker.spoken.values()) == spoken + 2
    assert await subjects(house) == {}


async def test_chunks_without_a_row_are_told_and_taken_up_by_the_next_run(house: House) -> None:
    await house.run()
    spoken = sum(house.speaker.spoken.values())
    await sql(house, "DELETE FROM audio_chunks WHERE chapter_number = 1")
    assert await subjects(house) == {"stray sound": False}
    await house.requeue("audio_generation")
    await house.run()
    assert sum(house.speaker.spoken.values()) == spoken, "their own tags say what they are"
    assert await subjects(house) == {}


async def test_half_written_files_go_to_the_trash_and_not_while_somebody_works(house: House) -> None:
    part = house.home / "foundry" / "small" / ".part_x_1_abcd.flac"
    part.write_bytes(b"half")
    (house.home / "library" / ".part_folder").mkdir()
    (house.home / "library" / ".part_folder" / "x.m4b").write_bytes(b"half")
    await sql(
        house,
        "INSERT INTO jobs (job_id, name, status, worker_id, lease_expires_at, created_at)"
        " VALUES (77, 'x', 'processing', 'elsewhere:boot:1:1.00:x', 4e9, 1)",
    )
    assert "leftovers" not in await subjects(house), "somebody may be writing them"
    old = time.time() - 2 * 86_400
    os.utime(part, (old, old))
    assert (await subjects(house))["leftovers"]
    await sql(house, "DELETE FROM jobs WHERE job_id = 77")
    (said,) = await repairs_of(house).mend(["leftovers"])
    assert said.startswith("2 ")
    assert not part.exists()
    assert len(list((house.home / "trash").rglob(".part_*"))) == 2
    assert await subjects(house) == {}


@pytest.mark.sqlite_only("rows whose parents are missing")
async def test_rows_that_point_to_nothing_are_mended_and_kept_in_the_trash(house: House) -> None:
    await house.run()
    await sql(
        house,
        "INSERT INTO audiobook_process_events (audiobook_id, timestamp, step_number, status, message)"
        " VALUES ('20990101000000', '2099-01-01 00:00:00.000', 'STEP1_parsing', 'success', 'a ghost')",
        "UPDATE books SET narrator_id = 'nobody'",
    )
    assert await subjects(house) == {"references": True}
    (said,) = await repairs_of(house).mend()
    assert said.startswith("2 rows")
    (kept,) = (house.home / "trash").rglob("rows_*.json")
    assert {row["table"] for row in json.loads(kept.read_text())} == {"audiobook_process_events", "books"}
    assert "a ghost" in kept.read_text()
    assert await house.value("SELECT count(*) FROM books WHERE narrator_id IS NULL") == 1
    assert await subjects(house) == {}


@pytest.mark.sqlite_only("rows whose parents are missing")
async def test_a_production_without_its_book_is_left_to_the_operator(house: House) -> None:
    await sql(house, "DELETE FROM books")
    assert await subjects(house) == {"stranded productions": False}
    assert await repairs_of(house).mend() == ()


@pytest.mark.sqlite_only("an index that a shell can spoil")
async def test_indexes_that_do_not_fit_are_made_anew(house: House) -> None:
    await sql(
        house,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = 'CREATE INDEX ix_books_narrator ON books (language)'"
        " WHERE name = 'ix_books_narrator'",
        "PRAGMA schema_version = 99",  # for those who have it open
    )
    assert await subjects(house) == {"indexes": True}
    await repairs_of(house).mend()
    assert await subjects(house) == {}


@pytest.mark.sqlite_only("the write-ahead log of its file")
async def test_a_large_log_is_folded_in(house: House) -> None:
    async with house.database.read() as reader:
        await reader.execute(text("SELECT count(*) FROM books"))
        async with house.database.write() as connection:
            await connection.execute(
                text("INSERT INTO app_events (message) SELECT hex(zeroblob(500000)) FROM jobs UNION ALL SELECT hex(zeroblob(9000000))")
            )  # fmt: skip
        assert await subjects(house) == {"write-ahead log": True}
    await repairs_of(house).mend()
    assert await subjects(house) == {}
    assert file_of(house.home).with_name("foundry.db-wal").stat().st_size == 0


async def test_the_lock_of_a_dead_daemon_and_an_old_inbox_are_told(house: House) -> None:
    (house.home / "database" / "work.lock").write_text("999999")
    book = house.home / "inbox" / "old.html"
    book.write_text("x")
    os.utime(book, (1, 1))
    assert await subjects(house) == {"locks": True, "inbox": False}
    await repairs_of(house).mend()
    assert await subjects(house) == {"inbox": False}
    with hold_lock(house.home) as held:
        assert held
        assert await subjects(house) == {"inbox": False}, "a living daemon's lock is no flaw"


async def test_a_lock_is_emptied_only_while_nobody_holds_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = house.home / "database" / "work.lock"
    lock.write_text("999999")
    before = lock.stat().st_ino
    await repairs_of(house).mend(["locks"])
    assert (lock.read_text(), lock.stat().st_ino) == ("", before), "a daemon that has just opened it holds this file"
    lock.write_text("999999")
    monkeypatch.setattr("foundry_tui.operations.repairs._stale_lock", lambda _: True)  # as it was a moment ago
    with hold_lock(house.home) as held:
        assert held
        (said,) = await repairs_of(house).mend(["locks"])
        assert said == "A daemon has taken its lock anew."
        assert lock.read_text() == str(os.getpid())


def test_the_verb_says_mends_and_says_again(tmp_path: Path) -> None:
    foundry = CommandLine(tmp_path / "home")
    foundry.well("init", "--no-seeds", "--no-sample")
    config = foundry.home / "config.toml"
    config.write_text('[engines.elevenlabs]\napi_key = "secret"\n')
    config.chmod(0o644)
    (foundry.home / "foundry" / ".part_x").write_bytes(b"half")
    refused = foundry("doctor", "--no-engines")
    assert refused.code == 2
    assert "others may read the file" in refused.err
    mended = foundry.well("doctor", "--no-engines", "--repair")
    assert config.stat().st_mode & 0o777 == 0o600
    assert "Only you may read" in mended.out
    assert "1 half-written files lie in the trash" in mended.out
    told = foundry.well("doctor", "--no-engines", "--repair", "--json").json
    assert told["repaired"] == []
    assert not [finding for finding in told["findings"] if finding["repair"]]
    (foundry.home / "inbox").rmdir()
    said = foundry.well("doctor", "--no-engines")
    assert "folders: 1 folders are missing" in said.out
    assert "One of these can be mended: foundry-tui" in said.err
