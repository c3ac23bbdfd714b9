"""What is done with the lexicon: said beforehand what would be spoken anew, kept, and offered for a rebuild."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from foundry_tui.console.doing import forecasting
from foundry_tui.console.doing.picking import pick_narrator
from foundry_tui.console.doing.saving import save
from foundry_tui.console.screens.choice import Choice
from foundry_tui.console.screens.entry_form import EntryForm, entry_fields, entry_of, said
from foundry_tui.console.screens.form import Field, FormScreen
from foundry_tui.console.screens.preview import Line, PreviewScreen
from foundry_tui.domain.corrections import LexiconEntry, StoredEntry
from foundry_tui.domain.plain import plain
from foundry_tui.errors import FoundryError, UsageError

if TYPE_CHECKING:
    from foundry_tui.console.contract import Console
    from foundry_tui.console.screens.lexicon import LexiconScreen, SuggestionsScreen
    from foundry_tui.domain.books import Book
    from foundry_tui.operations.lexicon import Touched

_LISTED = 6
_MOST_BYTES = 4_000_000


async def perform(screen: LexiconScreen, name: str) -> None:
    """Do an action of the lexicon's scope."""
    console, chosen = screen.console, screen.chosen()
    if name == "add":
        await edit(console, None)
    elif name == "suggestions":
        await suggestions(console, screen.book)
    elif name == "import":
        await import_file(console)
    elif name == "export":
        await export_file(console)
    elif not chosen:
        console.say("There is no word to do that with.", "warn")
    elif name == "change":
        await edit(console, chosen[0])
    elif name == "remove":
        await remove(screen, chosen)
    elif name == "play":
        await hear_entry(console, chosen[0])


async def edit(console: Console, stored: StoredEntry | None, *, blank: LexiconEntry | None = None,
               sentence: str = "", narrator_id: str = "") -> bool:  # fmt: skip
    """The form for a new entry (beginning as ``blank``) or one that is there; True once it is kept."""
    before = stored.entry if stored is not None else blank or LexiconEntry("", "")
    if stored is not None:
        acts = await console.ask(lambda inner: inner.foundry.lexicon.touched((), [stored.entry_id]))
        if acts:
            sentence, narrator_id = sentence or acts[0].sample, narrator_id or acts[0].narrator_id
    rebuild: list[str] = []

    async def submit(values: Mapping[str, str]) -> str | None:
        try:
            entry = entry_of(values)
        except UsageError as error:
            return error.message
        try:
            removed = [stored.entry_id] if stored is not None and stored.entry != entry else []
            touched = await console.house.call(lambda inner: inner.foundry.lexicon.touched([entry], removed))
            answer = await agreed(console, f"Keep {plain(entry.word, 40)}?", touched, "Keep it")
            if not answer:
                return "Not kept: change it, or esc."
            entry_id = stored.entry_id if stored is not None else None
            await console.house.call(lambda inner: inner.foundry.lexicon.put(entry, entry_id=entry_id))
        except FoundryError as error:
            return error.sentence()
        if answer == "rebuild":
            rebuild.extend(each.audiobook_id for each in touched)
        return None

    title = "A new word" if stored is None else f"Change {plain(before.word, 50)}"
    form = EntryForm(title, before, entry_fields(before), submit, sentence=sentence, narrator_id=narrator_id)
    values = await console.push_screen_wait(form)
    await console.sound.stop()
    if values is None:
        return False
    await _kept(console, f"{plain(values['word'], 60)} is in the lexicon.", rebuild)
    return True


async def agreed(console: Console, title: str, touched: Sequence[Touched], yes: str, *, asks: bool = False) -> str:
    """``yes``, ``rebuild`` or "" as the operator answers to what would be spoken anew; ``yes`` where nothing would.

    ``asks`` even then.
    """
    if not touched and not asks:
        return "yes"
    choices = [Choice("n", "No", ""), Choice("y", yes, "yes")]
    if touched:
        choices.append(Choice("b", "… and rebuild", "rebuild"))
    return str(await console.push_screen_wait(PreviewScreen(title, touched_lines(touched), choices)))


def touched_lines(touched: Sequence[Touched]) -> list[Line]:
    """Which chunks of which productions would be spoken anew."""
    if not touched:
        return [[("No chunk that has been spoken says it: nothing runs again.", "ok")]]
    chunks = sum(len(each.chunks) for each in touched)
    many = f"{len(touched)} production{'s' if len(touched) > 1 else ''}"
    lines: list[Line] = [[(f"{chunks:,} chunk{'s' if chunks > 1 else ''} of {many} would be spoken anew:", "bold")]]
    for each in touched[:_LISTED]:
        chapters = sorted({chapter for chapter, _ in each.chunks})
        where = ", ".join(map(str, chapters[:8])) + (" …" if len(chapters) > 8 else "")
        counted = f"{len(each.chunks):,} of {each.of:,} chunks, chapter{'s' if len(chapters) > 1 else ''} {where}"
        lines.append([(f"  {counted}", "busy"), (f"  {plain(each.book_name, 40)}  {plain(each.audiobook_id, 20)}", "")])
        if each.sample:
            lines.append([(f"    “{plain(each.sample, 140)}”", "dim")])
    if len(touched) > _LISTED:
        lines.append([(f"  … and {len(touched) - _LISTED} more", "dim")])
    lines += [[], [("Nothing runs until it is rebuilt: w on a production says what will.", "dim")]]
    return lines


