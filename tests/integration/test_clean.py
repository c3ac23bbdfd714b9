"""``clean``: what goes, what stays, what is made again; and how much room the queue will need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fakes.house import MADE, House, open_house, page
from fakes.press import decoded
from foundry_tui.errors import UsageError
from foundry_tui.operations.clean import CHUNKS, CODED, FINISHED, LEFTOVERS, PAID, Clean, CleanPlan
from foundry_tui.operations.disk_room import DiskRoom, RoomNeeded
from foundry_tui.settings import AudioSettings
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.storage import LocalLibrary
from foundry_tui.store.tables import audio_chunks, audiobook_productions, spend


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuPool]:
    pool = CpuPool(1)
    yield pool
    pool.close()


@pytest.fixture
async def house(tmp_path: Path, cpu: CpuPool) -> AsyncIterator[House]:
    async with open_house(tmp_path, cpu, text=page(chapters=2, sentences=2)) as opened:
        yield opened


def cleaner(house: House) -> Clean:
    return Clean(house.database, house.home, lambda: LocalLibrary(house.home / "library"))


def kinds(plan: CleanPlan) -> dict[str, int]:
    return {item.kind: len(item.files) for item in plan.items}


async def set_status(house: House, status: str) -> None:
    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.update().values(status=status))


async def test_coded_chapters_and_leftovers_go_and_the_next_run_makes_what_it_needs(house: House) -> None:
    await house.run()
    combined = house.home / "foundry/small/eng/anna/combined"
    for name in ("small_chapter_009_0123456789abcdef.packets.part2", ".part_small_1_abcd.m4b", "old.packets"):
        (combined / name).write_bytes(b"left behind" * 1000)
    clean = cleaner(house)
    plan = await clean.plan()
    assert kinds(plan) == {LEFTOVERS: 2, CODED: 3}
    assert plan.frees == sum(path.stat().st_blocks * 512 for item in plan.items for path in item.files)

    good, spoken = decoded(house.m4b), sum(house.speaker.spoken.values())
    assert await clean.carry_out(plan) == plan.frees
    assert not list(combined.glob("*.packets*"))
    assert not list(combined.glob(".part_*"))
    assert len(house.chunks) > 0
    assert (decoded(house.m4b) == good).all()
    assert await clean.plan() == CleanPlan(())

    await house.requeue("STEP4_audio_processing")
    assert (await house.run()).outcomes == {MADE: "finished"}
    assert (decoded(house.m4b) == good).all()
    assert sum(house.speaker.spoken.values()) == spoken


async def test_spoken_chunks_go_only_of_what_stands_in_the_library(house: House) -> None:
    await house.run()
    clean, good = cleaner(house), decoded(house.m4b)
    plan = await clean.plan(published=True)
    assert kinds(plan) == {CODED: 2, CHUNKS: len(house.chunks)}  # the M4B is the library's own by a link
    await clean.carry_out(plan)
    assert house.chunks == []
    assert (decoded(house.m4b) == good).all()

    await house.requeue("STEP4_audio_processing")
    assert (await house.run()).outcomes == {MADE: "finished"}
    assert (decoded(house.m4b) == good).all()
    assert set(house.speaker.spoken.values()) == {2}

    house.m4b.unlink()
    withdrawn = await clean.plan(published=True)
    assert CHUNKS not in kinds(withdrawn)
    assert any("not in the library" in line for line in withdrawn.kept)

    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.update().values(status="cancelled"))
    cancelled = await clean.plan(published=True)
    assert CHUNKS not in kinds(cancelled)
    assert any(f"{MADE} is cancelled and not finished" in line for line in cancelled.kept)


async def test_a_double_of_what_another_disk_holds_goes_too(house: House) -> None:
    await house.run()
    published = house.m4b
    data = published.read_bytes()
    published.unlink()
    published.write_bytes(data)  # as a library on another filesystem has it: a copy, no link
    assert kinds(await cleaner(house).plan(published=True))[FINISHED] == 1


async def test_paid_chunks_stay_unless_they_are_named(house: House) -> None:
    await house.run()
    async with house.database.write() as connection:
        rows = (await connection.execute(audio_chunks.select().order_by(audio_chunks.c.chunk_index))).mappings().all()
        await connection.execute(
            audio_chunks.update().where(audio_chunks.c.input_key == rows[0]["input_key"]).values(engine="elevenlabs")
        )
        await connection.execute(
            spend.insert().values(
                request_key="one",
                audiobook_id=MADE,
                engine="openai",
                input_key=rows[1]["input_key"],
                characters=1,
                price_micros=5,
                status="paid",
                day="2026-11-21",
                created_at=0.0,
            )
        )
    clean = cleaner(house)
    with pytest.raises(UsageError, match="--paid"):
        await clean.plan(paid=True)
    free = await clean.plan(published=True)
    assert kinds(free)[CHUNKS] == len(house.chunks) - 2
    assert PAID not in kinds(free)
    assert any("2 paid chunks stay" in line for line in free.kept)
    assert kinds(await clean.plan(published=True, paid=True))[PAID] == 2


async def test_nothing_that_a_live_production_needs_is_touched(house: House) -> None:
    await house.run()
    clean = cleaner(house)
    before = await clean.plan(published=True)
    for status in ("pending", "processing", "failed"):
        await set_status(house, status)
        plan = await clean.plan(published=True)
        assert plan.items == ()
        assert MADE in plan.kept[0]
    assert await clean.carry_out(before) == 0  # planned while it was at rest, asked for when it is not
    assert all(path.is_file() for item in before.items for path in item.files)


async def test_the_queue_says_how_much_room_it_needs(house: House) -> None:
    audio = AudioSettings("podcast", 64_000, mp3=False)
    room = DiskRoom(house.database, house.home, house.home / "library", audio)
    before = await room.needed()
    assert 0 < before.total_bytes < 10e6
    with_mp3 = DiskRoom(house.database, house.home, house.home / "library", AudioSettings("podcast", 64_000, mp3=True))
    assert (await with_mp3.needed()).total_bytes > before.total_bytes
    await house.run()
    made = sum(path.stat().st_size for path in house.home.glob("foundry/small/eng/anna/**/*") if path.is_file())
    assert made <= before.total_bytes <= 4 * made  # it leans to the large side
    assert (await room.needed()).by_id == {}
    assert "clean" in RoomNeeded({MADE: 10**12}, 10**9).sentence()
