"""``narrator``: the roster."""

from __future__ import annotations

from typing import Any

import click

from foundry_tui.cli.globals import Globals, Noun
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import Column, fields, json_line, listing, result, warn

_COLUMNS = (
    Column("NARRATOR", "narrator_id", 28),
    Column("NAME", "narrator_name", 28),
    Column("LANG", "language", 5),
    Column("ACCENT", "accent", 16),
    Column("GENDER", "gender", 8),
    Column("ENGINE", "engine_shown", 18),
    Column("VOICE", "voice_shown", 28),
    Column("PRODUCTIONS", "productions", 11, right=True),
)


def _facts(command: Any) -> Any:
    """The options ``add`` and ``edit`` share."""
    for option in reversed(
        (
            click.option("--engine", help="The speech engine; see `foundry-tui voices`. Else the default engine."),
            click.option("--voice", help="The engine's own name of the voice. Else by language, accent and gender."),
            click.option("--gender", help="female or male: a wish where no voice is named."),
            click.option("--accent", help="british, mexican …: a wish where no voice is named."),
            click.option("--description", help="A line about this voice."),
            click.option("--sample", "sample_filepath", help="Path of a recorded sample, relative to the home."),
            click.option("--fallback", "fallback_narrator_id", help="Narrator who may step in when the engine fails."),
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="NAME=VALUE",
                help="A voice setting: rate=0.95, pitch_percent=-5, volume=1.0. Again for more; NAME= takes it back.",
            ),
            click.option("--json", "as_json", is_flag=True, help="The narrator as one JSON object."),
        )
    ):
        command = option(command)
    return command


@click.group(cls=Noun)
def narrator() -> None:
    """The roster: add, list, show, edit and remove narrators."""


@narrator.command(
    "add",
    examples=(
        "foundry-tui narrator add nora --name 'Nora Teller' --language eng --accent british --gender female",
        "foundry-tui narrator add sonia --name Sonia --language eng --engine edge --voice en-GB-SoniaNeural",
    ),
)
@click.argument("narrator_id")
@click.option("--name", "narrator_name", required=True, help="As listeners will read it.")
@click.option("--language", required=True, help="ISO 639 code or name.")
@_facts
@click.pass_obj
def add(state: Globals, /, narrator_id: str, as_json: bool, **facts: Any) -> None:
    """Add a narrator.

    A name, a language and, if you like, the engine and voice that speak. A narrator without an engine is spoken by
    the configured default engine, espeak out of the box; it needs no network and sounds like a machine. Engine and
    voice are checked where the engine can be asked.
    """
    added = with_foundry(state, lambda foundry: foundry.roster.add(narrator_id, **facts))
    _told(added, "Added", as_json=as_json)


@narrator.command("list", examples=("foundry-tui narrator list", "foundry-tui narrator list --language fra"))
@click.option("--language", help="Only narrators of this language.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_(state: Globals, language: str | None, as_json: bool) -> None:
    """List the narrators.

    Each with the engine and voice that will speak, and how many productions it is cast in.
    """
    rows = with_foundry(state, lambda foundry: foundry.roster.list(language))
    empty = "No narrators yet: foundry-tui narrator add ID --name NAME --language LANGUAGE."
    listing(rows, _COLUMNS, as_json=as_json, empty=empty)


@narrator.command("show", examples=("foundry-tui narrator show nora",))
@click.argument("narrator_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(state: Globals, narrator_id: str, as_json: bool) -> None:
    """Show one narrator.

    Who it is, which engine and voice speak, and the productions it is cast in.
    """
    shown = with_foundry(state, lambda foundry: foundry.roster.show(narrator_id))
    if as_json:
        json_line(shown)
        return
    facts = shown["narrator"]
    fields(
        [
            ("Narrator", facts["narrator_id"]),
            ("Name", facts["narrator_name"]),
            ("Language", facts["language"]),
            ("Accent", facts["accent"]),
            ("Gender", facts["gender"]),
            ("Engine", facts["engine_shown"]),
            ("Voice", facts["voice_shown"]),
            ("Settings", ", ".join(f"{name}={value}" for name, value in facts["settings"].items()) or None),
            ("Fallback", facts["fallback_narrator_id"]),
            ("Sample", facts["sample_filepath"]),
            ("Description", facts["description"]),
            ("Active", "yes" if facts["active"] else "no"),
        ]
    )
    for made in shown["productions"]:
        result(f"  {made['audiobook_id']}  {made['book_id']}  {made['language']}  {made['status']}")


@narrator.command(
    "edit",
    examples=(
        "foundry-tui narrator edit nora --engine edge --voice en-GB-SoniaNeural",
        "foundry-tui narrator edit nora --engine '' --voice ''     # back to the default engine",
        "foundry-tui narrator edit nora --set rate=0.95",
    ),
)
@click.argument("narrator_id")
@click.option("--name", "narrator_name", help="As listeners will read it.")
@click.option("--language", help="ISO 639 code or name.")
@click.option("--active/--inactive", "active", default=None, help="An inactive narrator is offered for nothing new.")
@_facts
@click.pass_obj
def edit(state: Globals, /, narrator_id: str, as_json: bool, **facts: Any) -> None:
    """Change a narrator.

    An empty value takes an option back. The change applies to productions whose audio has not been begun; those under
    way keep the voice they have.
    """
    changed = with_foundry(state, lambda foundry: foundry.roster.edit(narrator_id, **facts))
    _told(changed, "Changed", as_json=as_json)


@narrator.command("rm", examples=("foundry-tui narrator rm nora",))
@click.argument("narrator_id")
@click.option("--with-productions", is_flag=True, help="Also remove the narrator's productions and what they made.")
@click.option("--json", "as_json", is_flag=True, help="What was removed, as one JSON object.")
@click.pass_obj
def rm(state: Globals, narrator_id: str, with_productions: bool, as_json: bool) -> None:
    """Take a narrator off the roster.

    Refuses while there are productions of this narrator, and lists them. With --with-productions they go too: their
    files move to the home's trash and their rows are deleted, all or nothing.
    """
    removed = with_foundry(state, lambda foundry: foundry.roster.remove(narrator_id, with_productions=with_productions))
    if as_json:
        json_line(removed.to_json())
        return
    result(f"Removed {removed.what}.")
    for place in removed.trashed:
        result(f"  {place}")


def _told(told: Any, verb: str, *, as_json: bool) -> None:
    for line in told.remarks:
        warn(line)
    if as_json:
        json_line(told.to_json())
        return
    facts = told.to_json()
    result(f"{verb} {facts['narrator_id']}: {facts['narrator_name']}, {facts['engine_shown']}, {facts['voice_shown']}")
