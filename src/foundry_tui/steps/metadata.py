"""STEP2: what the catalog, the source and the file know of the book, in one metadata.json, and its cover."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Book
from foundry_tui.domain.languages import understood
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
        """The catalog's entry and the parsed chapters."""
        book = context.book
        return {
            "chapters": context.results["parsing"]["key"],
            "title": book.book_name,
            "author": book.author,
            "year_published": book.year_published,
            "genre": book.genre,
            "summary": book.summary,
            "isbn": book.isbn,
        }

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether metadata.json and the cover are still there."""
        places = Places.of(self._tools.home, context.production)
        cover = self._tools.home / str(result.get("cover"))
        return (places.book / "metadata.json").is_file() and cover.is_file()

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
        cover, drawn = _cover(places.book, source, known, title, author)
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
            "cover": {"file": cover.relative_to(places.book).as_posix(), "drawn": drawn},
        }
        write_json(places.book / "metadata.json", facts)
    return {"facts": facts, "cover": places.relative(cover), "cover_sha256": sha256_of(cover), "cover_drawn": drawn}


def _source_beside(home: Path, places: Places, book: Book) -> Path:
    if places.language != understood(book.language):
        return find_source(places.in_language, places.book_id)
    named = home / book.source_path if book.source_path else None
    return find_source(places.book, places.book_id, source_path=named)


def _cover(folder: Path, source: Path, known: SourceMetadata, title: str, author: str | None) -> tuple[Path, bool]:
    """(cover file, was it drawn): the operator's images/cover.* first, then the source's, else a drawn one."""
    images = folder / "images"
    for own in sorted(images.glob("cover.*")) if images.is_dir() else []:
        data = own.read_bytes()
        prepared = usable_cover(data)
        if prepared is None:
            continue
        if prepared == data:
            return own, False
        place = images / f"prepared_cover{_ending(prepared)}"  # the operator's own file stays as it is
        write_bytes(place, prepared)
        return place, False
    beside = find_cover_beside(source)
    for found in (known.cover, beside):
        picture = usable_cover(found) if found else None
        if picture is not None:
            place = images / f"cover{_ending(picture)}"
            write_bytes(place, picture)
            return place, False
    place = images / "drawn_cover.jpg"
    write_bytes(place, draw_cover(title, author))
    return place, True


def _ending(picture: bytes) -> str:
    return ".png" if picture.startswith(b"\x89PNG") else ".jpg"


async def cover_bytes(home: Path, result: Mapping[str, Any]) -> bytes:
    """The cover STEP2 settled on."""
    return await asyncio.to_thread((home / str(result["cover"])).read_bytes)
