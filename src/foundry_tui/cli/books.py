"""``book``: the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from foundry_tui.cli.book_sections import decide, outline, undo
from foundry_tui.cli.globals import Globals, Noun
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import Column, about_file, as_called, fields, json_line, listing, result, warn

_COLUMNS = (
    Column("BOOK", "book_id", 20),
    Column("TITLE", "book_name", 48),
    Column("AUTHOR", "author", 28),
    Column("LANG", "language", 5),
    Column("YEAR", "year_published", 5, right=True),
    Column("PRODUCTIONS", "productions", 11, right=True),
    Column("SOURCE", "source", 30),
)


@click.group(cls=Noun)
def book() -> None:
    """The catalog: add, list, show and remove books, and say which of their sections are narrated."""


@book.command(
    "add",
    examples=(
        "foundry-tui book add ~/pg11-alice.html",
        "foundry-tui book add poe.epub --book-id poe --title 'Tales' --author 'Edgar Allan Poe' --language eng",
    ),
)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--book-id", help="Id in folders and commands: a-z, 0-9 and _, 20 at most. Else made from the book.")
@click.option("--title", help="Else as the source says.")
@click.option("--author", help="Else as the source says.")
@click.option("--language", help="ISO 639 code or name. Else as the source says.")
@click.option("--year", type=click.IntRange(-3000, 3000), help="Year of first publication.")
@click.option("--genre", help="As you sort your shelves.")
@click.option("--summary", help="A few lines about the book; they go into the finished file.")
@click.option("--isbn", help="Where the edition has one.")
@click.option("--narrator", help="Who speaks it where `produce` names nobody.")
@click.option("--json", "as_json", is_flag=True, help="The book as one JSON object.")
@click.pass_obj
def add(state: Globals, /, source: Path, as_json: bool, **facts: Any) -> None:
    """Copy a book's file into the home and enter it in the catalog.

    Title, author and language are read from the source where they are not given; a Project Gutenberg book gets its
    number as id (pg74). Reads HTML, EPUB, text, Markdown and Word files; the file you give stays where it is.
    """
    with about_file(source):
        added = with_foundry(state, lambda foundry: foundry.catalog.add(source, **facts))
    for line in added.remarks:
        warn(line)
    if as_json:
        json_line(added.to_json())
        return
    result(f"Added {added.book.book_id}: {added.book.book_name}, {added.book.author or 'author unknown'}")
    result(as_called(f"Next: foundry-tui produce {added.book.book_id} --narrator NARRATOR"))


@book.command("list", examples=("foundry-tui book list", "foundry-tui book list alice --json"))
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_(state: Globals, text: str | None, as_json: bool) -> None:
    """List the books of the catalog, oldest first.

    TEXT leaves only books that have it in their id, title or author.
    """
    rows = with_foundry(state, lambda foundry: foundry.catalog.list(text))
    empty = f"No book has {text!r} in its id, title or author." if text else "No books yet: foundry-tui book add FILE."
    listing(rows, _COLUMNS, as_json=as_json, empty=empty)


@book.command("show", examples=("foundry-tui book show pg11",))
@click.argument("book_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(state: Globals, book_id: str, as_json: bool) -> None:
    """Show one book.

    Its facts, its source file, and its productions. Once it is parsed, its chapters and the coverage receipt of the
    newest parse: how many words of the source are spoken, replaced by which rule, skipped for which reason.
    """
    shown = with_foundry(state, lambda foundry: foundry.catalog.show(book_id))
    if as_json:
        json_line(shown)
        return
    facts = shown["book"]
    fields(
        [
            ("Book", facts["book_id"]),
            ("Title", facts["book_name"]),
            ("Author", facts["author"]),
            ("Language", facts["language"]),
            ("Year", facts["year_published"]),
            ("Genre", facts["genre"]),
            ("ISBN", facts["isbn"]),
            ("Narrator", facts["narrator_id"]),
            ("Source", shown["source"] or "no source file found"),
            ("Summary", facts["summary"]),
        ]
    )
    for language, chapters in shown["chapters"].items():
        words = sum(chapter["words"] for chapter in chapters)
        result()
        result(f"Chapters ({language}): {len(chapters)}, {words:,} words")
        for chapter in chapters:
            result(f"  {chapter['number']:>3}  {chapter['title']}  ({chapter['words']:,} words)")
        if shown["coverage"].get(language):
            _receipt(shown["coverage"][language])
    if shown["productions"]:
        result()
        result("Productions:")
    for made in shown["productions"]:
        result(f"  {made['audiobook_id']}  {made['narrator_id']}  {made['language']}  {made['status']}")


def _receipt(coverage: Mapping[str, Any]) -> None:
    """Where every word of the source went."""
    replaced, skipped = coverage["replaced"], coverage["skipped"]
    total, spoken = coverage["source_words"], coverage["spoken"]
    result()
    result(f"Coverage: {total:,} words in the source")
    result(f"  {spoken:>9,}  spoken as printed")
    for what, counts in (("replaced by a rule", replaced), ("skipped", skipped)):
        result(f"  {sum(counts.values()):>9,}  {what}")
        for name, words in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
            result(f"             {words:>9,}  {name}")
    missing = total - spoken - sum(replaced.values()) - sum(skipped.values())
    result("  The receipt balances." if not missing else f"  {missing:,} words are not accounted for.")


for _command in (outline, decide, undo):
    book.add_command(_command)


@book.command("rm", examples=("foundry-tui book rm pg11", "foundry-tui book rm pg11 --with-productions"))
@click.argument("book_id")
@click.option("--with-productions", is_flag=True, help="Also remove its productions and what they made.")
@click.option("--json", "as_json", is_flag=True, help="What was removed, as one JSON object.")
@click.pass_obj
def rm(state: Globals, book_id: str, with_productions: bool, as_json: bool) -> None:
    """Take a book out of the catalog.

    Its files move to the home's trash; nothing is deleted. Refuses while the book has productions, and lists them.
    With --with-productions they go too: their folders and their published audiobooks move to the trash, and every row
    of theirs is deleted, all or nothing.
    """
    removed = with_foundry(state, lambda foundry: foundry.catalog.remove(book_id, with_productions=with_productions))
    if as_json:
        json_line(removed.to_json())
        return
    result(f"Removed {removed.what}.")
    for place in removed.trashed:
        result(f"  {place}")
