"""What is done with books: added, made into audiobooks, changed, removed, looked into."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from foundry_tui.console.doing.picking import pick_narrator
from foundry_tui.console.screens.choice import confirm
from foundry_tui.console.screens.form import Field, FormScreen
from foundry_tui.console.screens.paths import ENDINGS, PathSuggester, pick_path
from foundry_tui.domain.books import Book
from foundry_tui.domain.plain import plain
from foundry_tui.errors import FoundryError

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

_LISTED = 6


def _books(app: ConsoleApp) -> list[Book]:
    return [row.data for row in app.catalog.list.chosen() if isinstance(row.data, Book)]


async def perform(app: ConsoleApp, name: str) -> None:
    """Do a catalog action."""
    if name == "add":
        await add(app)
    elif name in {"make", "make_now"}:
        await make(app, ask=name == "make")
    elif name == "change":
        await change(app)
    elif name == "remove":
        await remove(app)
    elif name == "sections":
        show_sections(app)


def show_sections(app: ConsoleApp) -> None:
    """The outline of the book under the cursor."""
    from foundry_tui.console.screens.outline import OutlineScreen

    row = app.catalog.list.cursor_row
    if row is not None and isinstance(row.data, Book):
        app.push_screen(OutlineScreen(row.data.book_id, row.data.book_name))


async def add(app: ConsoleApp) -> None:
    """Ask for files and enter them."""
    added: list[str] = []

    async def submit(values: Mapping[str, str]) -> str | None:
        files, complaint = await asyncio.to_thread(_files_of, values["path"])
        if complaint is not None:
            return complaint
        refused: list[str] = []
        for file in files:
            try:
                book = await app.house.call(
                    lambda inner, file=file: inner.foundry.catalog.add(  # type: ignore[misc]
                        file,
                        book_id=values["book_id"] or None if len(files) == 1 else None,
                        language=values["language"] or None,
                        title=values["title"] or None if len(files) == 1 else None,
                    )
                )
            except FoundryError as error:
                refused.append(f"{file.name}: {error.sentence()}")
            else:
                added.append(book.book.book_name)
        if refused:
            app.house.note_change()
            more = f" {len(refused) - 1} more were refused." if len(refused) > 1 else ""
            return f"{len(added)} added. {refused[0]}{more}" if len(files) > 1 else refused[0]
        return None

    fields = (
        Field("path", "File", hint="HTML, EPUB, text, Word; several with ;", suggester=PathSuggester(),
              pick=lambda values: pick_path(app, values["path"])),
        Field("language", "Language", hint="only where the file does not say it: eng, fra, de …"),
        Field("title", "Title", hint="only where the file does not say it"),
        Field("book_id", "Book id", hint="only where the one made from the file is not wanted"),
    )  # fmt: skip
    done = await app.push_screen_wait(FormScreen("Add books", fields, submit, done="Add"))
    if done is not None and added:
        more = f" and {len(added) - 1} more" if len(added) > 1 else ""
        app.say(f"Added {added[0]}{more}. m makes an audiobook of it.", "ok")
        app.house.note_change()


def _files_of(typed: str) -> tuple[list[Path], str | None]:
    """The files named, those of a folder where one is; and what is wrong, if anything."""
    paths = [Path(each.strip()).expanduser() for each in typed.split(";") if each.strip()]
    if not paths:
        return [], "Give the path of a file; several with ; between them, or a folder."
    files: list[Path] = []
    for path in paths:
        try:
            files += book_files(path) if path.is_dir() else [path]
        except OSError as error:
            return [], f"{path}: {error.strerror}."
    return files, None if files else "There is no book in that folder."


def book_files(folder: Path) -> list[Path]:
    """The books of a folder."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.casefold() in ENDINGS)