async def remove(screen: LexiconScreen, chosen: Sequence[StoredEntry]) -> None:
    """Take entries out, after a question."""
    console, ids = screen.console, [each.entry_id for each in chosen]
    touched = await console.ask(lambda inner: inner.foundry.lexicon.touched((), ids))
    if touched is None:
        return
    what = plain(chosen[0].entry.word, 40) if len(chosen) == 1 else f"{len(chosen)} words"
    answer = await agreed(console, f"Remove {what}?", touched, "Remove", asks=True)
    if not answer or await console.ask(lambda inner: inner.foundry.lexicon.remove(ids)) is None:
        return
    screen.list.forget_marks()
    again = [each.audiobook_id for each in touched] if answer == "rebuild" else []
    await _kept(console, f"{what} {'is' if len(chosen) == 1 else 'are'} out of the lexicon.", again)


async def hear_entry(console: Console, stored: StoredEntry) -> None:
    """A sentence of a book with the word as the lexicon says it."""
    if await console.sound.stop():
        console.say("Stopped.")
        return
    touched = await console.ask(lambda inner: inner.foundry.lexicon.touched((), [stored.entry_id]))
    entry = stored.entry
    narrator: str | None = touched[0].narrator_id if touched else None
    if narrator is None:
        title = f"Who says {plain(entry.word, 40)}?"
        narrator = await pick_narrator(console, title, language=entry.language or "eng")
    if narrator is None:
        return
    sentence = touched[0].sample if touched and touched[0].sample else entry.word
    console.say("It is spoken …")
    heard = await console.ask(lambda inner: said(inner, narrator, sentence, entry))
    if heard is not None:
        await console.play(f"lexicon.{stored.entry_id}", plain(entry.word, 40), heard.wav, heard.seconds)


async def suggestions(console: Console, book: Book | None) -> None:
    """Names of the book under the Catalog's cursor."""
    from foundry_tui.console.screens.lexicon import SuggestionsScreen

    if book is None:
        console.say("Put the Catalog's cursor on a book first: its names are listed.", "warn")
        return
    console.push_screen(SuggestionsScreen(book.book_id, book.book_name, book.narrator_id))


async def _narrator_of(screen: SuggestionsScreen) -> str | None:
    """Who reads the book: its own narrator, else one that is asked for once."""
    if screen.narrator_id is None:
        page = await screen.console.ask(lambda inner: inner.foundry.catalog.show(screen.book_id))
        made = (page or {}).get("productions") or ()
        language = (page or {}).get("book", {}).get("language", "eng")
        asked = None if made else await pick_narrator(screen.console, "Who says it?", language=language)
        screen.narrator_id = str(made[-1]["narrator_id"]) if made else asked
    return screen.narrator_id


async def hear_suggestion(screen: SuggestionsScreen) -> None:
    """The sentence as the engine says it now."""
    found, console = screen.chosen, screen.console
    if await console.sound.stop():
        console.say("Stopped.")
        return
    narrator = await _narrator_of(screen)
    if found is None or narrator is None:
        return
    console.say("It is spoken …")
    heard = await console.ask(lambda inner: said(inner, narrator, found.sample, None))
    if heard is not None:
        await console.play(f"suggestion.{found.word}", plain(found.word, 40), heard.wav, heard.seconds)


async def add_suggestion(screen: SuggestionsScreen) -> None:
    """The form for a name, with its sentence to be heard before and after."""
    found = screen.chosen
    narrator = await _narrator_of(screen)
    if found is None:
        return
    blank = LexiconEntry(found.word, "", book_id=screen.book_id)
    if await edit(screen.console, None, blank=blank, sentence=found.sample, narrator_id=narrator or ""):
        screen.read_again()


async def import_file(console: Console) -> None:
    """Take the entries of a CSV file in, all or none."""
    told: list[str] = []
    rebuild: list[str] = []

    async def submit(values: Mapping[str, str]) -> str | None:
        from foundry_tui.text.lexicon import from_csv

        try:
            text = await asyncio.to_thread(_read, values["path"])
            entries = from_csv(text)
            if not entries:
                return "There is no entry in that file."
            touched = await console.house.call(lambda inner: inner.foundry.lexicon.touched(entries))
            answer = await agreed(console, f"Take in {len(entries)} words?", touched, "Take them in", asks=True)
            if not answer:
                return "Nothing was taken in."
            count = await console.house.call(lambda inner: inner.foundry.lexicon.import_csv(text))
        except FoundryError as error:
            return error.sentence()
        except (OSError, ValueError) as error:
            return f"It cannot be read: {getattr(error, 'strerror', None) or error}."
        told.append(f"{count} words were taken in.")
        if answer == "rebuild":
            rebuild.extend(each.audiobook_id for each in touched)
        return None

    fields = (Field("path", "CSV file", hint="with the columns word and spoken at least; E writes one"),)
    if await console.push_screen_wait(FormScreen("Take words in", fields, submit, done="Take in")) is not None:
        await _kept(console, told[0], rebuild)


def _read(typed: str) -> str:
    path = Path(typed).expanduser()
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path.name} is no lexicon: it is larger than {_MOST_BYTES // 1_000_000} MB")
    return path.read_text("utf-8-sig")


async def export_file(console: Console) -> None:
    """The whole lexicon as CSV."""

    async def make(_path: Path) -> bytes:
        text: str = await console.house.call(lambda inner: inner.foundry.lexicon.export_csv())
        return text.encode("utf-8")

    await save(console, "Save the lexicon", "lexicon.csv", make)


async def _kept(console: Console, words: str, rebuild: Sequence[str]) -> None:
    console.house.note_change()
    if rebuild:
        await forecasting.rebuild(console, list(dict.fromkeys(rebuild)), words)
    else:
        console.say(words, "ok")
