"""A book's sections as they would be parsed now, and the operator's decisions about them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Book
from foundry_tui.domain.corrections import SectionDecision
from foundry_tui.domain.events import Event
from foundry_tui.domain.languages import understood
from foundry_tui.errors import NoChaptersDetected, UsageError
from foundry_tui.operations.book_text import source_of
from foundry_tui.store import catalog as book_rows
from foundry_tui.store import section_overrides as rows
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.text.options import ParseOptions
from foundry_tui.text.outline import OutlineEntry
from foundry_tui.text.overrides import ACTIONS
from foundry_tui.text.parse import ParsedBook, parse_novel, split_places

_UNFIT = "fits no section"


@dataclass(frozen=True, slots=True)
class OutlineSection:
    """A section in the order of the source; ``chapter_number`` is None where it is left out, for ``reason``."""

    title: str
    kind: str
    kept: bool
    reason: str
    words: int
    anchor: str
    text_hash: str
    chapter_number: int | None
    opening: str  # its first words


@dataclass(frozen=True, slots=True)
class OutlineBlock:
    """A paragraph or heading a section may be split at: by ``text_hash``."""

    chapter_number: int | None
    text_hash: str
    kind: str
    words: str  # its first words


@dataclass(frozen=True, slots=True)
class BookOutline:
    """A book's sections now; ``decided``: what the operator decided; ``unfit``: decisions that fit nothing."""

    book_id: str
    language: str
    title: str
    sections: tuple[OutlineSection, ...]
    decided: tuple[SectionDecision, ...] = ()
    unfit: tuple[str, ...] = ()


class Sections:
    """What a face may ask of a book's sections."""

    def __init__(self, database: Database, home: Path, options: ParseOptions) -> None:
        self._database = database
        self._home = home
        self._options = options

    async def outline(self, book_id: str, language: str | None = None) -> BookOutline:
        """Parse the book's source as a production in ``language`` (else the book's own) would, decisions included.

        Raises NotFound, SourceError and what else stops a parse.
        """
        book, wanted, decided = await self._decided(book_id, language)
        parsed = await self._parsed(book, wanted, [one.to_override() for one in decided])
        return BookOutline(
            book_id=book_id,
            language=wanted,
            title=parsed.title,
            sections=tuple(_section(entry) for entry in parsed.outline),
            decided=decided,
            unfit=tuple(warning for warning in parsed.warnings if _UNFIT in warning),
        )

    async def blocks(
        self, book_id: str, language: str | None = None, *, chapter: int | None = None
    ) -> tuple[OutlineBlock, ...]:
        """The blocks a narrated section may be split at, of one chapter where given; the first of each chapter is
        where it begins already. Raises UsageError where there is no such chapter.
        """
        book, wanted, decided = await self._decided(book_id, language)
        overrides = [one.to_override() for one in decided]
        parsed = await self._parsed(book, wanted, overrides)
        kept = [entry for entry in parsed.outline if entry.kept and chapter in {None, entry.number}]
        if not kept:
            raise UsageError(f"{book_id} has no chapter {chapter}.", next_action="See the outline without it.")
        source = await asyncio.to_thread(source_of, self._home, book, wanted)
        options = replace(self._options, overrides=tuple(overrides))
        found = await asyncio.to_thread(split_places, source, language=wanted, options=options)
        return tuple(
            OutlineBlock(entry.number, place.text_hash, place.kind, place.opening)
            for entry in kept
            for place in found.get(entry.source_span, ())
        )

    async def decide(
        self,
        book_id: str,
        action: str,
        *,
        anchor: str = "",
        text_hash: str = "",
        title: str = "",
        language: str | None = None,
    ) -> int:
        """Keep a decision (include, leave_out, rename, merge, split) about the section at ``anchor`` or ``text_hash``.

        Returns its id; it acts on the next parse. Raises UsageError for what is no decision or fits no section,
        NotFound.
        """
        if action not in ACTIONS:
            raise UsageError(f"{action!r} is no decision.", next_action=f"Choose of {', '.join(ACTIONS)}.")
        if not (anchor or text_hash):
            raise UsageError("Which section?", next_action="Name it by the anchor or the hash its outline shows.")
        if action == "rename" and not title.strip():
            raise UsageError("The section is to be called what?", next_action="Give the title.")
        book, wanted, decided = await self._decided(book_id, language)
        named = {"anchor": anchor, "text_hash": text_hash, "title": " ".join(title.split())}
        override = {"action": action, **{name: value for name, value in named.items() if value}}
        await self._check(book, wanted, [one.to_override() for one in decided], override)
        async with self._database.write() as connection:
            made = await rows.decide(connection, book_id=book_id, language=wanted, action=action, **named)
            what = named["title"] or anchor or text_hash
            told = f"{book_id}: {action.replace('_', ' ')} {what!r} was decided; it acts on the next parse."
            await append(connection, [Event("section_decided", told, details={"book_id": book_id, "id": made})])
        return made

    async def undo(self, book_id: str, override_ids: Sequence[int]) -> int:
        """Take decisions back; how many. Raises NotFound for one the book has not."""
        async with self._database.write() as connection:
            await book_rows.get_book(connection, book_id)
            count = await rows.undo(connection, book_id, override_ids)
            if count:
                told = f"{book_id}: {count} decisions about its sections were taken back."
                await append(connection, [Event("section_decided", told, details={"book_id": book_id})])
        return count

    async def _decided(self, book_id: str, language: str | None) -> tuple[Book, str, tuple[SectionDecision, ...]]:
        async with self._database.read() as connection:
            book = await book_rows.get_book(connection, book_id)
            wanted = understood(language or book.language)
            return book, wanted, await rows.decisions(connection, book_id, wanted)

    async def _parsed(self, book: Book, language: str, overrides: Sequence[Mapping[str, Any]]) -> ParsedBook:
        source = await asyncio.to_thread(source_of, self._home, book, language)
        options = replace(self._options, overrides=tuple(overrides))
        return await asyncio.to_thread(parse_novel, source, book_id=book.book_id, language=language, options=options)

    async def _check(
        self, book: Book, language: str, decided: Sequence[Mapping[str, Any]], override: Mapping[str, Any]
    ) -> None:
        """Raise UsageError where the new decision fits nothing, or would leave nothing to be narrated."""
        try:
            before = await self._parsed(book, language, decided)
            after = await self._parsed(book, language, [*decided, override])
        except NoChaptersDetected as error:
            raise UsageError("Then nothing of the book would be narrated.", next_action="Keep a section.") from error
        news = [warning for warning in after.warnings if warning not in before.warnings and _UNFIT in warning]
        if news:
            raise UsageError(
                news[0].replace(" any more", ""), next_action="Name it by the anchor or the hash the outline shows."
            )


def _section(entry: OutlineEntry) -> OutlineSection:
    return OutlineSection(
        title=entry.title,
        kind=entry.kind,
        kept=entry.kept,
        reason=entry.reason,
        words=entry.words,
        anchor=entry.anchor,
        text_hash=entry.text_hash,
        chapter_number=entry.number,
        opening=entry.opening,
    )
