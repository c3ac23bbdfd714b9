"""The lexicon's desk: words and how they are said, and beforehand which chunks would be spoken again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from foundry_tui.domain.corrections import INFLECTIONS, Corrections, LexiconEntry, StoredEntry
from foundry_tui.domain.events import Event
from foundry_tui.domain.languages import understood
from foundry_tui.errors import ArtifactBroken, NotFound, UsageError
from foundry_tui.operations.book_text import chapters_folder, parsed_chapters
from foundry_tui.store import catalog as book_rows
from foundry_tui.store import chunk_overrides as override_rows
from foundry_tui.store import lexicon as rows
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.narrations import Narration, narrations, spoken_places
from foundry_tui.text.chapter_json import chapters_holding
from foundry_tui.text.chunks import speakable
from foundry_tui.text.corrected import SpokenTexts
from foundry_tui.text.lexicon import Suggestion, from_csv, suggest, to_csv

__all__ = ["LexiconDesk", "LexiconEntry", "StoredEntry", "Suggestion", "Touched"]
_SAMPLE = 160  # characters
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Touched:
    """A production and its chunks (chapter, chunk) that would be spoken again, ``of`` all it has; one as ``sample``,
    as it would be said.
    """

    audiobook_id: str
    book_id: str
    book_name: str
    narrator_id: str
    chunks: tuple[Place, ...]
    of: int
    sample: str


class LexiconDesk:
    """What a face may ask of the lexicon."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home

    async def entries(
        self, *, book_id: str | None = None, language: str | None = None, containing: str = ""
    ) -> tuple[StoredEntry, ...]:
        """Entries by word: those that act in ``book_id`` or ``language`` where given, with ``containing`` in them."""
        wanted = understood(language) if language else None
        async with self._database.read() as connection:
            return tuple(await rows.list_entries(connection, book_id=book_id, language=wanted, text=containing))

    async def get(self, entry_ids: Sequence[int]) -> tuple[StoredEntry, ...]:
        """The entries of those ids; raises NotFound."""
        async with self._database.read() as connection:
            return tuple(await rows.get_entries(connection, entry_ids))

    async def touched(self, put: Sequence[LexiconEntry] = (), removed: Sequence[int] = ()) -> tuple[Touched, ...]:
        """Beforehand: the chunks with sound that would say something else, by production. A changed entry is put
        and removed.
        """
        new = [_checked(entry) for entry in put]
        async with self._database.read() as connection:
            stored = await rows.list_entries(connection)
            spoken = await narrations(connection)
            own = {
                book_id: await override_rows.overrides(connection, book_id)
                for book_id in {narration.book_id for narration in spoken}
            }
        before = [one.entry for one in stored]
        replaced = {_name(entry) for entry in new}
        after = [one.entry for one in stored if one.entry_id not in removed and _name(one.entry) not in replaced] + new
        texts: dict[tuple[str, str], _Changed] = {}
        for narration in spoken:
            book = (narration.book_id, _known(narration.language))
            if book not in texts and book[1]:
                overrides = {one.text_hash: one.spoken for one in own[book[0]]}
                change = _Change(*book, before, after, overrides, tuple(one.original for one in own[book[0]]))
                texts[book] = await asyncio.to_thread(change.of, chapters_folder(self._home, *book))
        return await self._with_sound(spoken, texts)

    async def _with_sound(
        self, spoken: Sequence[Narration], texts: Mapping[tuple[str, str], _Changed]
    ) -> tuple[Touched, ...]:
        empty = _Changed()
        wanted = [one for one in spoken if texts.get((one.book_id, _known(one.language)), empty).said]
        async with self._database.read() as connection:
            there = await spoken_places(connection, [one.audiobook_id for one in wanted])
        told = []
        for one in wanted:
            changed = texts[one.book_id, _known(one.language)]
            places = tuple(sorted(there[one.audiobook_id] & changed.said.keys()))
            if places:
                sample = changed.said[places[0]]
                told.append(
                    Touched(
                        one.audiobook_id,
                        one.book_id,
                        one.book_name,
                        one.narrator_id,
                        places,
                        changed.of,
                        sample if len(sample) <= _SAMPLE else f"{sample[: _SAMPLE - 1]}…",
                    )
                )
        return tuple(told)

    async def put(self, entry: LexiconEntry, *, entry_id: int | None = None) -> int:
        """Enter ``entry``, or change the one of ``entry_id`` (or of the same word, language and book); its id.

        Raises UsageError for what is no entry, NotFound for a book or an id that is not there, Conflict.
        """
        entry = _checked(entry)
        async with self._database.write() as connection:
            if entry.book_id:
                await book_rows.get_book(connection, entry.book_id)
            if entry_id is None:
                (entry_id,) = await rows.put_entries(connection, [entry])
            else:
                await rows.change_entry(connection, entry_id, entry)
            told = f"{entry.word!r} is said {entry.spoken!r} {_where(entry)}."
            await append(connection, [Event("lexicon", told, details={"entry_id": entry_id})])
        return entry_id

    async def remove(self, entry_ids: Sequence[int]) -> int:
        """Take entries out; how many there were. Raises NotFound for an id that is none."""
        async with self._database.write() as connection:
            gone = await rows.get_entries(connection, entry_ids)
            count = await rows.remove_entries(connection, entry_ids)
            words = ", ".join(repr(one.entry.word) for one in gone)
            await append(connection, [Event("lexicon", f"Taken out of the lexicon: {words}.")])
        return count

    async def suggestions(self, book_id: str, *, at_least: int = 3) -> tuple[Suggestion, ...]:
        """Frequent names of a parsed book that no word list knows and the lexicon has not, each with a sentence.

        Raises NotFound where there is no such book or it was never parsed.
        """
        async with self._database.read() as connection:
            book = await book_rows.get_book(connection, book_id)
            known = [one.entry.word for one in await rows.list_entries(connection, book_id=book_id)]
        language, chapters = await asyncio.to_thread(parsed_chapters, self._home, book)
        return await asyncio.to_thread(suggest, chapters, language, known, at_least=at_least)

    async def import_csv(self, text: str) -> int:
        """Enter every entry of CSV text, all or none; how many. Raises UsageError naming a line that is none."""
        entries = []
        for line, entry in enumerate(from_csv(text), 2):
            try:
                entries.append(_checked(entry))
            except UsageError as error:
                raise UsageError(f"Line {line}: {error.message}", next_action=error.action) from error
        async with self._database.write() as connection:
            for book_id in sorted({entry.book_id for entry in entries if entry.book_id}):
                try:
                    await book_rows.get_book(connection, book_id)
                except NotFound as error:
                    action = "Add the book first, or leave book_id empty in those lines."
                    raise UsageError(error.message, next_action=action) from error
            await rows.put_entries(connection, entries)
            await append(connection, [Event("lexicon", f"{len(entries)} entries were imported into the lexicon.")])
        return len(entries)

    async def export_csv(self) -> str:
        """The whole lexicon as CSV with a head line."""
        return to_csv([one.entry for one in await self.entries()])


