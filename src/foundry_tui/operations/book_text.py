"""A book's words as they lie in the home: its source as a production would find it, its parsed chapters."""

from __future__ import annotations

from pathlib import Path

from foundry_tui.domain.books import Book
from foundry_tui.domain.chapters import Chapter
from foundry_tui.domain.ids import checked_book_id
from foundry_tui.domain.languages import english_name, understood
from foundry_tui.errors import LanguageMismatch, NotFound
from foundry_tui.text.chapter_json import METADATA, load_chapters
from foundry_tui.text.find_source import find_source


def chapters_folder(home: Path, book_id: str, language: str) -> Path:
    """Where the chapters of a book in ``language`` (ISO 639-2/T) lie once they are parsed."""
    return home / "foundry" / checked_book_id(book_id) / language / "chapters"


def source_of(home: Path, book: Book, language: str) -> Path:
    """The file a production of ``book`` in ``language`` is made from; raises SourceError, LanguageMismatch."""
    folder = home / "foundry" / checked_book_id(book.book_id)
    if language != understood(book.language):
        if not (folder / language).is_dir():
            raise LanguageMismatch(
                f"{book.book_id} is in {english_name(understood(book.language))}, and its folder holds no source in "
                f"{english_name(language)}."
            )
        return find_source(folder / language, book.book_id)
    return find_source(folder, book.book_id, source_path=home / book.source_path if book.source_path else None)


def parsed_chapters(home: Path, book: Book, language: str | None = None) -> tuple[str, tuple[Chapter, ...]]:
    """(language, chapters) of a parsed book: in ``language``, else the book's own, else whichever there is.

    Raises NotFound where it was never parsed, ArtifactBroken.
    """
    own = understood(language or book.language)
    places = [chapters_folder(home, book.book_id, own)]
    if language is None:
        places += sorted((home / "foundry" / checked_book_id(book.book_id)).glob("*/chapters"))
    found = next((place for place in places if (place / METADATA).is_file()), None)
    if found is None:
        raise NotFound(
            f"{book.book_id} has not been parsed yet.",
            next_action=f"Order it (`foundry-tui produce {book.book_id}`) and work the queue; parsing comes first.",
        )
    return found.parent.name, load_chapters(found)[1]
