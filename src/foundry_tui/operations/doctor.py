"""The doctor: everything a home needs looked at, each finding with what to do. Mending is operations.repairs'."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from foundry_tui.domain.status import Level
from foundry_tui.errors import FoundryError
from foundry_tui.files import TEMP_MARK
from foundry_tui.operations.repairs import Home, flaws
from foundry_tui.operations.setup import TABLES_GONE, has_spoken_books
from foundry_tui.store import health
from foundry_tui.store.database import Database

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_LEVELS = {Level.DEBUG: OK, Level.INFO: OK, Level.WARNING: WARNING, Level.ERROR: PROBLEM}
_LOW_BYTES = 5 * 1024**3  # a long book with all its chunks takes about this much
_EMPTY_BYTES = 500 * 1024**2
_UNSOUND = ("database", "integrity", "schema")
_GRAVE = ("references", "stranded productions", "secrets", "lost sound", "published")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ``level`` ok, warning or problem, and what to do unless it is ok.

    ``repair`` says what mending it does (operations.repairs, by its subject); None where only the operator can.
    """

    level: str
    subject: str
    sentence: str
    action: str | None = None
    where: tuple[str, ...] = ()
    repair: str | None = None


class Engine(Protocol):
    """As much of a speech engine as the doctor needs."""

    async def voices(self) -> Any:
        """Every voice there is."""
        ...


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at. ``engines`` open by name; ``offline`` says whether an engine needs no network."""

    home: Path
    library: Path
    database_url: str
    is_ready: bool
    default_engine: str
    engine_names: tuple[str, ...]
    open_engine: Callable[[str], Awaitable[Any]]
    folders: tuple[str, ...] = ()


async def examine(patient: Patient, *, thorough: bool = False) -> AsyncIterator[Finding]:
    """Findings, as they are made; ``thorough`` proves every index and every published audiobook too: minutes, maybe."""
    yield await asyncio.to_thread(_home, patient)
    for folder in (patient.home / "foundry", patient.home / "logs", patient.library):
        yield await asyncio.to_thread(_writable, folder)
    for place in dict.fromkeys(_disk_of(each) for each in (patient.home, patient.library)):
        yield await asyncio.to_thread(_disk, place)
    async for finding in _database(patient, thorough=thorough):
        yield finding
    for name in patient.engine_names:
        yield await _engine(patient, name)


def _now() -> datetime:
    return datetime.now(UTC)


def _home(patient: Patient) -> Finding:
    if patient.is_ready:
        return Finding(OK, "home", f"{patient.home} is a Foundry home.")
    if patient.database_url.startswith("sqlite") and has_spoken_books(patient.home):
        return Finding(PROBLEM, "home", f"Spoken books lie in {patient.home}, and its tables are gone.", TABLES_GONE)
    return Finding(WARNING, "home", f"{patient.home} is no Foundry home yet.", "Run `foundry-tui init`.")


def _writable(folder: Path) -> Finding:
    subject = f"folder {folder.name}"
    if not folder.exists():
        return Finding(WARNING, subject, f"{folder} is not there; it is made when needed.", "Run `foundry-tui init`.")
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=TEMP_MARK):
            return Finding(OK, subject, f"{folder} can be written.")
    except OSError as error:
        return Finding(
            PROBLEM, subject, f"{folder} cannot be written: {error.strerror}.", "Make it writable for this user."
        )


def _disk_of(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    while not os.path.ismount(folder):
        folder = folder.parent
    return folder


def _disk(mount: Path) -> Finding:
    free = shutil.disk_usage(mount).free
    said = f"{free / 1e9:,.1f} GB free on {mount}."
    if free < _EMPTY_BYTES:
        return Finding(PROBLEM, "disk", said, "Free some space: not even a short book fits.")
    if free < _LOW_BYTES:
        return Finding(WARNING, "disk", said, "A long book may not fit: free some space.")
    return Finding(OK, "disk", said)


async def _database(patient: Patient, *, thorough: bool) -> AsyncIterator[Finding]:
    try:
        database = Database.connect(patient.database_url)
    except FoundryError as error:
        yield Finding(PROBLEM, "database", error.message, error.action)
        return
    try:
        if database.sqlite_path and not await asyncio.to_thread(Path(database.sqlite_path).is_file):
            yield Finding(WARNING, "database", f"{database.where} is not there yet.", "Run `foundry-tui init`.")
            return
        told = await health.examine(database, thorough=thorough)
        sound = not any(found.level is Level.ERROR and found.name in _UNSOUND for found in told)
        home = Home(patient.home, patient.library, patient.folders)
        looked = [flaw async for flaw in flaws(database, home, _now, thorough=thorough)] if sound else []
        mended = {flaw.subject for flaw in looked}
        for found in told:
            if found.name not in mended:  # told there with more of it
                yield Finding(_LEVELS[found.level], found.name, found.message, found.action or None)
        for flaw in looked:
            level = PROBLEM if flaw.subject in _GRAVE else WARNING
            yield Finding(level, flaw.subject, flaw.sentence, flaw.action, flaw.where, flaw.repair)
        if sound and "leftovers" not in mended:
            yield Finding(OK, "leftovers", "No half-written files lie about.")
    except FoundryError as error:
        yield Finding(PROBLEM, "database", error.message, error.action)
    finally:
        await database.close()


async def _engine(patient: Patient, name: str) -> Finding:
    subject = f"engine {name}"
    used = " (the default one)" if name == patient.default_engine else ""
    try:
        engine = await patient.open_engine(name)
        voices = await engine.voices()
    except FoundryError as error:
        level = PROBLEM if used else WARNING
        return Finding(level, subject, f"{error.message}{used}", error.action)
    languages = {voice.language for voice in voices}
    return Finding(OK, subject, f"{len(voices):,} voices in {len(languages)} languages{used}.")


def worst(findings: Iterable[Finding]) -> str:
    """The worst level among ``findings``."""
    levels = {finding.level for finding in findings}
    return PROBLEM if PROBLEM in levels else WARNING if WARNING in levels else OK


def finding_json(finding: Finding) -> Mapping[str, Any]:
    """As ``doctor --json`` prints it."""
    return {
        "level": finding.level,
        "subject": finding.subject,
        "sentence": finding.sentence,
        "action": finding.action,
        "where": list(finding.where),
        "repair": finding.repair,
    }