@dataclass(frozen=True, slots=True)
class _Changed:
    """What chunks would say instead, by place, and how many chunks the book has."""

    said: Mapping[Place, str] = field(default_factory=dict)
    of: int = 0


@dataclass(frozen=True, slots=True)
class _Change:
    """One book's words before and after."""

    book_id: str
    language: str
    before: Sequence[LexiconEntry]
    after: Sequence[LexiconEntry]
    overrides: Mapping[str, str]
    overridden: Collection[str]

    def of(self, folder: Path) -> _Changed:
        """What its chunks would say instead; nothing where it is not parsed, or no word of it is touched."""
        changed = {e for e in {*self.before} ^ {*self.after} if e.holds_for(self.language, self.book_id)}
        if not changed:
            return _Changed()
        # Words the operator put in may be touched too, where the book's own are not.
        words = [*(entry.word for entry in changed), *self.overridden]
        try:
            chunks, chapters = chapters_holding(folder, words)
        except ArtifactBroken:
            return _Changed()
        old, new = (
            SpokenTexts(Corrections(self.book_id, self.language, tuple(entries), (), self.overrides))
            for entries in (self.before, self.after)
        )
        said = {
            (chapter.number, chunk.index): now
            for chapter in chapters
            for chunk in chapter.chunks
            if (now := new.of(chunk)) != old.of(chunk)
        }
        return _Changed(said, chunks)


def _name(entry: LexiconEntry) -> tuple[str, str, str]:
    return entry.word, entry.language, entry.book_id


def _known(language: str) -> str:
    """ISO 639-2/T; empty where raw SQL holds a word nobody understands."""
    try:
        return understood(language)
    except UsageError:
        return ""


def _where(entry: LexiconEntry) -> str:
    place = f"in {entry.book_id}" if entry.book_id else "in every book"
    return f"{place} in {entry.language}" if entry.language else place


def _checked(entry: LexiconEntry) -> LexiconEntry:
    """The entry as it is kept: spaces in order, its language understood. Raises UsageError for what is none."""
    word, spoken = " ".join(entry.word.split()), " ".join(entry.spoken.split())
    if not speakable(word):
        raise UsageError(f"{entry.word!r} is no word.", next_action="Give a word with a letter or a digit in it.")
    if not speakable(spoken):
        raise UsageError(f"{word!r} must be said somehow.", next_action="Give what is to be said in its place.")
    if entry.inflection not in INFLECTIONS:
        raise UsageError(f"{entry.inflection!r} is no inflection.", next_action=f"Choose of {', '.join(INFLECTIONS)}.")
    return replace(
        entry,
        word=word,
        spoken=spoken,
        ipa=entry.ipa.strip(" /[]"),
        language=understood(entry.language) if entry.language.strip() else "",
        book_id=entry.book_id.strip(),
        note=entry.note.strip(),
    )
