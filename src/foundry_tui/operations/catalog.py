"""The catalog: books added from files, listed, shown and removed."""

from __future__ import annotations

import asyncio
import builtins
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Book
from foundry_tui.domain.events import Event
from foundry_tui.domain.ids import checked_book_id
from foundry_tui.domain.languages import english_name, understood
from foundry_tui.domain.plain import plain
from foundry_tui.errors import Conflict, FoundryError, UsageError
from foundry_tui.operations.book_files import ENDINGS, check_source, copy_in, free_id, gutenberg_book_id, slug
from foundry_tui.operations.productions import ALL
from foundry_tui.operations.removal import Removed, in_use, remove_with_files
from foundry_tui.operations.title_case import eased_name, eased_title
from foundry_tui.store import catalog as rows
from foundry_tui.store import productions as production_rows
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.removal import remove_book_with_productions

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AddedBook:
    """A book entered in the catalog, its copy in the home, and what the operator should know of it."""

    book: Book
    source: Path
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``book add --json`` prints it."""
        return {**asdict(self.book), "source": str(self.source), "remarks": list(self.remarks)}


class Catalog:
    """What a face may ask of the books."""

    def __init__(self, database: Database, home: Path, library: Path, now: Callable[[], datetime]) -> None:
        self._database = database
        self._home = home
        self._library = library
        self._now = now

    async def add(
        self,
        source: Path,
        *,
        book_id: str | None = None,
        title: str | None = None,
        author: str | None = None,
        language: str | None = None,
        year: int | None = None,
        genre: str | None = None,
        summary: str | None = None,
        isbn: str | None = None,
        narrator: str | None = None,
    ) -> AddedBook:
        """Copy ``source`` into the home and enter it; what is not given is read from the source.

        Raises SourceError for a file that can be no book, UsageError where a language or an id is missing or wrong,
        Conflict where the book is there already, NotFound for an unknown narrator, WriteFailed.
        """
        wanted = understood(language) if language else None
        given_id = checked_book_id(book_id) if book_id else None
        await asyncio.to_thread(check_source, source)
        draft, by_number, remarks = await asyncio.to_thread(_from_source, source, given_id, title, author, wanted)
        draft = replace(
            draft,
            year_published=year if year is not None else draft.year_published,
            genre=genre,
            summary=summary or draft.summary,
            isbn=isbn,
            narrator_id=narrator,
        )
        waiting = await self._without_source(given_id) if given_id else None
        if waiting is None:
            draft = replace(draft, book_id=await self._id(draft, fixed=given_id is not None or by_number))
        folder = self._home / "foundry" / draft.book_id
        copy, made = await asyncio.to_thread(copy_in, source, folder, draft.book_id)
        draft = replace(draft, source_path=copy.relative_to(self._home).as_posix())
        try:
            async with self._database.write() as connection:
                if waiting is None:
                    stored = await rows.add_book(connection, draft, now=self._now)
                else:
                    given = {"book_name": title, "author": author, "language": wanted, "narrator_id": narrator}
                    changes = _completed(waiting, draft, given)
                    stored = await rows.update_book(connection, waiting.book_id, **changes)
                    remarks = [f"{waiting.book_id} was in the catalog without a source: this is its source now."]
                await append(connection, [_told(stored, "book_added" if waiting is None else "book_source")])
        except BaseException:
            if made:
                copy.unlink(missing_ok=True)
            raise
        await asyncio.to_thread(_bring_cover, source, folder)
        return AddedBook(stored, copy, tuple(remarks))

    async def _id(self, draft: Book, *, fixed: bool) -> str:
        """The draft's id if it is free; only an id we made up ourselves gives way to another."""
        async with self._database.read() as connection:
            other = await rows.find_book(connection, draft.book_id)
            if other is None:
                return draft.book_id
            if fixed or other.book_name == draft.book_name:
                raise Conflict(
                    f"The catalog has {other.book_id} already: {other.book_name}.",
                    next_action="Give another id with --book-id, or remove that one first.",
                )
            taken = {other.book_id}
            while await rows.find_book(connection, candidate := free_id(draft.book_id, taken)) is not None:
                taken.add(candidate)
            return candidate

    async def _without_source(self, book_id: str) -> Book | None:
        """The catalog's book of that id if it is there and no source of it is (a seed, or a row written by hand)."""
        async with self._database.read() as connection:
            book = await rows.find_book(connection, book_id)
        if book is None:
            return None
        source, _ = await asyncio.to_thread(_on_disk, self._home, book)
        return book if source is None else None

    async def list(self, text: str | None = None) -> builtins.list[dict[str, Any]]:
        """Every book (those with ``text`` in id, title or author), oldest first, with its count of productions."""
        async with self._database.read() as connection:
            counts = Counter(made.book_id for made in await production_rows.list_productions(connection, limit=ALL))
            found: list[dict[str, Any]] = []
            while page := await rows.list_books(connection, text=text, offset=len(found), limit=_PAGE):
                found += [
                    {**asdict(book), "productions": counts.get(book.book_id, 0), "source": book.source_path}
                    for book in page
                ]
            return found

    async def get(self, book_id: str) -> Book:
        """One book; raises NotFound."""
        async with self._database.read() as connection:
            return await rows.get_book(connection, book_id)

    async def show(self, book_id: str) -> dict[str, Any]:
        """A book with its source file, its chapters by language where it is parsed, and its productions."""
        async with self._database.read() as connection:
            book = await rows.get_book(connection, book_id)
            made = await production_rows.list_productions(connection, book_id=book_id, limit=ALL)
        source, parsed = await asyncio.to_thread(_on_disk, self._home, book)
        return {
            "book": asdict(book),
            "source": source,
            "chapters": {language: metadata["chapters"] for language, metadata in parsed.items()},
            "coverage": {language: metadata.get("coverage") for language, metadata in parsed.items()},
            "productions": [asdict(production) for production in made],
        }

    async def remove(self, book_id: str, *, with_productions: bool = False) -> Removed:
        """Take a book out; its folder goes to the trash. InUse with the list while productions exist, unless asked."""
        async with self._database.read() as connection:
            book = await rows.get_book(connection, book_id)
            made = await production_rows.list_productions(connection, book_id=book_id, limit=ALL)
        if made and not with_productions:
            raise in_use(book_id, made)
        return await remove_with_files(
            self._database,
            home=self._home,
            library=self._library,
            rows=lambda connection: remove_book_with_productions(connection, book_id),
            what=f"{book.book_id} ({book.book_name})",
            moment=self._now(),
        )


