"""The seven steps on a small book: what is kept, what is made again, and what is said when something is wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import homes
from fakes.house import MADE, House, Speaker, open_house, page
from fakes.press import decoded, marks
from foundry_tui.audio.chapter_packets import code_chapter
from foundry_tui.audio.measure import Measures
from foundry_tui.domain.productions import Production
from foundry_tui.errors import EngineUnreachable, SpeechRejected, TextRefused, WorkerDied
from foundry_tui.steps import booth
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.store import productions
from foundry_tui.store.database import Database
from foundry_tui.store.tables import audio_chunks, audiobook_productions, narrators


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuPool]:
    """One process for the whole module: it starts slowly, the steps share it in life too."""
    pool = CpuPool(1)
    yield pool
    pool.close()


# For what leans on the tables most; where every home is on PostgreSQL, once is enough.
on_both = pytest.mark.parametrize(
    "house_url", homes.KINDS if homes.wanted_kind() == "sqlite" else ["postgresql"], indirect=True
)


@pytest.fixture
def house_url(request: pytest.FixtureRequest) -> str | None:
    """None is the home's own database."""
    wanted = getattr(request, "param", "sqlite")
    return str(request.getfixturevalue("postgres_url")) if wanted == "postgresql" else None


@pytest.fixture
async def house(tmp_path: Path, cpu: CpuPool, house_url: str | None) -> AsyncIterator[House]:
    async with open_house(tmp_path, cpu, url=house_url) as opened:
        yield opened


@on_both
async def test_a_book_is_carried_to_a_proven_published_file(house: House) -> None:
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert set((await house.steps()).values()) == {"success"}
    assert [title for title, _, _ in marks(house.m4b)] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    report = json.loads((house.home / "foundry/small/eng/anna/reports/quality.json").read_text())
    assert report["passed"]
    assert len(decoded(house.m4b)) == report["figures"]["samples"]
    assert await house.value("SELECT publish_date IS NOT NULL FROM audiobook_productions")
    numbers = [
        row["step_number"]
        for row in await house.database.fetch(
            "SELECT step_number FROM audiobook_process_events WHERE status = 'success' AND kind = 'step_succeeded' ORDER BY seq"
        )
    ]
    assert numbers == [
        "STEP1_parsing", "STEP2_metadata", "STEP3_audio_generation", "STEP4_audio_processing",
        "STEP5_final_compilation", "STEP6_quality_check", "STEP7_publishing",
    ]  # fmt: skip


async def test_a_changed_sentence_is_spoken_alone_and_only_its_chapter_is_coded_again(house: House) -> None:
    await house.run()
    spoken = dict(house.speaker.spoken)
    coded = {path: path.stat().st_mtime_ns for path in house.home.glob("foundry/small/eng/anna/combined/*.packets")}

    house.source(page(two="A wholly new beginning stands here, and nothing else has changed at all in this book."))
    await house.requeue("STEP1_parsing")
    await house.run()

    new = {text for text, count in house.speaker.spoken.items() if count != spoken.get(text, 0)}
    assert len(new) == 1
    assert "wholly new beginning" in new.pop()
    after = {path: path.stat().st_mtime_ns for path in house.home.glob("foundry/small/eng/anna/combined/*.packets")}
    assert len(coded.items() & after.items()) == 2


@on_both
async def test_a_chunk_that_cannot_be_spoken_never_stops_its_siblings(
    tmp_path: Path, cpu: CpuPool, house_url: str | None
) -> None:
    broken = "Sentence three of chapter two"
    said = {"said": "\0 of a service that answers in bytes"}
    speaker = Speaker(fail=lambda text, _: SpeechRejected("No sound came.", details=said) if broken in text else None)
    async with open_house(tmp_path, cpu, speaker, url=house_url) as house:
        summary = await house.run()

        assert summary.failed == (MADE,)
        failed = await house.database.fetch("SELECT chapter_number, error FROM audio_chunks WHERE status = 'failed'")
        assert [(row["chapter_number"], row["error"]) for row in failed] == [(2, "No sound came.")]
        total = await house.value("SELECT count(*) FROM audio_chunks")
        assert await house.value("SELECT count(*) FROM audio_chunks WHERE status = 'success'") == total - 1
        assert "chapter 2" in await house.value("SELECT error_message FROM audiobook_productions")

        speaker.fail = None
        before = sum(speaker.spoken.values())
        await house.run(retry_failed=True)

        assert sum(speaker.spoken.values()) == before + 1
        assert set((await house.steps()).values()) == {"success"}


