"""The lexicon: words and how they are said, and the names of a book that may want a place in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from foundry_tui.console.doing import lexicon as doing
from foundry_tui.console.screens.entry_form import around
from foundry_tui.console.screens.listing import Line, ListingScreen
from foundry_tui.console.widgets.columns import Column, Row, cell
from foundry_tui.domain.plain import plain

if TYPE_CHECKING:
    from foundry_tui.domain.books import Book
    from foundry_tui.domain.corrections import StoredEntry
    from foundry_tui.text.lexicon import Suggestion

ENDINGS = {"none": "as it is", "possessive": "’s too", "any_ending": "any ending"}


class LexiconScreen(ListingScreen):
    """Every entry; the filter narrows as one types."""

    scope = "lexicon"
    columns = (
        Column("WORD", 18, share=2),
        Column("IS SAID", 18, share=2),
        Column("LANG", 5, rank=1),
        Column("BOOK", 10, rank=2),
        Column("ENDINGS", 10, rank=4),
        Column("CASE", 6, rank=5),
        Column("IPA", 8, share=1, rank=6),
        Column("NOTE", 8, share=1, rank=3),
    )

    def __init__(self, book: Book | None = None) -> None:
        super().__init__()
        self.book = book  # whose names are suggested

    async def read(self) -> Sequence[Row] | None:
        """All entries."""
        found = await self.console.ask(lambda inner: inner.foundry.lexicon.entries())
        return None if found is None else [entry_row(each) for each in found]

    def chosen(self) -> list[StoredEntry]:
        """The marked entries, else the one under the cursor."""
        return [row.data for row in self.list.chosen() if row.data is not None]  # type: ignore[misc]

    def facts(self) -> Sequence[Line]:
        """What it is, and how many."""
        return [
            [("Lexicon", "bold"), (f"  {self.counted()}" if self.loaded else "  is being read …", "dim")],
            [("A word changed here is spoken anew only in the chunks it stands in.", "dim")],
        ]

    def empty_words(self) -> str:
        """The first word."""
        return (
            "No words yet.\n\na  add a word and how it is said\n"
            "n  names of the Catalog's book that are worth a listen\nI  take in a CSV file"
        )

    async def do(self, name: str) -> None:
        """See doing/lexicon.py."""
        await doing.perform(self, name)

    async def open_row(self) -> None:
        """An entry's own page is its form."""
        if self.chosen() and not self.console.readonly:
            await doing.edit(self.console, self.chosen()[0])


def entry_row(stored: StoredEntry) -> Row:
    """An entry on a line."""
    entry = stored.entry
    return Row(
        f"{stored.entry_id}",
        (
            cell(plain(entry.word, 200)),
            cell(plain(entry.spoken, 200), "ok"),
            cell(plain(entry.language, 8) or "all", "dim"),
            cell(plain(entry.book_id, 20) or "all", "dim"),
            cell(ENDINGS.get(entry.inflection, plain(entry.inflection, 10)), "dim"),
            cell("Aa" if entry.case_sensitive else "any", "dim"),
            cell(plain(entry.ipa, 100), "dim"),
            cell(plain(entry.note, 200), "dim"),
        ),
        data=stored,
    )


class SuggestionsScreen(ListingScreen):
    """Names of one book, the most frequent first."""

    scope = "suggestions"
    costly = True
    marks = False
    lacks = ListingScreen.lacks | {"list.mark", "list.mark_all"}
    columns = (
        Column("NAME", 14, share=1),
        Column("TIMES", 6, right=True),
        Column("CH", 4, right=True, rank=1),
        Column("WHERE IT FIRST STANDS", 20, share=4),
    )

    def __init__(self, book_id: str, title: str, narrator_id: str | None) -> None:
        super().__init__()
        self.book_id = book_id
        self.title_of_book = title
        self.narrator_id = narrator_id

    async def read(self) -> Sequence[Row] | None:
        """Read the book's chapters."""
        found = await self.console.ask(lambda inner: inner.foundry.lexicon.suggestions(self.book_id))
        if found is None:
            return () if not self.loaded else None
        return [suggestion_row(each) for each in found]

    @property
    def chosen(self) -> Suggestion | None:
        """The name under the cursor."""
        row = self.list.cursor_row
        return row.data if row is not None else None  # type: ignore[return-value]

    def facts(self) -> Sequence[Line]:
        """Whose names."""
        count = f"{self.counted()} name{'s' if len(self.rows) != 1 else ''}" if self.loaded else "is being read …"
        return [
            [("Names in ", ""), (plain(self.title_of_book, 150), "bold"), (f"  {count}", "dim")],
            [("Frequent, known to no word list, not in the lexicon. p: hear one; enter: say how it is said.", "dim")],
        ]

    def empty_words(self) -> str:
        """None."""
        return "No name stands out, or the book is not parsed yet: its names are found once it is."

    async def do(self, name: str) -> None:
        """See doing/lexicon.py."""
        if self.chosen is None:
            self.console.say("There is no name to do that with.", "warn")
        elif name == "play":
            await doing.hear_suggestion(self)
        elif name == "add":
            await doing.add_suggestion(self)

    async def open_row(self) -> None:
        """Say how it is said."""
        if self.chosen is not None and not self.console.readonly:
            await doing.add_suggestion(self)


def suggestion_row(found: Suggestion) -> Row:
    """A name on a line."""
    return Row(
        found.word,
        (
            cell(plain(found.word, 100)),
            cell(f"{found.count:,}", "dim"),
            cell(found.chapter, "dim"),
            cell(around(found.sample, found.word), "dim"),
        ),
        data=found,
    )
