"""A lexicon entry as a form; the sentence is heard before (F2) and after (F5) the word is said anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.widgets import Input

from foundry_tui.console.contract import Console
from foundry_tui.console.screens.form import Check, Field, FormScreen
from foundry_tui.domain.corrections import INFLECTIONS, LexiconEntry
from foundry_tui.domain.languages import understood
from foundry_tui.domain.plain import plain
from foundry_tui.errors import UsageError

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner
    from foundry_tui.operations.audition import Heard


class EntryForm(FormScreen):
    """``sentence`` is what is heard; without one the word stands alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "hear(False)", show=False, priority=True),
        Binding("f5", "hear(True)", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        entry: LexiconEntry,
        fields: Sequence[Field],
        submit: Check,
        *,
        sentence: str,
        narrator_id: str,
    ) -> None:
        heard = f"“{around(sentence, entry.word)}”\n" if sentence else ""
        words = f"{heard}F2 hears it as it is said now, F5 with the new word." if narrator_id else heard.strip()
        super().__init__(title, fields, submit, done="Keep", words=words)
        self._sentence = sentence
        self._narrator_id = narrator_id
        self.entry = entry

    def on_mount(self) -> None:
        """Begin with what is to be said, where the word is known."""
        if self.entry.word:  # after the form's own: every class of it is told that it is there
            self.call_after_refresh(self.query_one("#field_spoken", Input).focus)

    def action_hear(self, anew: bool) -> None:
        """Hear the sentence."""
        if self._narrator_id:
            self.run_worker(self._hear(anew=anew), group="hear", exclusive=True, exit_on_error=False)

    async def _hear(self, *, anew: bool) -> None:
        console = cast("Console", self.app)
        if await console.sound.stop():
            self.say("Stopped.")
            return
        try:
            entry = entry_of(self.values())
        except UsageError as error:
            self.say(error.message, "bad")
            return
        sentence = self._sentence or entry.word
        self.say("It is spoken …")
        heard = await console.ask(lambda inner: said(inner, self._narrator_id, sentence, entry if anew else None))
        if heard is not None and self.is_attached:
            name = f"{plain(entry.word, 40)} {'as it would be said' if anew else 'as it is said now'}"
            self.say(await console.play(f"lexicon.{anew}", name, heard.wav, heard.seconds))


def around(sentence: str, word: str, most: int = 120) -> str:
    """As much of a sentence as shows the word in it."""
    text = plain(sentence)
    at = text.casefold().find(word.casefold())
    begin = max(0, at - most // 2) if len(text) > most else 0
    begin = min(begin, max(0, len(text) - most))
    piece = text[begin : begin + most]
    return f"{'…' if begin else ''}{piece}{'…' if begin + most < len(text) else ''}"


async def said(inner: Inner, narrator_id: str, sentence: str, entry: LexiconEntry | None) -> Heard:
    """``sentence`` in the narrator's voice, with ``entry`` acting where one is given."""
    if entry is not None:
        from foundry_tui.text.lexicon import Lexicon

        sentence = Lexicon([entry], language=entry.language, book_id=entry.book_id).apply(sentence)[0]
    return await inner.auditions.speak(narrator_id, sentence)


def entry_fields(entry: LexiconEntry) -> tuple[Field, ...]:
    """The lines of the form."""
    return (
        Field("word", "Word", entry.word, hint="as it is written; several words too"),
        Field("spoken", "Is said", entry.spoken, hint="spelled so that the engine says it right"),
        Field("language", "Language", entry.language, hint="eng, fra …; empty: all"),
        Field("book_id", "Book id", entry.book_id, hint="only in this book; empty: all"),
        Field("inflection", "Endings", entry.inflection, hint="none, possessive (’s is kept) or any_ending"),
        Field("case", "Case matters", "yes" if entry.case_sensitive else "no", hint="yes: Will is not will"),
        Field("ipa", "IPA", entry.ipa, hint="for engines that take it; may be empty"),
        Field("note", "Note", entry.note),
    )


def entry_of(values: Mapping[str, str]) -> LexiconEntry:
    """What is typed, as an entry. Raises UsageError naming the line that is none."""
    if not values["word"]:
        raise UsageError("Give the word.")
    if not values["spoken"] and not values["ipa"]:
        raise UsageError("Give what is said instead of it.")
    inflection = next((each for each in INFLECTIONS if each == (values["inflection"] or "possessive")), None)
    if inflection is None:
        raise UsageError(f"Endings are one of {', '.join(INFLECTIONS)}.")
    case = values["case"].casefold()
    if case not in {"", "yes", "y", "true", "no", "n", "false"}:
        raise UsageError("Case matters: yes or no.")
    return LexiconEntry(
        word=values["word"],
        spoken=values["spoken"] or values["word"],
        ipa=values["ipa"],
        language=understood(values["language"]) if values["language"] else "",
        book_id=values["book_id"],
        case_sensitive=case not in {"no", "n", "false"},
        inflection=inflection,
        note=values["note"],
    )
