"""One suite for every way to run: killed, stopped, delivered twice, cut off and poisoned, the book is the same."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runtimes import RUNTIMES, Case

from fakes.house import Speaker, open_house
from fakes.press import decoded
from foundry_tui.pipeline.arq_dispatch import TASK, ArqDispatcher, queue_name
from foundry_tui.pipeline.procrastinate_dispatch import ProcrastinateDispatcher
from foundry_tui.pipeline.queues import Queues
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.store import dispatching
from foundry_tui.store.columns import parsed_moment
from foundry_tui.store.database import Database, sqlite_url
from servers_plugin import PostgresServer, postgres_cluster

WHERE = ("before_record", "after_record", "before_rename", "after_rename")
LASTING_S = 0.15  # of a request, so that a quick machine is not done before the last death
LANES = 4  # of the stand-in's engine, for each of a worker's two jobs


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], np.ndarray]:
    return {}


async def reference(known: dict[tuple[int, int], np.ndarray], case: Case, folder: Path) -> np.ndarray:
    """The sound of the same book made undisturbed, by one worker in this process."""
    size = (case.chapters, case.sentences)
    if size not in known:
        cpu = CpuPool()
        try:
            text = (case.home / "foundry/small/small.html").read_text(encoding="utf-8")
            async with open_house(folder / "undisturbed", cpu, Speaker(concurrency=LANES), text) as house:
                await house.run()
                known[size] = decoded(house.m4b)
        finally:
            cpu.close()
        shutil.rmtree(folder / "undisturbed")
    return known[size]


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    runtime, redis = str(request.param), ""
    if runtime == "embedded-sqlite":
        url = sqlite_url(str(request.getfixturevalue("migrated_file")))
    else:
        url = str(request.getfixturevalue("postgres_url"))
    if runtime == "arq":
        redis = str(request.getfixturevalue("redis_url"))
    made = Case(tmp_path / "home", url, runtime, redis)
    yield made
    made.stop()


def ways(*always: str, of: tuple[str, ...] = RUNTIMES) -> pytest.MarkDecorator:
    """Run for every way to run of ``of``; those not named only with the torture."""
    rare = [pytest.param(name, marks=pytest.mark.torture) for name in of if name not in always]
    return pytest.mark.parametrize("case", [*always, *rare], indirect=True)


SERVED = ("embedded-postgresql", "procrastinate", "arq")
DISPATCHED = ("procrastinate", "arq")


async def die_at(case: Case, points: list[tuple[str, int | str]]) -> int:
    """Kill a worker at each point in turn; how many deaths there were before it was done."""
    for deaths, point in enumerate(points):
        code = await case.ends(case.start(die=list(point)), well=False)
        await case.check()
        if code == 0:
            return deaths
        assert code == -signal.SIGKILL, (case.home / "stderr.log").read_text(errors="replace")[-4000:]
    return len(points)


@ways(*RUNTIMES)
async def test_killed_at_a_border_and_at_a_rename(case: Case, references: dict, tmp_path: Path) -> None:
    case.chapters, case.sentences = 2, 2
    await case.order()
    deaths = await die_at(case, [("after_record", 2), ("before_rename", 4)])
    await case.ends(case.start())
    await case.finished(await reference(references, case, tmp_path))
    spoken = case.requests()
    assert len(spoken) == len(case.kept)
    assert spoken.total() <= len(spoken) + deaths * 2 * LANES, "only what was in flight is asked for again"


@ways()
@pytest.mark.parametrize("where", WHERE)
async def test_killed_at_every_border_and_every_rename(
    case: Case, references: dict, tmp_path: Path, where: str
) -> None:
    await case.order()
    deaths = await die_at(case, [(where, "each")] * 400)
    await case.ends(case.start())
    await case.finished(await reference(references, case, tmp_path))
    died = set((case.home / "died.log").read_text(encoding="utf-8").splitlines())
    if where.endswith("record"):
        rows = await case.rows("SELECT chapter_number, chunk_index FROM audio_chunks")
        wanted = {f"{row['chapter_number']}.{row['chunk_index']}" for row in rows}
    else:
        made = case.home.glob("foundry/small/eng/anna/**/*")
        # What is half made is under a mark of its own, which a sweep knows.
        wanted = {str(path.relative_to(case.home)) for path in made if path.is_file()}
        wanted -= {str(path.relative_to(case.home)) for path in case.leftovers()}
    if where.startswith("before"):
        assert wanted <= died, "there was a death at each"
    else:  # a sibling that was kept at the same moment dies with it, and has no death of its own
        assert deaths >= 5
        assert 2 * len(wanted & died) > len(wanted)


@ways()
async def test_thirty_chapters_and_fifty_deaths(case: Case, references: dict, tmp_path: Path) -> None:
    case.chapters, case.sentences = 30, 4
    await case.order()
    chance = random.Random(case.runtime)
    deaths = 0
    while deaths < 50:
        if chance.random() < 0.5:
            process = case.start(die=[chance.choice(WHERE), chance.randint(2, 6)], latency_s=LASTING_S)
        else:
            process = case.start(latency_s=LASTING_S)
            await asyncio.sleep(chance.uniform(1.0, 3.5))
            with_group = chance.random() < 0.5
            if process.poll() is None:
                (os.killpg if with_group else os.kill)(process.pid, signal.SIGKILL)
        code = await case.ends(process, well=False)
        await case.check()
        if code == 0:
            break
        deaths += 1
    await case.ends(case.start())
    await case.finished(await reference(references, case, tmp_path))
    assert deaths >= 50, "the book is long enough to die that often"


@ways()
async def test_a_stopped_worker_that_wakes_up_writes_nothing(case: Case, references: dict, tmp_path: Path) -> None:
    await case.order()
    zombie = case.start(lease_s=2.0, latency_s=0.3)
    case.running.add(zombie.pid)
    while not case.requests():
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    os.killpg(zombie.pid, signal.SIGSTOP)
    other = case.start(lease_s=2.0)
    code = await asyncio.to_thread(other.wait, 90)
    assert code == 0
    before = await case.rows("SELECT * FROM audio_chunks ORDER BY chapter_number, chunk_index")
    jobs = await case.rows("SELECT * FROM jobs ORDER BY job_id")
    os.killpg(zombie.pid, signal.SIGCONT)
    case.running.clear()
    await case.ends(zombie)
    assert await case.rows("SELECT * FROM audio_chunks ORDER BY chapter_number, chunk_index") == before
    assert await case.rows("SELECT * FROM jobs ORDER BY job_id") == jobs
    case.kept.clear()
    await case.finished(await reference(references, case, tmp_path))


@ways("arq", of=DISPATCHED)
async def test_messages_delivered_twice_run_once(case: Case, references: dict, tmp_path: Path) -> None:
    await case.order()
    first = case.start(die=["after_record", 2])
    await case.ends(first, well=False)
    await case.check()
    database = Database.connect(case.url)
    async with database.write() as connection:
        ids = [row["job_id"] for row in await case.rows("SELECT job_id FROM jobs")]
        waiting = [dispatching.Waiting(job_id, 0, "STEP3_audio_generation", 0, 0.0, "standin") for job_id in ids]
        if case.runtime == "procrastinate":
            dispatcher = ProcrastinateDispatcher(database, lambda: Queues({}, "standin", {}))
            raw = await dispatching.driver(connection)
            await raw.execute("SET LOCAL search_path TO procrastinate, public")
            for job in waiting * 3:
                await dispatcher._defer(raw, job)
    if case.runtime == "arq":
        arq = ArqDispatcher(database, case.redis, lambda: Queues({}, "standin", {}))
        await arq._send(waiting)
        assert arq._redis is not None
        for number in range(3):
            for job in waiting:
                await arq._redis.enqueue_job(
                    TASK, job.job_id, _job_id=f"double:{job.job_id}:{number}", _queue_name=queue_name("cpu")
                )
        await arq.close()
    await database.close()
    workers = [case.start(), case.start()]
    case.running.update(worker.pid for worker in workers)
    for worker in workers:
        assert await asyncio.to_thread(worker.wait, 90) == 0
    case.running.clear()
    await case.finished(await reference(references, case, tmp_path))
    starts = await case.rows(
        "SELECT step_number, count(*) AS n FROM audiobook_process_events WHERE kind = 'step_started' "
        "GROUP BY step_number HAVING count(*) > 2"
    )
    assert starts == []
    assert case.requests().total() <= len(case.kept) + 3 * LANES


@ways("procrastinate", of=DISPATCHED)
async def test_two_workers_speak_one_book(case: Case, references: dict, tmp_path: Path) -> None:
    case.chapters, case.sentences = 6, 8
    await case.order()
    workers = [case.start(latency_s=0.25), case.start(latency_s=0.25)]
    case.running.update(worker.pid for worker in workers)
    for worker in workers:
        assert await asyncio.to_thread(worker.wait, 90) == 0
    case.running.clear()
    await case.finished(await reference(references, case, tmp_path))
    assert len(case.speakers()) == 2, "both have spoken"
    spoken = case.requests()
    assert spoken.total() == len(spoken) == 54, "no chunk twice"
    parts = await case.rows("SELECT DISTINCT status FROM jobs WHERE name LIKE '%/part'")
    assert {row["status"] for row in parts} == {"success", "cancelled"}, "done elsewhere, and taken back"


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    with postgres_cluster() as server:
        yield server


@ways("procrastinate", of=SERVED)
async def test_the_database_server_restarts(
    case: Case, own_server: PostgresServer, references: dict, tmp_path: Path
) -> None:
    own_server.run("CREATE DATABASE house")
    case.url = own_server.url("house")
    await migrate(case.url)
    await case.order()
    process = case.start(latency_s=0.3)
    for how in (signal.SIGINT, signal.SIGQUIT):
        seen = case.requests().total()
        while case.requests().total() < seen + 2:
            await asyncio.sleep(0.02)
            assert process.poll() is None
        own_server.stop(how)
        own_server.start()
    await case.ends(process)
    await case.finished(await reference(references, case, tmp_path))
    assert case.requests().total() == len(case.kept), "a lost connection is no lost work"


async def migrate(url: str) -> None:
    from foundry_tui.store.upgrade import upgrade

    database = Database.connect(url)
    await upgrade(database)
    await database.close()


@ways()
async def test_a_loop_that_stalls_and_a_clock_that_jumps(case: Case, references: dict, tmp_path: Path) -> None:
    await case.order()
    await case.ends(case.start(stall_s=3.0, lease_s=2.0, jump=[5, 7200.0, 9, -3600.0]))
    await case.finished(await reference(references, case, tmp_path))


async def poison(case: Case) -> list[Path]:
    """Truncate one chunk, zero another, swap two, all with the size and time they had where that can be."""
    rows = await case.rows("SELECT artifact FROM audio_chunks ORDER BY chapter_number, chunk_index")
    cut, zeroed, left, right = (case.home / rows[place]["artifact"] for place in (1, 4, 6, 9))
    damaged = [cut, zeroed, left, right]
    stats = {path: path.stat() for path in damaged}
    cut.write_bytes(cut.read_bytes()[:-2000])
    zeroed.write_bytes(bytes(stats[zeroed].st_size))
    swapped = left.read_bytes(), right.read_bytes()
    left.write_bytes(swapped[1])
    right.write_bytes(swapped[0])
    for path, stat in stats.items():
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return damaged


@ways("embedded-sqlite")
async def test_a_poisoned_cache(case: Case, references: dict, tmp_path: Path) -> None:
    await case.order()
    await case.ends(case.start(die=["after_record", 15]), well=False)  # all is spoken, nothing is put together
    await case.check()
    before = case.requests()
    damaged = await poison(case)
    shutil.rmtree(case.home / "foundry/small/eng/anna/combined", ignore_errors=True)
    for path in damaged:
        case.kept.pop(str(path.relative_to(case.home)))
    await case.ends(case.start())
    await case.finished(await reference(references, case, tmp_path))
    again = {text for text, count in case.requests().items() if count > before[text]}
    assert len(again) == 4, "what was damaged, and nothing else, is spoken again"


def cut_power(case: Case, log: Path) -> tuple[set[str], float]:
    """What a disk may hold after the power went: no file's words that were not synced, no name whose folder was not.

    Of the database's journal only what was synced is left. Returns the chunk files that are left, and when the journal
    was synced last.
    """
    synced: set[str] = set()
    named: dict[str, bool] = {}  # put in place, and whether its folder was synced since
    journal = case.home.parent / "database" / "foundry.db-wal"
    kept_bytes, kept_at = 0, 0.0
    for line in log.read_text(encoding="utf-8").splitlines():
        what, *facts = line.split("\t")
        if what == "synced":
            place, size, moment = facts
            synced.add(place)
            named |= {target: True for target in named if str(Path(target).parent) == place}
            if place == str(journal):
                kept_bytes, kept_at = int(size), float(moment)
        else:
            source, target = facts
            assert source in synced, f"{target} was put in place before its words were on the disk"
            synced.add(target)
            named[target] = False
    for target, safe in named.items():
        if not safe:
            Path(target).unlink(missing_ok=True)
    with journal.open("r+b") as file:
        file.truncate(kept_bytes)
    journal.with_name("foundry.db-shm").unlink(missing_ok=True)
    return {path.name for path in case.home.glob("foundry/small/eng/anna/audio_chunks/*.flac")}, kept_at


async def told(case: Case) -> list[tuple[str, str, str]]:
    """Every event: when, of what kind, with which words."""
    rows = await case.rows("SELECT timestamp, kind, message FROM audiobook_process_events ORDER BY seq")
    return [(str(row["timestamp"]), row["kind"], row["message"]) for row in rows]


@ways("embedded-sqlite", of=("embedded-sqlite",))
@pytest.mark.parametrize("moment", [("after_rename", 7), pytest.param(("before_record", 9), marks=pytest.mark.torture)])
async def test_a_power_cut(case: Case, references: dict, tmp_path: Path, moment: tuple[str, int]) -> None:
    await case.order()
    log = tmp_path / "power.log"
    await case.ends(case.start(die=list(moment), power=str(log), latency_s=0.5, sync_s=0.2), well=False)
    files_only = case.home.parent / "as_it_was"
    shutil.copytree(case.home.parent / "database", files_only)  # looked at there: opening it would fold the journal in
    before_cut = await told(replace(case, url=sqlite_url(str(files_only / "foundry.db"))))
    left, synced_at = cut_power(case, log)
    survived = await told(case)
    assert survived == before_cut[: len(survived)]
    lost = [parsed_moment(moment).timestamp() for moment, _, _ in before_cut[len(survived) :]]
    assert all(moment > synced_at - 0.001 for moment in lost), "what was told before the last sync is still there"
    assert synced_at, "it was synced at all"
    files = {
        path.name: path.stat().st_mtime_ns for path in case.home.glob("foundry/small/eng/anna/audio_chunks/*.flac")
    }
    assert set(files) == left
    rows_left = await case.rows("SELECT count(*) AS n FROM audio_chunks WHERE status = 'success'")
    before = case.requests()
    await case.ends(case.start())
    await case.finished(await reference(references, case, tmp_path))
    now = {path.name: path.stat().st_mtime_ns for path in case.home.glob("foundry/small/eng/anna/audio_chunks/*.flac")}
    assert {name: now.get(name) for name in files} == files, "what was whole on the disk is taken up by its tags"
    assert (case.requests() - before).total() == len(now) - len(files)
    taken_up = [message for _, kind, message in await told(case) if kind == "taken_up"]
    rowless = len(files) - sum(row["n"] for row in rows_left)
    assert bool(taken_up) == bool(rowless), "a chunk whose row is lost is taken up with a word"


@ways()
async def test_the_time_from_death_to_the_next_chunk(case: Case) -> None:
    await case.order()
    await case.ends(case.start(die=["after_record", 3]), well=False)
    seen = case.requests().total()
    began = time.monotonic()
    process = case.start()
    while case.requests().total() == seen:
        await asyncio.sleep(0.02)
        assert time.monotonic() - began < 30, "a lease of a minute is not waited for"
    os.killpg(process.pid, signal.SIGKILL)
    await case.ends(process, well=False)