async def test_a_refused_text_fails_alone(tmp_path: Path, cpu: CpuPool) -> None:
    def fail(text: str, _: int) -> Exception | None:
        return TextRefused("No smoking, HTTP 422.") if "two of chapter" in text else None

    async with open_house(tmp_path, cpu, Speaker(fail=fail)) as house:
        await house.run()
        failed = await house.database.fetch("SELECT error FROM audio_chunks WHERE status = 'failed'")
        assert [row["error"] for row in failed] == ["No smoking, HTTP 422."] * 3
        assert "chapter 1, chunk 3: No smoking" in await house.value("SELECT error_message FROM audiobook_productions")
        assert max(house.speaker.spoken.values()) == 1, "what is refused for good is not asked for again"
        house.speaker.fail = None
        await house.requeue("audio_generation")
        await house.run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"


async def test_settings_that_every_text_is_refused_for_end_the_step(tmp_path: Path, cpu: CpuPool) -> None:
    speaker = Speaker(fail=lambda *_: TextRefused("No speed 9, HTTP 400."), concurrency=1)
    async with open_house(tmp_path, cpu, speaker) as house:
        await house.run()
        told = await house.value("SELECT error_message FROM audiobook_productions")
        assert "8 texts in a row" in told
        assert "No speed 9, HTTP 400." in told
        assert 8 <= len(speaker.spoken) < 12


async def test_gaps_are_left_out_only_when_ordered(tmp_path: Path, cpu: CpuPool) -> None:
    speaker = Speaker(fail=lambda text, _: SpeechRejected("No sound came.") if "four of chapter one" in text else None)
    async with open_house(tmp_path, cpu, speaker) as house:
        async with house.database.write() as connection:
            await connection.execute(audiobook_productions.update().values(options={"allow_gaps": True}))
        await house.run()

        assert set((await house.steps()).values()) == {"success"}
        made = await _production(house.database)
        assert made.totals["gaps"] == 1
        assert await house.told("gaps")


async def test_a_cut_take_is_spoken_again_before_it_is_believed(tmp_path: Path, cpu: CpuPool) -> None:
    silent = "Sentence two of chapter three"
    speaker = Speaker(
        natural_takes=True,
        spoil=lambda text, nth: (lambda pcm: bytes(len(pcm))) if silent in text and nth == 1 else None,
    )
    async with open_house(tmp_path, cpu, speaker) as house:
        await house.run()

        assert set((await house.steps()).values()) == {"success"}
        assert [count for text, count in speaker.spoken.items() if silent in text] == [2]
        (told,) = await house.told("retake")
        assert "chapter 3" in told.lower()


