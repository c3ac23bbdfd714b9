"""Lists to choose from: narrators, engines, voices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.console.screens.pick import Option, PickScreen
from foundry_tui.console.widgets.columns import Column
from foundry_tui.domain.languages import understood
from foundry_tui.errors import FoundryError, UsageError

if TYPE_CHECKING:
    from foundry_tui.console.contract import Console


def same_language(one: str, other: str) -> bool:
    """Whether two languages, however spelled, are the same."""
    try:
        return understood(one) == understood(other)
    except UsageError:
        return one == other


async def pick_narrator(app: Console, title: str, *, language: str, at: str | None = None) -> str | None:
    """A narrator, those of the book's language first; None where none was chosen."""
    from foundry_tui.domain.desk import Wanted

    window = await app.ask(lambda inner: inner.desk.narrators(Wanted()))
    if window is None:
        return None
    if not window.lines:
        app.say("There are no narrators yet: go to the Narrators (2) and press a, or S for the starter ones.", "warn")
        return None
    found = sorted(window.lines, key=lambda each: not same_language(each.language, language))
    options = [
        Option(
            each.narrator_id,
            (each.narrator_name, each.language, each.engine or "default engine", each.voice or "by language"),
        )
        for each in found
        if each.active
    ]
    columns = (Column("NARRATOR", 20, share=2), Column("LANG", 6), Column("ENGINE", 14), Column("VOICE", 14, share=1))
    chosen: str | None = await app.push_screen_wait(PickScreen(title, columns, options, at=at))
    return chosen


async def pick_engine(app: Console, at: str) -> str | None:
    """A speech engine."""
    from foundry_tui.voices.engines import engine_names

    options = []
    for name in engine_names():
        profile = await app.ask(lambda inner, name=name: inner.auditions.profile(name))  # type: ignore[misc]
        if profile is None:
            options.append(Option(name, (name, "cannot be opened here", "", "")))
            continue
        cost = profile.cost_per_million_characters
        facts = ("offline" if profile.offline else "online", f"${cost:g} a million characters" if cost else "free")
        options.append(Option(name, (name, *facts, "natural" if profile.natural else "plain")))
    columns = (Column("ENGINE", 12), Column("WHERE", 10), Column("COST", 26), Column("SOUND", 10, share=1))
    chosen: str | None = await app.push_screen_wait(PickScreen("Engine", columns, options, at=at))
    return chosen


async def pick_voice(app: Console, engine: str, language: str, at: str) -> str | None:
    """A voice of the engine's real list, those of the language first."""
    name = engine or app.settings.default_engine
    try:
        voices = await app.house.call(lambda inner: inner.voices(name))
    except FoundryError as error:
        app.say(f"{name}: {error.sentence()}", "bad")
        return None
    found = sorted(voices, key=lambda voice: (not same_language(voice.language, language or "eng"), voice.rank))
    options = [
        Option(voice.voice, (voice.voice, voice.name, voice.language, voice.locale, voice.gender, voice.accent))
        for voice in found
    ]
    columns = (
        Column("VOICE", 14, share=2),
        Column("NAME", 14, share=2),
        Column("LANG", 5),
        Column("LOCALE", 8, rank=2),
        Column("GENDER", 7, rank=1),
        Column("ACCENT", 10, share=1, rank=3),
    )
    chosen: str | None = await app.push_screen_wait(PickScreen(f"Voices of {name}", columns, options, at=at))
    return chosen
