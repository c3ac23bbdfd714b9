"""Editions beside the M4B, credits and covers, through the seven steps on a small book."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from mutagen.id3 import ID3
from mutagen.mp4 import MP4

from fakes.house import MADE, House, open_house, page
from fakes.press import marks
from foundry_tui.audio.take_file import KEY_TAG, inspect_take
from foundry_tui.audio.word_times import WORDS_TAG, take_words
from foundry_tui.pictures import draw_cover
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.store.tables import audiobook_productions

EVERY = ["mp3", "opus", "flac", "srt", "vtt", "lrc", "epub", "acx", "sample"]


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuPool]:
    pool = CpuPool(1)
    yield pool
    pool.close()


@pytest.fixture
async def house(tmp_path: Path, cpu: CpuPool) -> AsyncIterator[House]:
    async with open_house(tmp_path, cpu, text=page(chapters=2, sentences=3)) as opened:
        yield opened


async def tell(house: House, **options: Any) -> None:
    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.update().values(options=options))


def published(house: House) -> list[str]:
    (folder,) = (path.parent for path in house.home.glob("library/*/*/*.m4b"))
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def combined(house: House) -> dict[Path, int]:
    folder = house.home / "foundry/small/eng/anna/combined"
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


async def result_of(house: House, step: str) -> Any:
    return await house.parsed(f"SELECT result FROM production_steps WHERE step_name = '{step}'")


async def test_every_edition_is_made_proven_and_published_where_media_servers_look(house: House) -> None:
    await tell(house, editions=EVERY)
    summary = await house.run()
    assert summary.outcomes == {MADE: "finished"}, await house.told("step_failed")

    names = published(house)
    assert {"small.m4b", "small.epub", "small.srt", "small.vtt", "small.lrc"} <= set(names)
    assert {"editions/small.opus", "editions/small.flac", "editions/small_sample.mp3", "editions/.ignore"} <= set(names)
    # Credits are a shop's wish: they stand before and after the two chapters, in every edition.
    assert [name for name in names if name.startswith("chapters/")] == [
        "chapters/.ignore", *(f"chapters/small_chapter_{number:03d}.mp3" for number in range(4)),
    ]  # fmt: skip
    assert [name for name in names if name.startswith("acx/")] == [
        "acx/.ignore", "acx/acx_certificate.md", *(f"acx/small_{number:03d}.mp3" for number in range(1, 5)),
        "acx/small_sample.mp3",
    ]  # fmt: skip
    titles = ["Opening Credits", "Chapter 1", "Chapter 2", "Closing Credits"]
    assert [title for title, _, _ in marks(house.m4b)] == titles
    with av.open(str(house.m4b.parent / "editions/small.opus")) as container:
        assert [mark["metadata"]["title"] for mark in container.chapters()] == titles

    reports = house.home / "foundry/small/eng/anna/reports"
    for name in [*EVERY[:7], "sample"]:
        assert json.loads((reports / f"quality_{name}.json").read_text())["passed"], name
    certificate = json.loads((reports / "acx_certificate.json").read_text())
    missed = {finding["name"] for finding in certificate["findings"] if not finding["passed"]}
    assert missed == {"sample"}, certificate  # the little book is shorter than a sample has to be
    assert not certificate["passed"]
    assert any("sample" in message for message in await house.told("finding"))
    spoken = (house.m4b.parent / "small.srt").read_text()
    assert "Written by A. Writer." in spoken
    assert "Narrated by Anna." in spoken


async def test_a_changed_list_makes_only_the_new_edition(house: House) -> None:
    await tell(house, editions=["mp3", "srt"])
    await house.run()
    before = combined(house)
    await tell(house, editions="mp3, vtt")
    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.update().values(status="pending"))
    await house.requeue("STEP4_audio_processing")
    await house.run()

    after = combined(house)
    made = {path.suffix for path, at in after.items() if before.get(path) != at and path.suffix != ".json"}
    assert made == {".vtt"}
    assert not any(path.suffix == ".srt" for path in after)
    assert "small.srt" not in published(house)
    assert "small.vtt" in published(house)


async def test_an_edition_that_changed_on_the_disk_is_made_again(house: House) -> None:
    await tell(house, editions=["mp3", "lrc"])
    await house.run()
    (mp3,) = house.home.glob("foundry/small/eng/anna/combined/mp3/small_chapter_001_*.mp3")
    good = mp3.read_bytes()
    mp3.unlink()  # what is published is linked to it
    mp3.write_bytes(good[:-2000])
    await house.requeue("STEP6_quality_check")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert mp3.read_bytes() == good
    (message,) = await house.told("sent_back")
    assert mp3.name in message


async def test_one_retake_codes_only_its_own_mp3_again(house: House) -> None:
    await tell(house, editions=["mp3"])
    await house.run()
    before = {path for path in combined(house) if path.suffix == ".mp3"}
    house.source(page(chapters=2, sentences=3, two="Another beginning, which nobody has heard before today."))
    await house.requeue("STEP1_parsing")
    await house.run()
    after = {path for path in combined(house) if path.suffix == ".mp3"}
    assert len(after) == len(before) == 2
    assert {path.name[:17] for path in after & before} == {"small_chapter_001"}


async def test_credits_are_switched_worded_and_no_part_of_the_coverage(house: House) -> None:
    await tell(house, credits=True)
    await house.run()
    titles = [title for title, _, _ in marks(house.m4b)]
    assert titles == ["Opening Credits", "Chapter 1", "Chapter 2", "Closing Credits"]
    assert "A Small Book." in house.speaker.spoken
    totals = await house.parsed("SELECT totals FROM audiobook_productions")
    assert totals["chapters"] == 2
    spoken = dict(house.speaker.spoken)

    await tell(house, credits=False)
    await house.requeue("STEP3_audio_generation")
    await house.run()
    assert [title for title, _, _ in marks(house.m4b)] == ["Chapter 1", "Chapter 2"]
    assert dict(house.speaker.spoken) == spoken


async def test_takes_say_when_their_words_are_heard(house: House) -> None:
    await tell(house, editions=["srt"])
    await house.run()
    for path in house.chunks:
        take, words = inspect_take(path), take_words(path)
        assert {KEY_TAG, WORDS_TAG} <= set(take.tags)
        assert [word.start for word in words] == sorted(word.start for word in words)
        assert 0 < words[-1].end <= take.samples


async def test_a_new_cover_between_compiling_and_checking_disturbs_nobody(house: House) -> None:
    folder = house.home / "foundry/small/images"
    await house.run()
    first = MP4(house.m4b).tags["covr"][0]
    folder.mkdir(exist_ok=True)
    (folder / "cover.jpg").write_bytes(draw_cover("Quite Another", "Somebody"))
    await house.requeue("STEP6_quality_check")
    summary = await house.run()

    assert summary.outcomes == {MADE: "finished"}
    assert not await house.told("finding")
    assert MP4(house.m4b).tags["covr"][0] == first

    await house.requeue("STEP4_audio_processing")  # nothing asks STEP2, so the cover stays
    await house.run()
    assert MP4(house.m4b).tags["covr"][0] == first
    await house.requeue("STEP2_metadata")
    await house.run()
    assert bytes(MP4(house.m4b).tags["covr"][0]) == (folder / "cover.jpg").read_bytes()


async def test_an_own_cover_that_was_lost_is_settled_again(house: House) -> None:
    await house.run()
    (own,) = house.home.glob("foundry/small/eng/anna/images/small_cover_*.jpg")
    own.write_bytes(b"not a picture")
    await house.requeue("STEP5_final_compilation")
    summary = await house.run()
    assert summary.outcomes == {MADE: "finished"}
    assert any("cover" in message for message in await house.told("sent_back"))


async def test_samples_end_at_a_sentence_and_mp3s_carry_their_track(house: House) -> None:
    await tell(house, editions=["mp3", "sample"])
    await house.run()
    result = await result_of(house, "final_compilation")
    (sample,) = result["editions"]["sample"]
    tags = ID3(house.home / sample["file"])
    assert str(tags["TIT2"]) == "A Small Book (sample)"
    tracks = [str(ID3(house.home / file["file"])["TRCK"]) for file in result["editions"]["mp3"]]
    assert tracks == ["1/2", "2/2"]
    assert re.fullmatch(r"small_sample_[0-9a-f]{16}\.mp3", Path(sample["file"]).name)
