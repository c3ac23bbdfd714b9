"""STEP1: the book's source becomes chapters and speakable chunks, every word accounted for."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_tui.domain.keys import key_of
from foundry_tui.domain.languages import english_name, understood
from foundry_tui.domain.status import Level
from foundry_tui.errors import ArtifactBroken, LanguageMismatch, UsageError
from foundry_tui.files import folder_lock, replace_folder, sha256_of, temp_beside, write_bytes, writing
from foundry_tui.pipeline.contract import Progress, StepContext, StepOutcome
from foundry_tui.steps.places import Places
from foundry_tui.steps.toolbox import Toolbox
from foundry_tui.text.chapter_json import KEY_FILE, load_chapters, made_from, write_chapters
from foundry_tui.text.corrected import SpokenTexts
from foundry_tui.text.find_source import find_source
from foundry_tui.text.options import ParseOptions
from foundry_tui.text.parse import ParsedBook, parse_novel
from foundry_tui.text.version import parser_version


class Parsing:
    """Find the source, parse it in a process of its own, swap the chapters folder in whole."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The source's bytes, the parser, its options, and what the operator decided about the book's sections."""
        return await self._parts(context, await self._options(context))

    async def _parts(self, context: StepContext, options: ParseOptions) -> dict[str, Any]:
        source = await asyncio.to_thread(self._source, context)
        return {
            "source": source.name,
            "source_sha256": await asyncio.to_thread(sha256_of, source),
            "parser": await asyncio.to_thread(parser_version),
            "language": understood(context.production.language),
            "options": _plain(options),
        }

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether the chapters folder is the one that was made."""
        places = Places.of(self._tools.home, context.production)
        return made_from(places.chapters) == result.get("key")

    async def ahead(self, context: StepContext, *, closely: bool = False) -> Sequence[str]:
        """Closely: how many chunks a parse now would give words that nobody has spoken for this production."""
        if not closely:
            return []
        places, corrections = Places.of(self._tools.home, context.production), await context.corrections()
        options = await self._options(context)
        source = await asyncio.to_thread(self._source, context)
        parsed = await self._tools.cpu.run(_parse, source, places.book_id, places.language, options)
        spoken = {str(take.key_parts.get("text")) for take in (await context.takes()).values()}
        said = await asyncio.to_thread(SpokenTexts(corrections).all, parsed.chapters)
        new = sum(text not in spoken for text in said)
        return [f"{new:,} of {len(said):,} chunks say what has not been spoken yet"]

    async def run(self, context: StepContext) -> StepOutcome:
        """Parse and write; events tell of extraction, chapters and preprocessing."""
        places = Places.of(self._tools.home, context.production)
        options = await self._options(context)
        key_parts = await self._parts(context, options)
        key = key_of(key_parts)
        with writing(places.in_language):
            places.in_language.mkdir(parents=True, exist_ok=True)
        made = await asyncio.to_thread(_chapters_of, places.chapters, key)
        if made is not None:
            await context.event("reused", "The chapters were parsed from this very source before.")
            await self._warn(context, made.get("warnings", ()))
            return _outcome(key, made)

        source = self._source(context)
        await context.event("reading", f"Reading {source.name}.", step_name="text_extraction")
        context.progress(Progress(message=f"parsing {source.name}"))
        language = str(key_parts["language"])
        parsed = await self._tools.cpu.run(_parse, source, places.book_id, language, options)
        await self._tell(context, parsed)
        context.checkpoint()
        return _outcome(key, await asyncio.to_thread(_write, parsed, places, key))

    async def _options(self, context: StepContext) -> ParseOptions:
        corrections = await context.corrections()
        return dataclasses.replace(self._tools.settings.parsing, overrides=corrections.overrides)

    def _source(self, context: StepContext) -> Path:
        production, book = context.production, context.book
        places = Places.of(self._tools.home, production)
        foreign = places.language != understood(book.language)
        named = self._tools.home / book.source_path if book.source_path else None
        if foreign and not places.in_language.is_dir():
            raise _mismatch(places, book.language)
        return find_source(
            places.in_language if foreign else places.book,
            places.book_id,
            source_path=None if foreign else named,
        )

    async def _tell(self, context: StepContext, parsed: ParsedBook) -> None:
        coverage = parsed.coverage
        await context.event(
            "chapters",
            f"{len(parsed.chapters)} chapters found.",
            step_name="chapter_detection",
            details={
                "chapters": [{"number": c.number, "title": c.title, "words": c.words} for c in parsed.chapters],
                "left_out": [
                    {"title": part.title, "words": part.words, "reason": part.reason} for part in parsed.left_out
                ],
            },
        )
        await context.event(
            "coverage",
            f"{coverage.source_words:,} words: {coverage.spoken:,} spoken, "
            f"{sum(coverage.replaced.values()):,} replaced, {sum(coverage.skipped.values()):,} skipped.",
            step_name="text_preprocessing",
            details={"replaced": dict(coverage.replaced), "skipped": dict(coverage.skipped)},
        )
        await self._warn(context, parsed.warnings)

    async def _warn(self, context: StepContext, warnings: Iterable[str]) -> None:
        for warning in warnings:
            await context.event("parse_warning", warning, level=Level.WARNING, step_name="text_preprocessing")


def _plain(options: ParseOptions) -> dict[str, Any]:
    """Options as a key keeps them."""
    values = dataclasses.asdict(options)
    return {**values, "rules_off": sorted(values["rules_off"]), "overrides": list(values["overrides"])}


def _parse(source: Path, book_id: str, language: str, options: ParseOptions) -> ParsedBook:
    return parse_novel(source, book_id=book_id, language=language, options=options)


def _write(parsed: ParsedBook, places: Places, key: str) -> dict[str, Any]:
    with folder_lock(places.in_language):
        staged = temp_beside(places.chapters)
        with writing(places.chapters):
            staged.mkdir()
        try:
            write_chapters(parsed, staged)
            write_bytes(staged / KEY_FILE, key.encode("ascii"))
            replace_folder(staged, places.chapters)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    made = _chapters_of(places.chapters, key)
    if made is None:
        raise UsageError("Another production parsed this book differently at the same time.")
    return made


def _chapters_of(folder: Path, key: str) -> dict[str, Any] | None:
    """The folder's own metadata when it was made from ``key`` and is whole."""
    if made_from(folder) != key:
        return None
    try:
        metadata, chapters = load_chapters(folder)
    except ArtifactBroken:
        return None
    return metadata if len(metadata["chapters"]) == len(chapters) else None


def _outcome(key: str, metadata: Mapping[str, Any]) -> StepOutcome:
    chapters = metadata["chapters"]
    words = sum(int(chapter["words"]) for chapter in chapters)
    chunks = sum(int(chapter["chunks"]) for chapter in chapters)
    return StepOutcome(
        result={"key": key, "chapters": len(chapters), "words": words, "chunks": chunks, "title": metadata["title"]},
        message=f"{len(chapters)} chapters, {words:,} words, {chunks:,} chunks.",
        totals={"chapters": len(chapters), "words": words, "chunks": chunks, "coverage": metadata.get("coverage")},
    )


def _mismatch(places: Places, book_language: str) -> LanguageMismatch:
    wanted = english_name(places.language)
    return LanguageMismatch(
        f"The production is in {wanted}, the book in {english_name(understood(book_language))}, and "
        f"foundry{os.sep}{places.book_id}{os.sep}{places.language} holds no source in {wanted}."
    )