def _told(book: Book, kind: str) -> Event:
    what = "was added to the catalog" if kind == "book_added" else "got its source"
    return Event(kind, f"{book.book_id} ({book.book_name}) {what}.", details={"book_id": book.book_id})


def _from_source(
    source: Path, book_id: str | None, title: str | None, author: str | None, language: str | None
) -> tuple[Book, bool, list[str]]:
    """(book without an id of its own row, whether its book_id is a Gutenberg number, remarks)."""
    from foundry_tui.text.metadata import source_metadata

    known = source_metadata(source)
    remarks = []
    name = title or known.title
    if not title and name:
        name = eased_title(name, language or known.language)
    if not name:
        # A file's name may hold bytes that are no text at all.
        stem = source.stem.encode("utf-8", "ignore").decode()
        name = plain(stem.replace("_", " ").replace("-", " ")) or "Untitled"
        remarks.append(f"The source names no title: it is entered as {name!r}. Change it with --title.")
    spoken = language or known.language
    if not spoken:
        spoken = _guessed(source)
        remarks.append(f"The source does not say its language; by its words it is {english_name(spoken)}.")
    numbered = gutenberg_book_id(source, known.gutenberg_id)
    book = Book(
        id="",
        book_id=book_id or numbered or slug(name, source.stem),
        book_name=name[:255],
        language=understood(spoken),
        author=author or (eased_name(known.author)[:255] if known.author else None),
        year_published=known.year_published,
        summary=known.summary,
        source_url=f"https://www.gutenberg.org/ebooks/{numbered[2:]}" if known.gutenberg_id and numbered else None,
    )
    return book, bool(not book_id and numbered), remarks


def _completed(known: Book, draft: Book, given: dict[str, Any]) -> dict[str, Any]:
    """What changes in the catalog's entry: what was given now, and what it did not know."""
    changes = {name: value for name, value in given.items() if value}
    for name in ("author", "year_published", "genre", "summary", "isbn", "source_url"):
        if getattr(known, name) is None and getattr(draft, name) is not None:
            changes.setdefault(name, getattr(draft, name))
    return {**changes, "source_path": draft.source_path}


def _guessed(source: Path) -> str:
    """The language by the file's words; raises UsageError where they are too few to tell."""
    from foundry_tui.text.guess_language import guess_language
    from foundry_tui.text.readers import read_source

    _, document = read_source(source)
    found = guess_language(document.sample())
    if found is None:
        raise UsageError(
            f"{source.name} does not say its language.", next_action="Give it: --language eng (or fra, deu, …)."
        )
    return found


def _bring_cover(source: Path, folder: Path) -> None:
    """Take along the cover beside the source, where the source's folder is plainly this one book's."""
    from foundry_tui.files import write_bytes
    from foundry_tui.pictures.beside import find_cover_beside

    try:
        books_beside = sum(path.suffix.casefold() in ENDINGS for path in source.parent.iterdir())
        cover = find_cover_beside(source) if books_beside == 1 else None
        if cover is not None and not any((folder / "images").glob("cover.*")):
            ending = ".png" if cover.startswith(b"\x89PNG") else ".jpg"
            write_bytes(folder / "images" / f"cover{ending}", cover)
    except (OSError, FoundryError):
        return  # a cover is drawn where none came along


def _on_disk(home: Path, book: Book) -> tuple[str | None, dict[str, Any]]:
    """(source file as found, the metadata of the newest parse by language)."""
    from foundry_tui.text.find_source import find_source

    folder = home / "foundry" / checked_book_id(book.book_id)
    named = home / book.source_path if book.source_path else None
    try:
        source = str(find_source(folder, book.book_id, source_path=named))
    except FoundryError:
        source = None
    parsed: dict[str, Any] = {}
    for file in sorted(folder.glob("*/chapters/metadata.json")):
        try:
            metadata = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(metadata, dict) and isinstance(metadata.get("chapters"), list):
            parsed[file.parent.parent.name] = metadata
    return source, parsed
