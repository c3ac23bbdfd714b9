"""The seven real steps in one process, on a small book and an engine that does as it is told."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import homes
from fakes.standin_engine import StandinEngine, speech_of
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.pipeline.pool import PoolSummary, WorkerPool
from foundry_tui.pipeline.room import free_bytes
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.steps.hearing import HearingSettings
from foundry_tui.steps.recipes import build_recipes
from foundry_tui.steps.toolbox import StepSettings, Toolbox
from foundry_tui.storage import LocalLibrary
from foundry_tui.store import requeue
from foundry_tui.store.database import Database
from foundry_tui.store.tables import audiobook_productions, books, narrators
from foundry_tui.store.upgrade import upgrade
from foundry_tui.voices.guard import GuardedEngine
from foundry_tui.voices.protocol import Speech, VoiceSettings
from foundry_tui.voices.recognisers import Recogniser

MADE = "20250101000001"
HURRY = 1000  # the guard's and breaker's waits pass this much faster
QUICK = PoolSettings(
    retry_base_s=0.02, retry_floor_s=0.01, poll_min_s=0.02, poll_max_s=0.1, reconcile_s=0.5, room_patience_s=0.2
)
_WORDS = (
    "the quiet harbour kept its boats close while evening came down over the long grey water and the lamps were lit"
)


def page(chapters: int = 3, sentences: int = 4, **changed: str) -> str:
    """A book's HTML; ``changed`` replaces the first sentence of a chapter (``two="…"``)."""
    names = ("one", "two", "three", "four", "five", "six")
    body = []
    for number in range(chapters):
        name = names[number % 6] + " more" * (number // 6)
        lines = [
            f"Sentence {names[k % 6]} of chapter {name}: {_WORDS}, again and again until {k + 3} o'clock."
            for k in range(sentences)
        ]
        if name in changed:
            lines[0] = changed[name]
        body.append(f'<h2 id="c{number}">Chapter {number + 1}</h2>' + "".join(f"<p>{line}</p>" for line in lines))
    return f"<html><head><title>A Small Book</title></head><body>{''.join(body)}</body></html>"


@dataclass
class Speaker(StandinEngine):
    """Speaks at a person's pace; ``spoil(text, nth)`` may change the sound."""

    natural_takes: bool = False  # not deterministic, so a bad take is spoken again
    spoil: Callable[[str, int], Callable[[bytes], bytes] | None] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.profile = dataclasses.replace(self.profile, deterministic=not self.natural_takes)

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        await super().synthesize(text, voice, settings)
        speech = speech_of(f"{voice}\0{text}", text, len(text) / 25)
        change = self.spoil(text, self.spoken[text]) if self.spoil else None
        return dataclasses.replace(speech, pcm=change(speech.pcm)) if change else speech


@dataclass
class House:
    """An open home with one book, one narrator and one production."""

    home: Path
    database: Database
    speaker: Speaker
    cpu: CpuPool
    free: Callable[[Path], int] = free_bytes

    async def get(self, name: str) -> GuardedEngine:
        async def soon(delay_s: float) -> None:
            await asyncio.sleep(delay_s / HURRY)

        assert name == "standin"
        return GuardedEngine(self.speaker, clock=lambda: time.monotonic() * HURRY, sleep=soon)

    def toolbox(self, recogniser: Recogniser | None = None, hearing: HearingSettings | None = None) -> Toolbox:
        """What the steps work with; ``recogniser`` listens as ``hearing`` says."""
        return Toolbox(
            home=self.home,
            trash=lambda: self.home / "trash",
            engines=self,
            cpu=self.cpu,
            library=LocalLibrary(self.home / "library"),
            settings=StepSettings("standin", "r128", hearing=hearing or HearingSettings()),
            free_bytes=self.free,
            recogniser=recogniser,
        )

    def recipes(self) -> Mapping[str, Recipe]:
        return build_recipes(self.toolbox())

    async def run(self, **how: Any) -> PoolSummary:
        pool = WorkerPool(self.database, self.recipes(), settings=QUICK, free=self.free)
        return await pool.run_until_idle(**how)

    async def requeue(self, step: str) -> None:
        recipes = self.recipes()
        plans = {name: recipe.steps for name, recipe in recipes.items()}
        async with self.database.write() as connection:
            await requeue.requeue(
                connection, MADE, plans, position=recipes["audiobook"].position(step), now=time.time()
            )

    def source(self, text: str) -> None:
        folder = self.home / "foundry" / "small"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "small.html").write_text(text, encoding="utf-8")

    async def value(self, statement: str) -> Any:
        (row,) = await self.database.fetch(statement)
        (value,) = row.values()
        return value

    async def parsed(self, statement: str) -> Any:
        """A value of JSON: PostgreSQL has it parsed already, SQLite as text."""
        found = await self.value(statement)
        return json.loads(found) if isinstance(found, str) else found

    async def steps(self) -> dict[str, str]:
        rows = await self.database.fetch("SELECT step_name, status FROM production_steps ORDER BY position")
        return {row["step_name"]: row["status"] for row in rows}

    async def told(self, kind: str) -> list[str]:
        rows = await self.database.fetch("SELECT kind, message FROM audiobook_process_events ORDER BY seq")
        return [row["message"] for row in rows if row["kind"] == kind]

    @property
    def chunks(self) -> list[Path]:
        return sorted((self.home / "foundry/small/eng/anna/audio_chunks").glob("*.flac"))

    @property
    def m4b(self) -> Path:
        (found,) = self.home.glob("library/*/*/*.m4b")
        return found


@asynccontextmanager
async def open_house(
    home: Path, cpu: CpuPool, speaker: Speaker | None = None, text: str | None = None, *, url: str | None = None
) -> AsyncIterator[House]:
    """A home at work; ``url`` names another database than the home's own."""
    (home / "database").mkdir(parents=True, exist_ok=True)
    database = Database.connect(url or homes.address(home))
    await upgrade(database, backup_folder=home / "database")
    house = House(home, database, speaker or Speaker(), cpu)
    house.source(text or page())
    async with database.write() as connection:
        book = {
            "id": "20250101000000",
            "book_id": "small",
            "book_name": "A Small Book",
            "author": "A. Writer",
            "language": "eng",
        }
        await connection.execute(books.insert().values(**book))
        anna = {"narrator_id": "anna", "narrator_name": "Anna", "language": "eng", "engine": "standin", "voice": "one"}
        await connection.execute(narrators.insert().values(**anna))
        made = {"audiobook_id": MADE, "book_id": "small", "narrator_id": "anna", "language": "eng"}
        await connection.execute(audiobook_productions.insert().values(**made))
    try:
        yield house
    finally:
        await database.close()
