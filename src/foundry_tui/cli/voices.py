"""``voices``: what the speech engines have to offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import run_async
from foundry_tui.cli.out import Column, listing, warn

if TYPE_CHECKING:
    from foundry_tui.settings import Settings

_COLUMNS = (
    Column("ENGINE", "engine", 12),
    Column("VOICE", "voice", 36),
    Column("NAME", "name", 36),
    Column("LANG", "language", 5),
    Column("LOCALE", "locale", 12),
    Column("GENDER", "gender", 8),
    Column("ACCENT", "accent", 24),
)


@click.command(
    cls=Verb,
    examples=("foundry-tui voices", "foundry-tui voices --engine edge --language fra", "foundry-tui voices --json"),
)
@click.option("--engine", help="The engine to ask; else the default one. `all` asks every one.")
@click.option("--language", help="Only voices of this language.")
@click.option("--gender", help="Only female or male voices.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def voices(state: Globals, engine: str | None, language: str | None, gender: str | None, as_json: bool) -> None:
    """List the voices of a speech engine, as `narrator add --engine E --voice V` takes them.

    espeak is built in and speaks at once, without a network. edge has natural voices and needs the network. An engine
    that cannot be asked now says why; with `--engine all` the others are listed all the same.
    """
    from foundry_tui.domain.languages import understood

    wanted = understood(language) if language else None
    settings = state.settings()
    found, troubles = run_async(_ask(settings, engine or settings.default_engine))
    for trouble in troubles:
        warn(trouble)
    rows = [
        voice
        for voice in found
        if (wanted is None or voice["language"] == wanted) and (gender is None or voice["gender"] == gender.casefold())
    ]
    listing(rows, _COLUMNS, as_json=as_json, empty="No voice fits.")


async def _ask(settings: Settings, name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Every voice of an engine, or of all, and what went wrong with those that could not be asked."""
    from dataclasses import asdict

    from foundry_tui.errors import FoundryError
    from foundry_tui.foundry import EngineRoom
    from foundry_tui.voices.engines import engine_names

    room = EngineRoom(settings)
    found: list[dict[str, Any]] = []
    troubles: list[str] = []
    try:
        for each in engine_names() if name == "all" else (name,):
            try:
                engine = await room.get(each)
                found += [asdict(voice) for voice in await engine.voices()]
            except FoundryError as error:
                if name != "all":
                    raise
                troubles.append(f"{each}: {error.sentence()}")
    finally:
        await room.close()
    return found, troubles
