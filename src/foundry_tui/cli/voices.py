"""``voices``: what the speech engines have to offer, and voices installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundry_tui.cli.globals import Globals, Noun, Verb, global_options
from foundry_tui.cli.opening import run_async
from foundry_tui.cli.out import Column, json_line, listing, note, result, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from foundry_tui.settings import Settings
    from foundry_tui.voices.download import Fetched

_COLUMNS = (
    Column("ENGINE", "engine", 12),
    Column("VOICE", "voice", 36),
    Column("NAME", "name", 36),
    Column("LANG", "language", 5),
    Column("LOCALE", "locale", 12),
    Column("GENDER", "gender", 8),
    Column("ACCENT", "accent", 24),
)
_OFFERED = (
    Column("ENGINE", "engine", 12),
    Column("VOICE", "voice", 40),
    Column("LANG", "language", 8),
    Column("MB", "megabytes", 8, right=True),
    Column("INSTALLED", "installed_shown", 9),
)


def _filters(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--engine", help="The engine to ask; else the default one. `all` asks every one."),
            click.option("--language", help="Only voices of this language."),
            click.option("--gender", help="Only female or male voices."),
            click.option("--json", "as_json", is_flag=True, help="One JSON array."),
        )
    ):
        command = option(command)
    return command


@global_options
@click.group(cls=Noun, invoke_without_command=True)
@_filters
@click.pass_context
def voices(context: click.Context, engine: str | None, language: str | None, gender: str | None, as_json: bool) -> None:
    """List the voices of a speech engine, as `narrator add --engine E --voice V` takes them; install more.

    espeak is built in and speaks at once, without a network. edge has natural voices and needs the network. An engine
    that cannot be asked now says why; with `--engine all` the others are listed all the same. `voices` alone is
    `voices list`.
    """
    if context.invoked_subcommand is None:
        _list(context.ensure_object(Globals), engine, language, gender, as_json=as_json)


@voices.command(
    "list",
    cls=Verb,
    examples=("foundry-tui voices list", "foundry-tui voices list --engine piper --available"),
)
@_filters
@click.option("--available", is_flag=True, help="Of piper: what its catalog has, installed or not. Needs the network.")
@click.pass_obj
def list_(
    state: Globals, engine: str | None, language: str | None, gender: str | None, as_json: bool, available: bool
) -> None:
    """List an engine's voices: those that can speak now.

    With --available: those that can be installed, and whether they are.
    """
    if available:
        _offers(state, engine or "piper", language, as_json=as_json)
    else:
        _list(state, engine, language, gender, as_json=as_json)


@voices.command(
    "install",
    cls=Verb,
    examples=(
        "foundry-tui voices install piper:en_US-amy-medium",
        "foundry-tui voices install kokoro",
        "foundry-tui voices install piper:de_DE-thorsten-medium --from /media/usb/voices",
    ),
)
@click.argument("voice", metavar="ENGINE:VOICE")
@click.option("--url", help="The base address to fetch from; else download_url of the engine, else the public one.")
@click.option("--from", "source", type=click.Path(path_type=Path, file_okay=False), help="A folder with its files.")
@click.option("--sha256", help="What the model's SHA-256 must be.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array of the files.")
@click.pass_obj
def install(
    state: Globals, voice: str, url: str | None, source: Path | None, sha256: str | None, as_json: bool
) -> None:
    """Install a voice of piper, or kokoro with all of its voices.

    A broken line is taken up where it broke, by the next run too. A file is put in its place when it is whole and its
    checksum is right. Every voice has a licence of its own: read it before you publish.
    """
    from dataclasses import asdict

    from foundry_tui.voices.download import Downloads
    from foundry_tui.voices.install import Installer, described, split_name

    engine, name = split_name(voice)
    options = dict(state.settings().engine_options(engine))
    if url:
        options["download_url"] = url
    installer = Installer(engine, options)
    downloads = Downloads(installer.folder, on_progress=_progress())
    installer = Installer(engine, options, downloads)
    work = installer.install_from(name, source) if source else installer.install(name, sha256=sha256)
    files: list[Fetched] = run_async(work)
    if as_json:
        json_line([{**asdict(file), "path": str(file.path)} for file in files])
        return
    for file in files:
        result(described(file))
    result(f"Next: foundry-tui voices --engine {engine}")


def _progress() -> Callable[[str, int, int | None], None]:
    """Progress on stderr: one line that is written over on a terminal, one line a tenth elsewhere."""
    last: dict[str, int] = {}

    def show(name: str, done: int, total: int | None) -> None:
        tenth = 10 * done // total if total else done // (64 << 20)
        of = f" of {total / 1e6:,.1f}" if total else ""
        line = f"{name}: {done / 1e6:,.1f}{of} MB"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{line}" + ("\n" if done == total else ""))
            sys.stderr.flush()
        elif last.get(name) != tenth:
            last[name] = tenth
            note(line)

    return show


def _offers(state: Globals, engine: str, language: str | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from foundry_tui.domain.languages import understood
    from foundry_tui.voices.accents import language_of
    from foundry_tui.voices.install import Installer

    wanted = understood(language) if language else None
    found = run_async(Installer(engine, state.settings().engine_options(engine)).offers())
    rows: list[dict[str, Any]] = [
        {
            **asdict(offer),
            "megabytes": f"{offer.size_bytes / 1e6:.0f}",
            "installed_shown": "yes" if offer.installed else "",
        }
        for offer in found
        if wanted is None or language_of(offer.language) == wanted
    ]
    listing(rows, _OFFERED, as_json=as_json, empty=f"{engine} has no catalog at its address.")


def _list(state: Globals, engine: str | None, language: str | None, gender: str | None, *, as_json: bool) -> None:
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

    from foundry_tui.engine_room import EngineRoom
    from foundry_tui.errors import FoundryError
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
