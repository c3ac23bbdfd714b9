"""What is decided about a book's words: kept, changed, taken back; the same on both kinds of database."""

from __future__ import annotations

import pytest

from foundry_tui.domain.books import Book
from foundry_tui.domain.corrections import LexiconEntry, speech_hash
from foundry_tui.errors import Conflict, NotFound, UsageError
from foundry_tui.store import chunk_overrides, lexicon, section_overrides
from foundry_tui.store.catalog import add_book, remove_book
from foundry_tui.store.database import Database

AHAB = LexiconEntry("Ahab", "Ay hab", ipa="ˈeɪhæb", language="eng", book_id="moby", note="the captain")
COLONEL = LexiconEntry("colonel", "kernel", language="eng", case_sensitive=False, inflection="any_ending")
EVERYWHERE = LexiconEntry("Żółć", "Zhoowch", inflection="none")


async def _books(database: Database) -> None:
    async with database.write() as connection:
        for name in ("moby", "alice"):
            await add_book(connection, Book("", name, name.title(), "eng"))


async def test_entries_come_back_as_they_were_put(database: Database) -> None:
    async with database.write() as connection:
        ids = await lexicon.put_entries(connection, [AHAB, COLONEL, EVERYWHERE])
    async with database.read() as connection:
        found = await lexicon.list_entries(connection)
        assert {stored.entry for stored in found} == {AHAB, COLONEL, EVERYWHERE}
        assert sorted(stored.entry_id for stored in found) == sorted(ids)
        assert [s.entry for s in await lexicon.list_entries(connection, book_id="alice", language="eng")] == [
            COLONEL,
            EVERYWHERE,
        ]
        assert [s.entry for s in await lexicon.list_entries(connection, language="deu")] == [EVERYWHERE]
        assert [s.entry for s in await lexicon.list_entries(connection, text="CAPTAIN")] == [AHAB]
        assert await lexicon.list_entries(connection, text="%") == []


async def test_the_same_word_for_the_same_book_is_one_entry(database: Database) -> None:
    async with database.write() as connection:
        (first,) = await lexicon.put_entries(connection, [AHAB])
        (again,) = await lexicon.put_entries(connection, [LexiconEntry("Ahab", "Ah hab", "", "eng", "moby")])
        (other,) = await lexicon.put_entries(connection, [LexiconEntry("Ahab", "Ah hab", "", "eng", "alice")])
    assert first == again != other
    async with database.read() as connection:
        assert [stored.entry.spoken for stored in await lexicon.get_entries(connection, [first])] == ["Ah hab"]
    with pytest.raises(Conflict, match="'Ahab'"):
        async with database.write() as connection:
            await lexicon.change_entry(connection, other, AHAB)
    async with database.write() as connection:
        await lexicon.change_entry(connection, other, COLONEL)
        assert (await lexicon.get_entries(connection, [other]))[0].entry == COLONEL


async def test_what_is_no_entry_is_refused(database: Database) -> None:
    for wrong in (
        LexiconEntry("", "x"),
        LexiconEntry("x", "  "),
        LexiconEntry("x" * 201, "y"),
        LexiconEntry("x", "a\0b"),
        LexiconEntry("x", "y", language="no language"),
    ):
        with pytest.raises(UsageError):
            async with database.write() as connection:
                await lexicon.put_entries(connection, [COLONEL, wrong])
    with pytest.raises(NotFound, match="41, 42"):
        async with database.write() as connection:
            await lexicon.remove_entries(connection, [42, 41])
    async with database.read() as connection:
        assert await lexicon.list_entries(connection) == []


async def test_entries_are_taken_out_all_or_none(database: Database) -> None:
    async with database.write() as connection:
        ids = await lexicon.put_entries(connection, [AHAB, COLONEL, EVERYWHERE])
    with pytest.raises(NotFound):
        async with database.write() as connection:
            await lexicon.remove_entries(connection, [ids[0], 999])
    async with database.write() as connection:
        assert await lexicon.remove_entries(connection, [ids[0], ids[2], ids[2]]) == 2
    async with database.read() as connection:
        assert [stored.entry for stored in await lexicon.list_entries(connection)] == [COLONEL]


