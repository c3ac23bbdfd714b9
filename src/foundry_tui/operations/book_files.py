"""A book's file on its way into the home: what id it gets, and the copy that is whole or not there."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Container
from pathlib import Path

from foundry_tui.domain.ids import BOOK_ID_MAX
from foundry_tui.errors import Conflict, SourceNotFound, SourceUnreadable, SourceUnsupported, UsageError
from foundry_tui.files import replacing, sha256_of

ENDINGS = (".html", ".xhtml", ".htm", ".epub", ".txt", ".md", ".docx")
_GUTENBERG_NAME = re.compile(r"(?:^|[^a-z0-9])(?:pg[_-]?)?(\d{1,6})(?:-h|-0|-8|-images(?:-3)?)?$")
_PG_NAME = re.compile(r"^pg[_-]?(\d{1,6})(?![0-9])")


def check_source(source: Path) -> None:
    """Raise SourceNotFound, SourceUnreadable or SourceUnsupported where ``source`` can be no book."""
    if not source.exists():
        raise SourceNotFound(f"There is no file {source}.", next_action="Check the path.")
    if not source.is_file():
        raise SourceUnreadable(f"{source} is not a file.", next_action="Give the book's file, not its folder.")
    if source.suffix.casefold() not in ENDINGS:
        raise SourceUnsupported(f"{source.name} does not end in one of {', '.join(ENDINGS)}.")
    with source.open("rb") as file:
        head = file.read(8)
    if not head:
        raise SourceUnreadable(f"{source} is empty.", next_action="Fetch it again.")
    if head.startswith(b"%PDF-"):
        raise SourceUnsupported(f"{source.name} is a PDF whatever its name says.")


def gutenberg_book_id(source: Path, number: str | int | None) -> str | None:
    """``pg74`` by the number the file states, else by a name such as pg74.html, pg74-images.html or 74-h.htm."""
    if number is not None:
        digits = re.sub(r"\D", "", str(number))
        return f"pg{int(digits)}" if digits else None
    stem = source.stem.casefold()
    found = _PG_NAME.search(stem) or (_GUTENBERG_NAME.fullmatch(stem) if stem[:1].isdigit() else None)
    return f"pg{int(found.group(1))}" if found else None


def slug(*names: str | None) -> str:
    """A book id of the first name that holds a Latin letter or digit; raises UsageError where none does."""
    for name in names:
        ascii_name = unicodedata.normalize("NFKD", name or "").encode("ascii", "ignore").decode()
        text = re.sub(r"[^a-z0-9]+", "_", ascii_name.casefold()).strip("_")
        if len(text) > BOOK_ID_MAX:
            text = text[: BOOK_ID_MAX + 1].rpartition("_")[0] or text
        if text := text[:BOOK_ID_MAX].strip("_"):
            return text
    raise UsageError("No book id can be made from the title or the file's name.", next_action="Give one: --book-id ID.")


def free_id(wanted: str, taken: Container[str]) -> str:
    """``wanted``, or ``wanted_2`` … where that is taken, never longer than an id may be."""
    candidate, number = wanted, 2
    while candidate in taken:
        tail = f"_{number}"
        candidate = wanted[: BOOK_ID_MAX - len(tail)].rstrip("_") + tail
        number += 1
    return candidate


def copy_in(source: Path, folder: Path, book_id: str) -> tuple[Path, bool]:
    """Copy ``source`` to ``<folder>/<book_id>.<ending>``; (the copy, whether it was made now).

    A copy that is there already with the same bytes stays. Raises Conflict where the folder holds another source,
    WriteFailed or DiskFull where it cannot be written.
    """
    target = folder / f"{book_id}{source.suffix.casefold()}"
    for ending in ENDINGS:
        other = folder / f"{book_id}{ending}"
        if other.exists() and other != target:
            raise Conflict(
                f"{folder} already holds {other.name}.",
                next_action="Move that file away, or give the book another id with --book-id.",
            )
    if target.exists():
        if target.samefile(source) or sha256_of(target) == sha256_of(source):
            return target, False
        raise Conflict(
            f"{target} is another file than {source}.",
            next_action="Move it away, or give the book another id with --book-id.",
        )
    with replacing(target) as temp:
        shutil.copyfile(source, temp)
    return target, True
