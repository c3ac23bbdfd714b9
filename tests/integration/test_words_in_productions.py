"""What the operator decides about a book's words, through the real steps: foretold, then done, and nothing besides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes import homes
from fakes.house import MADE, House, Speaker, open_house, page
from fakes.press import marks
from foundry_tui.errors import Conflict, NotFound, UsageError
from foundry_tui.operations.chunk_texts import ChunkTexts
from foundry_tui.operations.forecast import Forecast
from foundry_tui.operations.lexicon import LexiconDesk, LexiconEntry
from foundry_tui.operations.sections import Sections
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.store.database import Database
from foundry_tui.store.retake import next_takes
from foundry_tui.store.tables import audiobook_productions, narrators
from foundry_tui.text.options import ParseOptions

TWO = "Captain Ahab stood upon the quarter-deck of the Pequod, and Ahab's men looked up at him in silence then."
THREE = "Nobody but Queequeg spoke to Ahab in the whole of that long and weary evening before the storm came on."


class Desk:
    """The house with the operations of words."""

    def __init__(self, house: House) -> None:
        self.house = house
        now = lambda: datetime.now(UTC)  # noqa: E731
        self.lexicon = LexiconDesk(house.database, house.home)
        self.sections = Sections(house.database, house.home, ParseOptions())
        self.chunks = ChunkTexts(house.database, house.home, house.recipes, now)
        self.forecast = Forecast(house.database, house.recipes, now)

    async def foretold(self, *, closely: bool = False) -> dict[str, str]:
        """The steps that would run, by number, with their reasons as one line."""
        told = await self.forecast.of(MADE, closely=closely)
        return {step.step_number.partition("_")[0]: "; ".join(step.reasons) for step in told if step.runs}

    async def rebuild(self) -> list[str]:
        """Rebuild the production and return the texts that were spoken for it."""
        before = dict(self.house.speaker.spoken)
        assert await self.forecast.rebuild([MADE]) == (MADE,)
        summary = await self.house.run()
        assert summary.outcomes == {MADE: "finished"}
        return [text for text, count in self.house.speaker.spoken.items() if count != before.get(text, 0)]

    def coded(self) -> dict[Path, int]:
        """The coded chapters and when each was written."""
        places = self.house.home.glob("foundry/small/eng/anna/combined/*.packets")
        return {path: path.stat().st_mtime_ns for path in places}


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuPool]:
    pool = CpuPool(1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, cpu: CpuPool) -> Path:
    """A home with a finished audiobook, to be copied."""
    home = tmp_path_factory.mktemp("finished")

    async def make() -> None:
        async with open_house(home, cpu, text=page(sentences=3, two=TWO, three=THREE)) as house:
            await house.run()

    asyncio.run(make())
    return home


@pytest.fixture
async def desk(finished: Path, tmp_path: Path, cpu: CpuPool) -> AsyncIterator[Desk]:
    home = homes.copy(finished, tmp_path / "home")
    database = Database.connect(homes.address(home))
    yield Desk(House(home, database, Speaker(), cpu))
    await database.close()


async def test_one_entry_speaks_again_only_the_sentences_it_is_in(desk: Desk) -> None:
    assert await desk.foretold() == {}
    assert await desk.forecast.rebuild([MADE]) == ()
    coded = desk.coded()

    entry = LexiconEntry("Pequod", "Pee kwod", language="en", book_id="small")
    (touched,) = await desk.lexicon.touched([entry])
    assert (touched.audiobook_id, len(touched.chunks), touched.of) == (MADE, 1, 12)
    assert "the Pee kwod, and" in touched.sample
    entry_id = await desk.lexicon.put(entry)

    foretold = await desk.foretold()
    assert foretold["STEP3"] == "the lexicon or a chunk's own words changed; 1 of 12 chunks are to be spoken"
    assert foretold["STEP4"] == "follows from STEP3"
    assert "STEP1" not in foretold
    assert "STEP2" not in foretold
    assert await desk.rebuild() == [TWO.replace("Pequod", "Pee kwod")]
    assert len(coded.items() & desk.coded().items()) == 2
    assert await desk.foretold() == {}

    # Taken back, the first take is found again: nothing is spoken at all.
    assert [one.chunks for one in await desk.lexicon.touched(removed=[entry_id])] == [touched.chunks]
    assert await desk.lexicon.remove([entry_id]) == 1
    assert (await desk.foretold())["STEP3"].endswith("0 of 12 chunks are to be spoken")
    assert await desk.rebuild() == []


async def test_an_entry_no_sentence_has_changes_nothing(desk: Desk) -> None:
    for entry in (
        LexiconEntry("Starbuck", "Star buck"),
        LexiconEntry("ahab", "Ay hab"),
        LexiconEntry("Ahab", "Ay hab", language="deu"),
    ):
        assert await desk.lexicon.touched([entry]) == ()
        await desk.lexicon.put(entry)
    assert await desk.foretold() == {}


async def test_an_entry_in_two_chapters_codes_two_chapters(desk: Desk) -> None:
    coded = desk.coded()
    await desk.lexicon.put(LexiconEntry("Ahab", "Ay hab"))
    assert "2 of 12 chunks" in (await desk.foretold())["STEP3"]
    spoken = await desk.rebuild()
    assert sorted(spoken) == sorted([TWO.replace("Ahab", "Ay hab"), THREE.replace("Ahab", "Ay hab")])
    assert len(coded.items() & desk.coded().items()) == 1


async def test_the_words_a_reader_sees_stay_the_books(desk: Desk) -> None:
    await desk.lexicon.put(LexiconEntry("Pequod", "Pee kwod"))
    await desk.rebuild()
    text = await desk.chunks.of(MADE, 2, 2)
    assert (text.text, text.spoken) == (TWO, TWO.replace("Pequod", "Pee kwod"))
    chapter = desk.house.home / "foundry/small/eng/chapters/chapter_002.json"
    assert "Pee kwod" not in chapter.read_text()


async def test_a_chunk_says_other_words_and_the_books_again(desk: Desk) -> None:
    coded = desk.coded()
    edited = await desk.chunks.edit(MADE, 3, 2, "  Only  Queequeg spoke to the captain. ")
    assert (edited.overridden, edited.spoken, edited.original) == (True, "Only Queequeg spoke to the captain.", THREE)
    assert "1 of 12 chunks" in (await desk.foretold())["STEP3"]
    assert await desk.rebuild() == ["Only Queequeg spoke to the captain."]
    assert len(coded.items() & desk.coded().items()) == 2

    # The lexicon still acts on the operator's own words.
    await desk.lexicon.put(LexiconEntry("Queequeg", "Kweekweg"))
    assert await desk.rebuild() == ["Only Kweekweg spoke to the captain."]

    restored = await desk.chunks.restore(MADE, 3, 2)
    assert not restored.overridden
    assert await desk.rebuild() == [THREE.replace("Queequeg", "Kweekweg")]


async def test_what_is_no_chunk_or_no_words_is_refused(desk: Desk) -> None:
    for place in ((9, 1), (1, 99)):
        with pytest.raises(NotFound):
            await desk.chunks.of(MADE, *place)
    with pytest.raises(UsageError):
        await desk.chunks.edit(MADE, 1, 1, " … ")
    same = await desk.chunks.edit(MADE, 2, 2, TWO)
    assert not same.overridden
    desk.house.source(page(sentences=3))
    async with desk.house.database.write() as connection:
        bert = {"narrator_id": "bert", "narrator_name": "Bert", "language": "eng", "engine": "standin", "voice": "two"}
        await connection.execute(narrators.insert().values(**bert))
        second = {"audiobook_id": "20250101000002", "book_id": "small", "narrator_id": "bert", "language": "eng"}
        await connection.execute(audiobook_productions.insert().values(**second))
    await desk.house.run()
    with pytest.raises(Conflict, match="parsed anew"):
        await desk.chunks.of(MADE, 2, 2)


async def test_a_section_is_left_out_and_taken_in_again(desk: Desk) -> None:
    outline = await desk.sections.outline("small")
    assert [section.chapter_number for section in outline.sections if section.kept] == [1, 2, 3]
    second = next(section for section in outline.sections if section.chapter_number == 2)
    made = await desk.sections.decide("small", "leave_out", anchor=second.anchor, text_hash=second.text_hash)

    assert (await desk.foretold())["STEP1"] == "a decision about its sections was made"
    foretold = await desk.foretold(closely=True)
    assert foretold["STEP1"].endswith("0 of 8 chunks say what has not been spoken yet")
    assert foretold["STEP3"] == "follows from STEP1"
    assert await desk.rebuild() == []
    assert [title for title, _, _ in marks(desk.house.m4b)] == ["Chapter 1", "Chapter 3"]

    after = await desk.sections.outline("small")
    (gone,) = [section for section in after.sections if section.text_hash == second.text_hash]
    assert (gone.kept, gone.reason) == (False, "left out by the operator")
    assert [decision.override_id for decision in after.decided] == [made]
    assert await desk.sections.undo("small", [made]) == 1
    assert "a decision about its sections was taken back; 4 of 12" in (await desk.foretold(closely=True))["STEP1"]
    assert await desk.rebuild() == []
    assert [title for title, _, _ in marks(desk.house.m4b)] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert await desk.foretold() == {}


async def test_a_section_is_split_and_renamed(desk: Desk) -> None:
    blocks = await desk.sections.blocks("small", chapter=2)
    split = next(block for block in blocks if block.words.startswith("Sentence two"))
    await desk.sections.decide("small", "split", text_hash=split.text_hash, title="The Second Half")
    outline = await desk.sections.outline("small")
    assert [section.title for section in outline.sections if section.kept] == [
        "Chapter 1", "Chapter 2", "The Second Half", "Chapter 3",
    ]  # fmt: skip
    half = next(section for section in outline.sections if section.title == "The Second Half")
    await desk.sections.decide("small", "rename", text_hash=half.text_hash, title="Later")
    await desk.rebuild()
    assert [title for title, _, _ in marks(desk.house.m4b)] == ["Chapter 1", "Chapter 2", "Later", "Chapter 3"]


async def test_a_decision_that_fits_nothing_is_refused_and_an_old_one_is_told_of(desk: Desk) -> None:
    for wrong in (
        {"action": "leave_out", "anchor": "#nowhere"},
        {"action": "burn", "anchor": "#c1"},
        {"action": "rename", "anchor": "#c1"},
        {"action": "leave_out"},
    ):
        with pytest.raises(UsageError):
            await desk.sections.decide("small", **wrong)
    assert await desk.foretold() == {}
    outline = await desk.sections.outline("small")
    second = next(section for section in outline.sections if section.chapter_number == 2)
    await desk.sections.decide("small", "leave_out", anchor=second.anchor, text_hash=second.text_hash)
    desk.house.source(page(chapters=1, sentences=3))
    await desk.rebuild()
    assert [told for told in await desk.house.told("parse_warning") if "leave_out" in told]
    assert (await desk.sections.outline("small")).unfit


async def test_other_reasons_are_said_in_words(desk: Desk) -> None:
    async with desk.house.database.write() as connection:
        await connection.execute(narrators.update().values(voice="two"))
    assert (await desk.foretold())["STEP3"] == "the narrator's voice: one -> two; 12 of 12 chunks are to be spoken"
    async with desk.house.database.write() as connection:
        await connection.execute(narrators.update().values(voice="one"))
    desk.house.m4b.unlink()
    assert await desk.foretold() == {"STEP7": "what it made is missing or was altered"}
    desk.house.source(page(sentences=3, two=TWO, three="Another evening came and went without a word from anybody."))
    assert (await desk.foretold())["STEP1"] == "the source file changed"
    (desk.house.home / "foundry/small/small.html").unlink()
    assert "small.html" in (await desk.foretold())["STEP1"]


async def test_before_anything_ran_everything_is_still_to_come(tmp_path: Path, cpu: CpuPool) -> None:
    async with open_house(tmp_path, cpu) as house:
        desk = Desk(house)
        assert set((await desk.foretold()).values()) == {"it has not run yet"}
        assert await desk.forecast.rebuild([MADE]) == ()
        assert await desk.lexicon.touched([LexiconEntry("harbour", "haven")]) == ()
        with pytest.raises(NotFound):
            await desk.chunks.of(MADE, 1, 1)
        with pytest.raises(NotFound):
            await desk.lexicon.suggestions("small")


async def test_a_retake_is_kept_whatever_else_changes(tmp_path: Path, cpu: CpuPool) -> None:
    text = page(sentences=2, two=TWO, three=THREE)
    async with open_house(tmp_path, cpu, Speaker(natural_takes=True), text=text) as house:
        desk = Desk(house)
        await house.run()
        async with house.database.write() as connection:
            await next_takes(connection, MADE, [(3, 2)])
        await house.requeue("STEP3_audio_generation")
        await house.run()
        assert house.speaker.spoken[THREE] == 2

        await desk.lexicon.put(LexiconEntry("Pequod", "Pee kwod"))
        assert await desk.rebuild() == [TWO.replace("Pequod", "Pee kwod")]
        take = "SELECT take FROM audio_chunks WHERE chapter_number = 3 AND chunk_index = 2"
        assert await house.value(take) == 1

        # Left out and taken in again, it is the take that was chosen, not the one that was refused.
        three = next(one for one in (await desk.sections.outline("small")).sections if one.chapter_number == 3)
        made = await desk.sections.decide("small", "leave_out", anchor=three.anchor, text_hash=three.text_hash)
        assert await desk.rebuild() == []
        await desk.sections.undo("small", [made])
        assert await desk.rebuild() == []
        assert await house.value(take) == 1
        assert await desk.foretold() == {}