async def test_decisions_act_in_order_and_the_newest_of_a_kind_stands(database: Database) -> None:
    await _books(database)

    async def decide(action: str, anchor: str, language: str = "eng", title: str = "") -> int:
        async with database.write() as connection:
            return await section_overrides.decide(
                connection, book_id="moby", language=language, action=action, anchor=anchor, title=title
            )

    await decide("leave_out", "#c1")
    renamed = await decide("rename", "#c1", title="Loomings")
    included = await decide("include", "#c1")
    german = await decide("leave_out", "#c1", "deu")
    again = await decide("rename", "#c1", title="Loomings, again")
    async with database.read() as connection:
        english = await section_overrides.decisions(connection, "moby", "eng")
        assert [(one.override_id, one.action) for one in english] == [(included, "include"), (again, "rename")]
        assert english[1].to_override() == {"action": "rename", "anchor": "#c1", "title": "Loomings, again"}
        assert len(await section_overrides.decisions(connection, "moby")) == 3
        assert await section_overrides.decisions(connection, "alice") == ()
    for book_id, ids in (("moby", [again, renamed]), ("alice", [german])):
        with pytest.raises(NotFound):
            async with database.write() as connection:
                await section_overrides.undo(connection, book_id, ids)
    async with database.write() as connection:
        assert await section_overrides.undo(connection, "moby", [again, german, again]) == 2
        assert [one.override_id for one in await section_overrides.decisions(connection, "moby")] == [included]


async def test_a_chunk_says_something_else_until_it_is_restored(database: Database) -> None:
    await _books(database)
    async with database.write() as connection:
        first = await chunk_overrides.put_override(connection, "moby", "Call me Ishmael.", "Call me Izmael.")
        again = await chunk_overrides.put_override(connection, "moby", "Call me Ishmael.", "Call me Ish.")
        await chunk_overrides.put_override(connection, "alice", "Call me Ishmael.", "Call me Alice.")
    assert first == again
    async with database.read() as connection:
        (kept,) = await chunk_overrides.overrides(connection, "moby")
        assert (kept.original, kept.spoken, kept.text_hash) == (
            "Call me Ishmael.",
            "Call me Ish.",
            speech_hash("Call me Ishmael."),
        )
    async with database.write() as connection:
        assert await chunk_overrides.drop_override(connection, "moby", "Call me Ishmael.")
        assert not await chunk_overrides.drop_override(connection, "moby", "Call me Ishmael.")
        assert len(await chunk_overrides.overrides(connection, "alice")) == 1
    with pytest.raises(UsageError):
        async with database.write() as connection:
            await chunk_overrides.put_override(connection, "moby", "Call me Ishmael.", " ")


async def test_everything_decided_about_a_book_is_read_at_once_and_goes_with_it(database: Database) -> None:
    await _books(database)
    async with database.write() as connection:
        await lexicon.put_entries(connection, [AHAB, EVERYWHERE, LexiconEntry("Ahab", "x", "", "deu", "moby")])
        await section_overrides.decide(connection, book_id="moby", language="eng", action="leave_out", anchor="#c1")
        await chunk_overrides.put_override(connection, "moby", "Call me Ishmael.", "Call me Ish.")
    async with database.read() as connection:
        decided = await chunk_overrides.corrections(connection, "moby", "eng")
    assert decided.entries == (AHAB, EVERYWHERE)
    assert decided.overrides == ({"action": "leave_out", "anchor": "#c1"},)
    assert decided.chunk_texts == {speech_hash("Call me Ishmael."): "Call me Ish."}

    async with database.write() as connection:
        await remove_book(connection, "moby")
        gone = await chunk_overrides.corrections(connection, "moby", "eng")
        assert gone.entries == (EVERYWHERE,)
        assert not gone.sections
        assert not gone.chunk_texts