async def make(app: ConsoleApp, *, ask: bool) -> None:
    """Order audiobooks of the chosen books."""
    books = _books(app)
    narrator: str | None = None
    default = books[0].narrator_id or app.settings.default_narrator
    if ask or (default is None):
        language = books[0].language
        title = f"Who reads {books[0].book_name}?" if len(books) == 1 else f"Who reads these {len(books)} books?"
        narrator = await pick_narrator(app, title, language=language, at=default)
        if narrator is None:
            return
    created, same = 0, 0
    last = ""
    for book in books:
        made = await app.ask(
            lambda inner, book=book: inner.foundry.productions.produce(book.book_id, narrator=narrator)  # type: ignore[misc]
        )
        if made is None:
            return
        created += made.created
        same += not made.created
        last = made.production.audiobook_id
    await app.ask(lambda inner: inner.woken())
    app.catalog.list.forget_marks()
    what = plain(books[0].book_name, 50) if len(books) == 1 else f"{created} audiobooks"
    already = f" {same} were in the queue already." if same else ""
    if created:
        app.say(
            f"{what}: in the queue as {last}.{already}" if created == 1 else f"{what}: in the queue.{already}", "ok"
        )
    else:
        app.say(f"{plain(books[0].book_name, 50)} is in the queue already ({last}): no second was made.")
    app.house.note_change()


async def change(app: ConsoleApp) -> None:
    """Change one book."""
    book = _books(app)[0]

    async def submit(values: Mapping[str, str]) -> str | None:
        year = values["year_published"]
        if year and not year.lstrip("-").isdigit():
            return "The year is a number."
        changes = {name: value or None for name, value in values.items()}
        changes["year_published"] = int(year) if year else None  # type: ignore[assignment]
        try:
            await app.house.call(lambda inner: inner.desk.edit_book(book.book_id, **changes))
        except FoundryError as error:
            return error.sentence()
        return None

    fields = (
        Field("book_name", "Title", book.book_name),
        Field("author", "Author", book.author or ""),
        Field("language", "Language", book.language, hint="eng, fra, de …"),
        Field("year_published", "Year", str(book.year_published or "")),
        Field("genre", "Genre", book.genre or ""),
        Field("isbn", "ISBN", book.isbn or ""),
        Field("narrator_id", "Narrator", book.narrator_id or "", hint="who reads it when none is named",
              pick=lambda _values: pick_narrator(app, "Who reads it?", language=book.language, at=book.narrator_id)),
    )  # fmt: skip
    if await app.push_screen_wait(FormScreen(f"Change {book.book_id}", fields, submit)) is not None:
        app.say(f"{book.book_id} is changed.", "ok")
        app.house.note_change()


async def remove(app: ConsoleApp) -> None:
    """Remove the chosen books, after a question."""
    books = _books(app)
    made = {book.book_id: app.catalog.productions_of(book.book_id) for book in books}
    count = sum(made.values())
    listed = "\n".join(f"  {plain(book.book_name, 60)}" for book in books[:_LISTED])
    more = f"\n  … and {len(books) - _LISTED} more" if len(books) > _LISTED else ""
    what = f" and {count} production{'s' if count != 1 else ''} with everything made for them" if count else ""
    words = f"{len(books)} book{'s' if len(books) != 1 else ''}{what}:\n{listed}{more}\n\nTheir files go to the trash."
    if await app.push_screen_wait(confirm("Remove?", words, "Remove")) != "yes":
        return
    removed = 0
    for book in books:
        gone = await app.ask(
            lambda inner, book=book: inner.foundry.catalog.remove(book.book_id, with_productions=True)  # type: ignore[misc]
        )
        if gone is None:
            break
        removed += 1
    app.catalog.list.forget_marks()
    app.house.note_change()
    if removed:
        app.say(f"{removed} removed; the files are in {app.settings.home / 'trash'}.", "ok")


async def open_row(app: ConsoleApp) -> None:
    """Look into the book under the cursor."""
    row = app.catalog.list.cursor_row
    if row is None:
        return
    from foundry_tui.console.screens.book import book_screen

    shown = await app.ask(lambda inner: inner.book_page(row.id))
    if shown is not None:
        app.push_screen(book_screen(shown))
