"""Money as an operator asks for it: what a book will cost, what a production has cost, what may still be spent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Book
from foundry_tui.domain.ids import checked_book_id
from foundry_tui.domain.languages import understood
from foundry_tui.domain.money import Spent, Standing, dollars, micros, price_micros
from foundry_tui.errors import FoundryError, UsageError
from foundry_tui.files import sha256_of
from foundry_tui.operations.purse import Purse
from foundry_tui.store import catalog as book_rows
from foundry_tui.store import productions as rows
from foundry_tui.store import roster as narrator_rows
from foundry_tui.store import spend
from foundry_tui.store.database import Database
from foundry_tui.text.find_source import find_source
from foundry_tui.text.options import ParseOptions

CAP = "cap_usd"  # of a production's options: what it may cost at most
MOST_CAP_USD = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Price:
    """What a book will cost at most. ``characters`` is None where the book cannot be read yet; 0 dollars is free."""

    engine: str
    usd_per_million: float
    characters: int | None = None

    @property
    def free(self) -> bool:
        """Whether the engine costs nothing."""
        return self.usd_per_million <= 0

    @property
    def micros(self) -> int | None:
        """In millionths of a dollar; None where it is not known yet."""
        if self.free:
            return 0
        return None if self.characters is None else price_micros(self.characters, self.usd_per_million)

    def sentence(self) -> str:
        """For an operator, before anything is ordered."""
        if self.free:
            return f"It costs nothing: {self.engine} is free."
        per = f"${self.usd_per_million:,g} a million"
        if self.micros is None:
            return f"{self.engine} costs {per} characters; how many there are is known once the book is parsed."
        return (
            f"It costs {dollars(self.micros)} at most, takes that have to be repeated apart: "
            f"{self.characters:,} characters at {per} ({self.engine})."
        )

    def to_json(self) -> dict[str, Any]:
        """As a production's totals keep it, and JSON prints it."""
        return {
            "engine": self.engine,
            "free": self.free,
            "characters": self.characters,
            "usd_per_million": self.usd_per_million,
            "price_usd": None if self.micros is None else self.micros / 1_000_000,
        }


class Money:
    """What a face may ask about money."""

    def __init__(
        self,
        database: Database,
        home: Path,
        purse: Purse,
        engine: Callable[[str], Awaitable[Any]],
        *,
        default_engine: str,
        default_narrator: str | None,
        options: ParseOptions,
    ) -> None:
        self._database = database
        self._home = home
        self._purse = purse
        self._engine = engine
        self._default_engine = default_engine
        self._default_narrator = default_narrator
        self._options = options

    async def price(self, book_id: str, *, narrator: str | None = None, language: str | None = None) -> Price | None:
        """What ``produce`` with these words would cost at most; None where nobody is named or the engine is not there.

        A book that costs money is read for it: counted are the characters of every chunk. What was spoken before by
        this very voice costs nothing again, so it may turn out less. Raises NotFound.
        """
        async with self._database.read() as connection:
            book = await book_rows.get_book(connection, book_id)
            named = narrator or book.narrator_id or self._default_narrator
            speaker = await narrator_rows.get_narrator(connection, named) if named else None
        if speaker is None:
            return None
        try:
            profile = (await self._engine(speaker.engine or self._default_engine)).profile
        except FoundryError:  # an engine that is not there today is told when the book is spoken
            return None
        cost = float(profile.cost_per_million_characters)
        if cost <= 0:
            return Price(profile.name, 0.0, None)
        try:
            characters = await asyncio.to_thread(self._characters, book, language)
        except FoundryError:
            return Price(profile.name, cost)
        return Price(profile.name, cost, characters)

    def over_cap(self, price: Price, cap_usd: float | None) -> str | None:
        """A sentence where the order's own cap, or else the settings', cannot hold its price; 0 dollars is no cap."""
        cap = self._purse.production_cap_micros if cap_usd is None else micros(cap_usd)
        if not cap or price.micros is None or price.micros <= cap:
            return None
        return f"Its cap of {dollars(cap)} cannot hold that: the run will stop before it buys anything."

    async def note(self, audiobook_id: str, price: Price) -> None:
        """Keep what an order was said to cost with it, for the lists."""
        async with self._database.write() as connection:
            made = await rows.get_production(connection, audiobook_id)
            await rows.update_production(connection, audiobook_id, totals={**made.totals, "price": price.to_json()})

    async def spent(self, audiobook_ids: Sequence[str]) -> dict[str, Spent]:
        """What these productions have cost so far; those that cost nothing are not in it."""
        async with self._database.read() as connection:
            return await spend.spent(connection, audiobook_ids)

    async def standing(self, audiobook_id: str) -> Standing:
        """How a production stands against its cap and today's."""
        async with self._database.read() as connection:
            made = await rows.get_production(connection, audiobook_id)
        cap = micros(made.options.get(CAP))
        return await self._purse.standing(audiobook_id, cap if cap is not None else self._purse.production_cap_micros)

    def _characters(self, book: Book, language: str | None) -> int:
        from foundry_tui.text.chapter_json import load_chapters
        from foundry_tui.text.parse import parse_novel

        own = understood(book.language)
        wanted = understood(language) if language else own
        folder = self._home / "foundry" / checked_book_id(book.book_id)
        named = self._home / book.source_path if book.source_path and wanted == own else None
        source = find_source(folder / wanted if wanted != own else folder, book.book_id, source_path=named)
        try:
            known, chapters = load_chapters(folder / wanted / "chapters")
            if known.get("source", {}).get("sha256") != sha256_of(source):
                raise UsageError("The chapters are of another source.")
        except FoundryError:
            chapters = parse_novel(source, book_id=book.book_id, language=wanted, options=self._options).chapters
        return sum(len(chunk.speech) for chapter in chapters for chunk in chapter.chunks)


def checked_cap(usd: float | None) -> float | None:
    """A cap as given; raises UsageError for one that cannot be."""
    if usd is not None and not 0 <= usd <= MOST_CAP_USD:
        raise UsageError(f"A cap of {usd:g} dollars cannot be.", next_action="Give US dollars from 0; 0 is no cap.")
    return usd
