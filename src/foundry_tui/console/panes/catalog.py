"""The Catalog: the books there are, and what has become of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from foundry_tui.console.actions import bindings_for
from foundry_tui.console.glyphs import STATUS
from foundry_tui.console.panes.pane import Pane
from foundry_tui.console.widgets.columns import Column, Row, cell
from foundry_tui.domain.desk import BOOK_ORDERS, BookLine, Wanted, Window
from foundry_tui.domain.plain import plain

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner


class CatalogPane(Pane[BookLine]):
    """Books, as many as there may be."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("catalog"))
    scope = "catalog"
    title = "Catalog"
    orders = BOOK_ORDERS
    columns = (
        Column("TITLE", 16, share=3),
        Column("AUTHOR", 10, share=2, rank=2),
        Column("LANG", 5, rank=3),
        Column("YEAR", 5, right=True, rank=6),
        Column("ID", 9, rank=5),
        Column("AUDIO", 11, rank=1),
    )

    async def fetch(self, inner: Inner, wanted: Wanted) -> Window[BookLine]:
        """Read from the tables."""
        return await inner.desk.books(wanted)

    async def fetch_more(self, inner: Inner, wanted: Wanted, first: int, last: int) -> Sequence[BookLine]:
        """Read from the tables."""
        return await inner.desk.more_books(wanted, first, last)

    def key_of(self, line: BookLine) -> str:
        """Its book_id."""
        return line.book.book_id

    def row_of(self, line: BookLine) -> Row:
        """A book on one line."""
        book = line.book
        if line.newest is None:
            audio = cell("–", "dim")
        else:
            sign = STATUS[line.newest]
            audio = cell(
                f"{sign.drawn()} {sign.word if line.productions == 1 else f'{line.productions} made'}", sign.style
            )
        return Row(
            book.book_id,
            (
                cell(plain(book.book_name, 300)),
                cell(plain(book.author or "–", 120), "" if book.author else "dim"),
                cell(plain(book.language, 10), "dim"),
                cell(book.year_published if book.year_published is not None else "", "dim"),
                cell(book.book_id, "dim"),
                audio,
            ),
            data=book,
        )

    def empty_text(self) -> str:
        """The first thing to do."""
        return (
            "No books yet.\n\na  add one from a file (HTML, EPUB, text, Word)\n"
            "S  bring in the sample book and its narrators\n\n"
            f"Or drop a file into {plain(self.console.settings.home / 'inbox', 200)}."
        )

    def productions_of(self, book_id: str) -> int:
        """How many productions a book has, as far as the rows here say."""
        line = self._lines.get(book_id)
        return line.productions if line is not None else 0
