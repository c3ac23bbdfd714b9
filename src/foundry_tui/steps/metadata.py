"""STEP2: what the catalog, the source and the file know of the book, in one metadata.json, and its cover."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Book
from foundry_tui.domain.languages import understood
from foundry_tui.errors import Interrupted
from foundry_tui.files import folder_lock, sha256_of, write_bytes, write_json
from foundry_tui.pictures import draw_cover, find_cover_beside, usable_cover
from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.steps.parsed import parsed_chapters
from foundry_tui.steps.places import Places
from foundry_tui.steps.toolbox import Toolbox
from foundry_tui.text.find_source import find_source
from foundry_tui.text.metadata import SourceMetadata, source_metadata


class Metadata:
    """The operator's catalog wins, the source fills its gaps; a cover is found or drawn."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The catalog's entry, the parsed chapters, and the cover that lies in the book's folder."""
        book = context.book
        places = Places.of(self._tools.home, context.production)
        return {
            "chapters": context.results["parsing"]["key"],
            "title": book.book_name,
            "author": book.author,
            "year_published": book.year_published,
            "genre": book.genre,
            "summary": book.summary,
            "isbn": book.isbn,
            "cover": await asyncio.to_thread(_laid_there, self._tools.home, places, book),
        }

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether metadata.json is still there, and the cover byte for byte."""
        places = Places.of(self._tools.home, context.production)
        if not (places.book / "metadata.json").is_file():
            return False
        return await asyncio.to_thread(_read_cover, self._tools.home, result) is not None

    async def run(self, context: StepContext) -> StepOutcome:
        """Gather and write."""
        places = Places.of(self._tools.home, context.production)
        chapters, _ = await parsed_chapters(context, places)
        parsed = {"title": chapters["title"], "source": chapters["source"]}
        made = await self._tools.cpu.run(_gather, self._tools.home, places, context.book, parsed)
        how = "drawn" if made["cover_drawn"] else "from the source"
        return StepOutcome(result=made, message=f"Metadata written, cover {how}.", totals={"cover": made["cover"]})


def _gather(home: Path, places: Places, book: Book, parsed: Mapping[str, Any]) -> dict[str, Any]:
    source = _source_beside(home, places, book)
    known = source_metadata(source)
    title = book.book_name or known.title or str(parsed["title"])
    author = book.author or known.author
    with folder_lock(places.book):
        picture, file, drawn = _settled(places.book, source, known, title, author)
        own = places.cover(hashlib.sha256(picture).hexdigest(), _ending(picture))
        write_bytes(own, picture)
        facts = {
            "schema_version": 1,
            "book_id": book.book_id,
            "title": title,
            "author": author,
            "language": understood(book.language),
            "year_published": book.year_published or known.year_published,
            "genre": book.genre,
            "subjects": list(known.subjects),
            "summary": book.summary or known.summary,
            "isbn": book.isbn,
            "gutenberg_id": known.gutenberg_id,
            "source": parsed["source"],
            "cover": {"file": file.relative_to(places.book).as_posix(), "drawn": drawn},
        }
        write_json(places.book / "metadata.json", facts)
    return {"facts": facts, "cover": places.relative(own), "cover_sha256": sha256_of(own), "cover_drawn": drawn}


def _source_beside(home: Path, places: Places, book: Book) -> Path:
    if places.language != understood(book.language):
        return find_source(places.in_language, places.book_id)
    named = home / book.source_path if book.source_path else None
    return find_source(places.book, places.book_id, source_path=named)


def _settled(
    folder: Path, source: Path, known: SourceMetadata, title: str, author: str | None
) -> tuple[bytes, Path, bool]:
    """(cover, its file in the book's folder, was it drawn): images/cover.* first, then the source's, else a drawn one.

    ``cover.*`` is the operator's alone; what is made or found here gets another name.
    """
    images = folder / "images"
    own = _operators(folder)
    if own is not None:
        place, data = own
        prepared = usable_cover(data)
        assert prepared is not None
        if prepared == data:
            return data, place, False
        place = images / f"prepared_cover{_ending(prepared)}"  # the operator's own file stays as it is
        write_bytes(place, prepared)
        return prepared, place, False
    for found in (known.cover, find_cover_beside(source)):
        picture = usable_cover(found) if found else None
        if picture is not None:
            place = images / f"found_cover{_ending(picture)}"
            write_bytes(place, picture)
            return picture, place, False
    place = images / "drawn_cover.jpg"
    picture = draw_cover(title, author)
    write_bytes(place, picture)
    return picture, place, True


def _operators(folder: Path) -> tuple[Path, bytes] | None:
    """The first images/cover.* that is a usable picture, with its bytes."""
    images = folder / "images"
    for path in sorted(images.glob("cover.*")) if images.is_dir() else []:
        data = path.read_bytes()
        if usable_cover(data) is not None:
            return path, data
    return None


def _laid_there(home: Path, places: Places, book: Book) -> str | None:
    """SHA-256 of the picture that lies in the book's folder or beside its source; what the source holds is in its own
    hash, and what is drawn follows from title and author.
    """
    own = _operators(places.book)
    picture = own[1] if own is not None else find_cover_beside(_source_beside(home, places, book))
    return hashlib.sha256(picture).hexdigest() if picture is not None else None


def _ending(picture: bytes) -> str:
    return ".png" if picture.startswith(b"\x89PNG") else ".jpg"


def _read_cover(home: Path, result: Mapping[str, Any]) -> bytes | None:
    try:
        data = (home / str(result.get("cover"))).read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == result.get("cover_sha256") else None


async def own_cover(home: Path, context: StepContext) -> bytes:
    """The cover STEP2 settled on, of which every production keeps its own; goes back to STEP2 where it has changed."""
    data = await asyncio.to_thread(_read_cover, home, context.results["metadata"])
    if data is None:
        reason = "its cover is missing or was altered."
        await context.send_back("metadata", reason)
        raise Interrupted(reason)  # send_back has raised already
    return data
