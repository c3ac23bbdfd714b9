"""The roster: narrators added, listed, changed and removed, their voices checked where the engine can be asked."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from foundry_tui.domain.books import VOICE_KEPT, Narrator, voice_of
from foundry_tui.domain.events import Event
from foundry_tui.domain.ids import checked_narrator_id
from foundry_tui.domain.languages import understood
from foundry_tui.domain.status import Status
from foundry_tui.errors import FoundryError, UsageError
from foundry_tui.operations.productions import ALL
from foundry_tui.operations.removal import Removed, in_use, remove_with_files
from foundry_tui.store import productions as production_rows
from foundry_tui.store import roster as rows
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.removal import remove_narrator_with_productions

_EMPTIABLE = ("engine", "voice", "gender", "accent", "description", "sample_filepath", "fallback_narrator_id")


class AskableEngine(Protocol):
    """As much of a speech engine as the roster needs."""

    async def voices(self) -> Sequence[Any]:
        """Every voice there is."""
        ...


AskEngine = Callable[[str], Awaitable[AskableEngine]]


@dataclass(frozen=True, slots=True)
class NarratorEntry:
    """A narrator with the engine and voice that will speak, and what the operator should know of it."""

    narrator: Narrator
    default_engine: str
    remarks: tuple[str, ...] = ()
    productions: int = field(default=0)

    def to_json(self) -> dict[str, Any]:
        """As the listings print it."""
        narrator = self.narrator
        return {
            **asdict(narrator),
            "engine_shown": narrator.engine or f"{self.default_engine} (default)",
            "voice_shown": (narrator.voice if narrator.engine else None) or "by language and accent",
            "productions": self.productions,
            "remarks": list(self.remarks),
        }


class Roster:
    """What a face may ask of the narrators."""

    def __init__(
        self,
        database: Database,
        home: Path,
        library: Path,
        default_engine: str,
        engine: AskEngine,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._home = home
        self._library = library
        self._default_engine = default_engine
        self._engine = engine
        self._now = now

    async def add(
        self,
        narrator_id: str,
        *,
        narrator_name: str,
        language: str,
        settings: Sequence[str] = (),
        **facts: str | None,
    ) -> NarratorEntry:
        """Add a narrator. Raises UsageError, Conflict, NotFound (fallback), EngineMissing, VoiceMissing."""
        narrator = Narrator(
            narrator_id=checked_narrator_id(narrator_id),
            narrator_name=narrator_name,
            language=understood(language),
            settings=_merged({}, settings),
            **{name: value or None for name, value in facts.items()},  # type: ignore[arg-type]
        )
        remarks = await self._checked(narrator)
        async with self._database.write() as connection:
            stored = await rows.add_narrator(connection, narrator, now=self._now)
            await append(connection, [_told(stored, "narrator_added", "joined the roster")])
        return NarratorEntry(stored, self._default_engine, remarks)

    async def edit(self, narrator_id: str, *, settings: Sequence[str] = (), **facts: Any) -> NarratorEntry:
        """Change what is given (None is not given, "" takes it back); productions under way keep their voice."""
        changes = {name: value for name, value in facts.items() if value is not None}
        for name in _EMPTIABLE:
            if changes.get(name) == "":
                changes[name] = None
        if "language" in changes:
            changes["language"] = understood(changes["language"])
        if not changes and not settings:
            raise UsageError("Nothing to change was given.", next_action="See `foundry-tui narrator edit --help`.")
        async with self._database.read() as connection:
            before = await rows.get_narrator(connection, narrator_id)
        if settings:
            changes["settings"] = _merged(before.settings, settings)
        after = Narrator(**{**_fields(before), **changes})
        remarks = await self._checked(after)
        async with self._database.write() as connection:
            stored = await rows.update_narrator(connection, narrator_id, **changes)
            begun = await _keep_voice(connection, before) if voice_of(before) != voice_of(stored) else []
            changed = {"changed": sorted(changes), "kept_to_former_voice": begun}
            await append(connection, [_told(stored, "narrator_edited", "was changed", changed)])
        if begun:
            remarks = (*remarks, f"Begun already, and so kept to the former voice: {', '.join(begun)}.")
        return NarratorEntry(stored, self._default_engine, remarks)

    async def list(self, language: str | None = None) -> builtins.list[dict[str, Any]]:
        """Every narrator (of ``language``), by id, with its count of productions."""
        wanted = understood(language) if language else None
        async with self._database.read() as connection:
            found = await rows.list_narrators(connection, limit=100_000)
            counts = Counter(made.narrator_id for made in await production_rows.list_productions(connection, limit=ALL))
        return [
            NarratorEntry(each, self._default_engine, productions=counts.get(each.narrator_id, 0)).to_json()
            for each in found
            if wanted is None or _speaks(each, wanted)
        ]

    async def show(self, narrator_id: str) -> dict[str, Any]:
        """A narrator and the productions it is cast in; raises NotFound."""
        async with self._database.read() as connection:
            narrator = await rows.get_narrator(connection, narrator_id)
            made = await production_rows.list_productions(connection, narrator_id=narrator_id, limit=ALL)
        entry = NarratorEntry(narrator, self._default_engine, productions=len(made))
        return {"narrator": entry.to_json(), "productions": [asdict(production) for production in made]}

    async def remove(self, narrator_id: str, *, with_productions: bool = False) -> Removed:
        """Take a narrator off the roster; InUse with the list while productions exist, unless asked."""
        async with self._database.read() as connection:
            narrator = await rows.get_narrator(connection, narrator_id)
            made = await production_rows.list_productions(connection, narrator_id=narrator_id, limit=ALL)
        if made and not with_productions:
            raise in_use(narrator_id, made)
        return await remove_with_files(
            self._database,
            home=self._home,
            library=self._library,
            rows=lambda connection: remove_narrator_with_productions(connection, narrator_id),
            what=f"{narrator.narrator_id} ({narrator.narrator_name})",
            moment=self._now(),
        )

    async def _checked(self, narrator: Narrator) -> tuple[str, ...]:
        """Remarks on a narrator that can speak; raises where the settings, the engine or the voice cannot be."""
        from foundry_tui.voices.protocol import VoiceSettings

        VoiceSettings.from_mapping(narrator.settings)
        if narrator.fallback_narrator_id == narrator.narrator_id:
            raise UsageError(
                f"{narrator.narrator_id} cannot step in for itself.", next_action="Name another narrator as fallback."
            )
        if narrator.voice and not narrator.engine:
            return (f"The voice {narrator.voice} is used once an engine is named: --engine ENGINE.",)
        if not narrator.engine:
            return ()
        engine = await self._engine(narrator.engine)
        if not narrator.voice:
            return ()
        try:
            voices = await engine.voices()
        except FoundryError as error:
            if not error.retryable:
                raise
            return (f"{narrator.engine} could not be asked for its voices now ({error.message}): not checked.",)
        return _voice_remarks(narrator, voices)


def _told(narrator: Narrator, kind: str, what: str, details: Mapping[str, Any] | None = None) -> Event:
    name = f"{narrator.narrator_id} ({narrator.narrator_name})"
    return Event(kind, f"{name} {what}.", details={"narrator_id": narrator.narrator_id, **(details or {})})


async def _keep_voice(connection: Any, before: Narrator) -> builtins.list[str]:
    """Let the productions that have begun go on with the voice ``before`` had; returns their ids."""
    live = (Status.PENDING, Status.PROCESSING)
    kept = []
    for made in await production_rows.list_productions(
        connection, narrator_id=before.narrator_id, statuses=live, limit=ALL
    ):
        steps = await production_rows.list_steps(connection, made.audiobook_id)
        if all(step.status is Status.PENDING for step in steps):
            continue
        if VOICE_KEPT not in made.options:
            options = {**made.options, VOICE_KEPT: voice_of(before)}
            await production_rows.update_production(connection, made.audiobook_id, options=options)
        kept.append(made.audiobook_id)
    return kept


def _voice_remarks(narrator: Narrator, voices: Sequence[Any]) -> tuple[str, ...]:
    import difflib

    from foundry_tui.errors import VoiceMissing

    named = next((voice for voice in voices if voice.voice == narrator.voice), None)
    if named is None:
        near = difflib.get_close_matches(narrator.voice or "", [voice.voice for voice in voices], n=3, cutoff=0.5)
        hint = f"Near it: {', '.join(near)}." if near else f"List them: foundry-tui voices --engine {narrator.engine}."
        raise VoiceMissing(f"{narrator.engine} has no voice {narrator.voice!r}.", next_action=hint)
    if named.language and named.language != understood(narrator.language):
        return (f"The voice {narrator.voice} speaks {named.language}, the narrator {narrator.language}.",)
    return ()


def _merged(before: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """Voice settings with ``NAME=VALUE`` texts laid over them; ``NAME=`` takes one back."""
    merged = dict(before)
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"--set {text!r} is no NAME=VALUE.", next_action="For example --set rate=0.95.")
        if not value.strip():
            merged.pop(name, None)
            continue
        merged[name] = _number(value.strip())
    return merged


def _number(text: str) -> str | int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _speaks(narrator: Narrator, language: str) -> bool:
    try:
        return understood(narrator.language) == language
    except UsageError:
        return False


def _fields(narrator: Narrator) -> dict[str, Any]:
    return {name: getattr(narrator, name) for name in narrator.__dataclass_fields__}