@pytest.mark.parametrize(("under_way", "most"), [(2, 4), (16, 6)])  # three chunks prove each of two habits
async def test_a_voice_without_a_pause_is_taken_as_it_is(
    tmp_path: Path, cpu: CpuPool, under_way: int, most: int
) -> None:
    """The same odd sound in take after take is the voice's way: it is flagged, and asked for again only at first."""

    def droning(pcm: bytes) -> bytes:
        return (b"\x00\x20" * 30 + b"\x00\xe0" * 30) * (len(pcm) // 120)

    speaker = Speaker(natural_takes=True, spoil=lambda *_: droning, concurrency=under_way)
    async with open_house(tmp_path, cpu, speaker) as house:
        await house.run()

        assert await house.value("SELECT count(*) FROM audio_chunks WHERE status <> 'success'") == 0
        assert await house.value("SELECT count(*) FROM audio_chunks WHERE flags <> '[]'") > 5
        assert len(await house.told("retake")) <= most


async def test_two_cut_takes_of_one_chunk_leave_the_check_on(tmp_path: Path, cpu: CpuPool) -> None:
    """What one chunk shows twice excuses that chunk; another that is cut once is spoken again all the same."""

    def cut(pcm: bytes) -> bytes:
        return pcm[: len(pcm) * 9 // 10] + b"\x00\x50\x00\xb0" * 2400

    bad = {"one of chapter one": 2, "four of chapter three": 1}

    def spoil(text: str, nth: int) -> object:
        return cut if any(named in text and nth <= times for named, times in bad.items()) else None

    speaker = Speaker(natural_takes=True, spoil=spoil, concurrency=1)  # type: ignore[arg-type]
    async with open_house(tmp_path, cpu, speaker) as house:
        await house.run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"
        told = await house.told("retake")
    assert len(told) == 2
    assert "Chapter 1" in told[0]
    assert "Chapter 3" in told[1]


async def test_the_engine_is_asked_on_while_what_came_is_checked(
    tmp_path: Path, cpu: CpuPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both of its requests are answered and not yet measured: another is under way by then, but never a third."""
    speaker, measured, asked_on = Speaker(concurrency=2, latency_s=0.02), booth.measure, []

    def slow(*given: Any) -> Measures:
        until = time.monotonic() + 10
        while len(speaker.spoken) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        asked_on.append(len(speaker.spoken) >= 3)
        return measured(*given)

    monkeypatch.setattr(booth, "measure", slow)
    async with open_house(tmp_path, cpu, speaker) as house:
        await house.run()
        assert set((await house.steps()).values()) == {"success"}
    assert all(asked_on)
    assert speaker.peak_in_flight == 2


async def test_an_engine_that_is_down_costs_no_finished_chunk(tmp_path: Path, cpu: CpuPool) -> None:
    down = asyncio.Event()
    speaker = Speaker(concurrency=2)
    speaker.fail = lambda *_: (
        EngineUnreachable("Nobody answers.") if down.is_set() else (down.set() if len(speaker.spoken) == 6 else None)
    )
    async with open_house(tmp_path, cpu, speaker) as house:
        summary = await house.run()
        assert summary.failed == (MADE,)
        kept = {path.name: path.stat().st_mtime_ns for path in house.chunks}
        assert len(kept) >= 5

        down.clear()
        speaker.fail = None
        await house.run(retry_failed=True)
        assert set((await house.steps()).values()) == {"success"}
        assert kept.items() <= {path.name: path.stat().st_mtime_ns for path in house.chunks}.items()


async def test_a_damaged_coded_chapter_is_coded_again(house: House) -> None:
    await house.run()
    spoken = sum(house.speaker.spoken.values())
    good = decoded(house.m4b)
    packets = sorted(house.home.glob("foundry/small/eng/anna/combined/*.packets"))[1]
    data = bytearray(packets.read_bytes())
    data[len(data) // 2] ^= 0xFF
    packets.write_bytes(bytes(data))

    await house.requeue("STEP5_final_compilation")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert (decoded(house.m4b) == good).all()
    assert sum(house.speaker.spoken.values()) == spoken
    assert await house.told("sent_back")


@pytest.mark.parametrize("name", ["small.m4b", "small_timing.json"])
async def test_a_finished_file_that_changed_is_written_again(house: House, name: str) -> None:
    await house.run()
    good = decoded(house.m4b)
    path = house.home / "foundry/small/eng/anna/combined" / name
    path.unlink()
    path.write_bytes(b"not what was written")

    await house.requeue("STEP6_quality_check" if name.endswith(".m4b") else "STEP5_final_compilation")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert (decoded(house.m4b) == good).all()


@pytest.mark.parametrize("step", ["STEP5_final_compilation", "STEP6_quality_check", "STEP7_publishing"])
async def test_a_published_file_that_changed_is_published_again(house: House, step: str) -> None:
    """The library's file is the finished one under another name, so both are damaged, and neither is shorter."""
    await house.run()
    good = house.m4b.read_bytes()
    with house.m4b.open("r+b") as file:
        file.seek(len(good) // 2)
        file.write(bytes([good[len(good) // 2] ^ 0xFF]))

    await house.requeue(step)
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert house.m4b.read_bytes() == good


async def test_an_mp3_a_chapter_where_ordered(house: House) -> None:
    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.update().values(options={"mp3": True}))
    await house.run()

    published = sorted(path.name for path in house.m4b.parent.rglob("*.mp3"))
    assert published == [f"small_chapter_{number:03d}.mp3" for number in (1, 2, 3)]


@pytest.mark.parametrize("damage", ["truncated", "zeroed", "gone", "swapped"])
async def test_a_damaged_chunk_is_found_and_only_it_is_spoken_again(house: House, damage: str) -> None:
    await house.run()
    first, second = house.chunks[:2]
    spoken = sum(house.speaker.spoken.values())
    good = decoded(house.m4b)
    if damage == "truncated":
        first.write_bytes(first.read_bytes()[:-200])
    elif damage == "zeroed":
        first.write_bytes(bytes(first.stat().st_size))
    elif damage == "gone":
        first.unlink()
    else:
        one, two = first.read_bytes(), second.read_bytes()
        first.write_bytes(two)
        second.write_bytes(one)
    for packets in house.home.glob("foundry/small/eng/anna/combined/*.packets"):
        packets.unlink()

    await house.requeue("STEP4_audio_processing")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert sum(house.speaker.spoken.values()) == spoken + (2 if damage == "swapped" else 1)
    assert (decoded(house.m4b) == good).all()


@on_both
async def test_lost_rows_are_taken_up_again_from_the_files(house: House) -> None:
    await house.run()
    spoken = sum(house.speaker.spoken.values())
    async with house.database.write() as connection:
        await connection.execute(audio_chunks.delete())

    await house.requeue("STEP3_audio_generation")
    await house.run()

    assert sum(house.speaker.spoken.values()) == spoken
    assert set((await house.steps()).values()) == {"success"}


async def test_chapters_parsed_anew_for_another_narrator_are_never_laid_under_old_takes(house: House) -> None:
    await house.run()
    house.source(
        page(sentences=3, two="A wholly new beginning stands here, and a sentence is gone from every chapter.")
    )
    await _order_from_bert(house)
    await house.run()

    await house.requeue("STEP4_audio_processing")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert "parsing is made again" in (await house.told("sent_back"))[0]
    counted = "SELECT count(*) FROM audio_chunks WHERE audiobook_id = '{}'"
    assert await house.value(counted.format(MADE)) == await house.value(counted.format("20250101000002"))


async def test_chunks_without_sound_are_spoken_before_anything_is_coded(house: House) -> None:
    await house.run()
    spoken = sum(house.speaker.spoken.values())
    async with house.database.write() as connection:
        await connection.execute(audio_chunks.delete().where(audio_chunks.c.chapter_number == 2))

    await house.requeue("STEP4_audio_processing")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert [title for title, _, _ in marks(house.m4b)] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert sum(house.speaker.spoken.values()) == spoken


async def test_damaged_chapters_are_parsed_again(house: House) -> None:
    await house.run()
    spoken = sum(house.speaker.spoken.values())
    (house.home / "foundry/small/eng/chapters/chapter_002.json").write_text("{", encoding="utf-8")

    await house.requeue("STEP3_audio_generation")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert sum(house.speaker.spoken.values()) == spoken


async def test_a_chapter_that_cannot_be_coded_uses_the_attempts_up(tmp_path: Path, cpu: CpuPool) -> None:
    class Dying(CpuPool):
        async def run(self, work: Any, *arguments: Any) -> Any:
            if work is code_chapter and arguments[0].plan.number == 2:
                raise WorkerDied
            return await cpu.run(work, *arguments)

    async with open_house(tmp_path, Dying(1)) as house:
        summary = await asyncio.wait_for(house.run(), 60)

        assert summary.failed == (MADE,)
        assert len(await house.told("step_retry")) <= 3


async def test_a_damaged_chunk_is_not_found_again_in_an_older_production(house: House) -> None:
    await house.run()
    again = {"audiobook_id": "20250101000002", "book_id": "small", "narrator_id": "anna", "language": "eng"}
    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.insert().values(**again))
    await house.run()
    spoken = sum(house.speaker.spoken.values())
    house.chunks[0].write_bytes(bytes(house.chunks[0].stat().st_size))
    for packets in house.home.glob("foundry/small/eng/anna/combined/*.packets"):
        packets.unlink()

    await house.requeue("STEP4_audio_processing")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert sum(house.speaker.spoken.values()) == spoken + 1


@on_both
async def test_another_narrator_of_the_same_book_shares_the_chapters_and_nothing_else(house: House) -> None:
    await house.run()
    await _order_from_bert(house)
    await house.run()
    assert await house.value("SELECT count(*) FROM audiobook_productions WHERE status = 'success'") == 2
    assert len(list(house.home.glob("library/*/*/*.m4b"))) == 2


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda folder: (folder / "small.html").unlink(), "source_not_found"),
        (
            lambda folder: (
                (folder / "small.html").rename(folder / "a_small.html").with_name("b_small.html").write_text("x")
            ),
            "source_ambiguous",
        ),
        (lambda folder: (folder / "small.html").write_text("<html><body></body></html>"), "no_chapters_detected"),
        (
            lambda folder: (folder / "small.html").write_bytes(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj"),
            "source_unreadable",
        ),
    ],
)
async def test_a_bad_source_is_a_failed_step_with_its_reason(house: House, spoil: object, code: str) -> None:
    spoil(house.home / "foundry" / "small")  # type: ignore[operator]
    summary = await house.run()

    assert summary.failed == (MADE,)
    details = await house.parsed("SELECT details FROM audiobook_process_events WHERE kind = 'step_failed'")
    assert details["code"] == code

    house.source(page())
    for extra in (house.home / "foundry" / "small").glob("?_small.html"):
        extra.unlink()
    await house.run(retry_failed=True)
    assert set((await house.steps()).values()) == {"success"}


@on_both
async def test_too_little_space_is_said_before_a_word_is_spoken(house: House) -> None:
    house.free = lambda _: 1_000_000
    summary = await house.run()

    assert summary.with_outcome("disk_full") == (MADE,)
    assert not house.speaker.spoken
    assert "MB free" in await house.value("SELECT error_message FROM audiobook_productions")

    house.free = lambda _: 10**12
    await house.run()
    assert set((await house.steps()).values()) == {"success"}
    assert await house.value("SELECT error_message FROM audiobook_productions") is None
    assert await house.told("room_again")


async def test_another_language_wants_its_own_source(house: House) -> None:
    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.update().values(language="deu"))
    summary = await house.run()
    assert summary.failed == (MADE,)
    assert "holds no source in German" in await house.value("SELECT error_message FROM audiobook_productions")


async def _production(database: Database) -> Production:
    async with database.read() as connection:
        return await productions.get_production(connection, MADE)


async def _order_from_bert(house: House) -> None:
    bert = {"narrator_id": "bert", "narrator_name": "Bert", "language": "eng", "engine": "standin", "voice": "two"}
    second = {"audiobook_id": "20250101000002", "book_id": "small", "narrator_id": "bert", "language": "eng"}
    async with house.database.write() as connection:
        await connection.execute(narrators.insert().values(**bert))
        await connection.execute(audiobook_productions.insert().values(**second))
