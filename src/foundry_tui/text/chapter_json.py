"""Chapter JSON on disk: written once into an empty folder, read back with every field checked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundry_tui.domain.chapters import SCHEMA_VERSION, Chapter, Chunk
from foundry_tui.errors import ArtifactBroken, DiskFull, WriteFailed

if TYPE_CHECKING:
    from foundry_tui.text.parsed_book import ParsedBook

METADATA = "metadata.json"
KEY_FILE = ".key"  # which inputs a chapters folder was made from; travels with the folder when it is swapped in
_NO_SPACE = 28


def chapter_file(number: int) -> str:
    """The name of chapter ``number``'s file."""
    return f"chapter_{number:03d}.json"


def chapter_to_json(chapter: Chapter) -> dict[str, Any]:
    """The content of a chapter's file."""
    return {
        "schema_version": SCHEMA_VERSION,
        "number": chapter.number,
        "title": chapter.title,
        "kind": chapter.kind,
        "words": chapter.words,
        "chunks": [
            {
                "index": chunk.index,
                "text": chunk.text,
                "spoken": chunk.spoken,
                "kind": chunk.kind,
                "pause_after_ms": chunk.pause_after_ms,
                "source_span": list(chunk.source_span),
            }
            for chunk in chapter.chunks
        ],
    }


def metadata_to_json(parsed: ParsedBook) -> dict[str, Any]:
    """The content of metadata.json."""
    chunks = sum(len(chapter.chunks) for chapter in parsed.chapters)
    return {
        "schema_version": SCHEMA_VERSION,
        "book_id": parsed.book_id,
        "title": parsed.title,
        "author": parsed.author,
        "language": parsed.language,
        "source": {
            "file": parsed.source.file,
            "format": parsed.source.format,
            "sha256": parsed.source.sha256,
            "size_bytes": parsed.source.size_bytes,
        },
        "chapters": [
            {
                "number": chapter.number,
                "title": chapter.title,
                "kind": chapter.kind,
                "file": chapter_file(chapter.number),
                "words": chapter.words,
                "chunks": len(chapter.chunks),
            }
            for chapter in parsed.chapters
        ],
        "totals": {
            "chapters": len(parsed.chapters),
            "words": sum(chapter.words for chapter in parsed.chapters),
            "chunks": chunks,
        },
        "coverage": parsed.coverage.to_json(),
        "left_out": [left.to_json() for left in parsed.left_out],
        "warnings": list(parsed.warnings),
    }


def write_chapters(parsed: ParsedBook, folder: Path) -> tuple[Path, ...]:
    """Write metadata.json and chapter_NNN.json into the existing, empty ``folder``; all are on disk on return.

    Raises WriteFailed (DiskFull where that is the reason).
    """
    written: list[Path] = []
    try:
        written.extend(
            _write(folder / chapter_file(chapter.number), chapter_to_json(chapter)) for chapter in parsed.chapters
        )
        written.insert(0, _write(folder / METADATA, metadata_to_json(parsed)))
        _sync_folder(folder)
    except OSError as broken:
        kind = DiskFull if broken.errno == _NO_SPACE else WriteFailed
        said = f"The chapters cannot be written to {folder}: {broken.strerror or broken}."
        raise kind(said, details={"path": str(folder), "errno": broken.errno}) from broken
    return tuple(written)


def _write(path: Path, content: dict[str, Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_chapters(folder: Path) -> tuple[dict[str, Any], tuple[Chapter, ...]]:
    """(metadata, chapters) of a chapters folder; raises ArtifactBroken where a file is missing or not as written."""
    metadata = _read(folder / METADATA)
    try:
        listed = [(entry["number"], entry["file"], entry["chunks"]) for entry in metadata["chapters"]]
        if metadata["schema_version"] != SCHEMA_VERSION:
            raise ArtifactBroken(
                f"{folder / METADATA} has schema version {metadata['schema_version']}, not {SCHEMA_VERSION}."
            )
        chapters = tuple(_chapter(folder, number, name, chunks) for number, name, chunks in listed)
    except (KeyError, TypeError, ValueError) as broken:
        raise ArtifactBroken(f"The chapters in {folder} are not as they were written: {broken!r}.") from broken
    return metadata, chapters


def load_chapter(folder: Path, number: int) -> Chapter | None:
    """One chapter of a chapters folder, None where it has no such chapter; raises ArtifactBroken."""
    metadata = _read(folder / METADATA)
    try:
        listed = {entry["number"]: (entry["file"], entry["chunks"]) for entry in metadata["chapters"]}
        return _chapter(folder, number, *listed[number]) if number in listed else None
    except (KeyError, TypeError, ValueError) as broken:
        raise ArtifactBroken(f"The chapters in {folder} are not as they were written: {broken!r}.") from broken


def chapters_holding(folder: Path, words: Sequence[str]) -> tuple[int, tuple[Chapter, ...]]:
    """(chunks of all chapters, the chapters in which one of ``words`` may stand, in whatever case).

    Files without any of them are not taken apart: a question about a word goes through a whole library. Raises
    ArtifactBroken.
    """
    metadata = _read(folder / METADATA)
    # A longer word may be broken over spaces of any kind, and quotes are written with a stroke before them.
    wanted = {next(filter(None, re.split(r"[\s\"\\]+", word.casefold())), "") for word in words} - {""}
    chunks, found = 0, []
    try:
        for entry in metadata["chapters"]:
            chunks += int(entry["chunks"])
            content = (folder / entry["file"]).read_text("utf-8").casefold()
            if any(word in content for word in wanted):
                found.append(_chapter(folder, entry["number"], entry["file"], entry["chunks"]))
    except (KeyError, TypeError, ValueError, OSError) as broken:
        raise ArtifactBroken(f"The chapters in {folder} are not as they were written: {broken!r}.") from broken
    return chunks, tuple(found)


def made_from(folder: Path) -> str | None:
    """The key of the inputs a chapters folder was made from; None where there is no such folder."""
    try:
        return (folder / KEY_FILE).read_text("ascii")
    except (OSError, ValueError):
        return None


def _chapter(folder: Path, number: int, name: str, chunks: int) -> Chapter:
    if name != chapter_file(number):
        raise ArtifactBroken(f"{folder / METADATA} names {name!r} for chapter {number}.")
    content = _read(folder / name)
    chapter = Chapter(
        number=int(content["number"]),
        title=str(content["title"]),
        kind=str(content["kind"]),
        words=int(content["words"]),
        chunks=tuple(
            Chunk(
                index=int(chunk["index"]),
                text=str(chunk["text"]),
                kind=str(chunk["kind"]),
                pause_after_ms=int(chunk["pause_after_ms"]),
                source_span=(int(chunk["source_span"][0]), int(chunk["source_span"][1])),
                spoken=None if chunk["spoken"] is None else str(chunk["spoken"]),
            )
            for chunk in content["chunks"]
        ),
    )
    if chapter.number != number or len(chapter.chunks) != chunks:
        raise ArtifactBroken(
            f"{folder / name} holds {len(chapter.chunks)} chunks of chapter {chapter.number}, not {chunks} of {number}."
        )
    return chapter


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as broken:
        raise ArtifactBroken(f"{path} cannot be read: {broken}.") from broken
    if not isinstance(content, dict):
        raise ArtifactBroken(f"{path} holds no object.")
    return content
