"""``chunk``: what a single chunk says."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from foundry_tui.cli.effects import DRY_RUN, REBUILD, YES, agree, rebuilt, say_rebuilt
from foundry_tui.cli.globals import Globals, Noun
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import fields, json_line, note, result
from foundry_tui.errors import UsageError

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry
    from foundry_tui.operations.chunk_texts import ChunkText

_PLACE = click.argument("place", metavar="CHAPTER CHUNK", nargs=-1, required=True)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group(cls=Noun)
def chunk() -> None:
    """What a single chunk of a production says: show, edit, restore."""


@chunk.command(
    "show", examples=("foundry-tui chunk show 20250907120100 3 17", "foundry-tui chunk show 20250907120100 3.17")
)
@click.argument("audiobook_id")
@_PLACE
@_JSON
@click.pass_obj
def show(state: Globals, audiobook_id: str, place: Sequence[str], as_json: bool) -> None:
    """Show a chunk's words: as printed, as the book says them, and as they are spoken in the end."""
    chapter, index = _place(place)
    told = with_foundry(state, lambda foundry: foundry.chunk_texts.of(audiobook_id, chapter, index))
    if as_json:
        json_line(dataclasses.asdict(told))
        return
    fields(
        [
            ("Chapter", f"{told.chapter}  {told.title}"),
            ("Chunk", told.chunk),
            ("Printed", told.text),
            ("By the rules", told.original if told.original != told.text else None),
            ("Spoken", told.spoken),
            ("Edited", "yes" if told.overridden else "no"),
            ("Elsewhere", f"chunks with the same words: {told.elsewhere}" if told.elsewhere else None),
        ]
    )


@chunk.command(
    "edit",
    examples=(
        "foundry-tui chunk edit 20250907120100 3 17 --say 'Chapter the third.' --rebuild",
        "foundry-tui chunk edit 20250907120100 3 17     # in your editor",
    ),
)
@click.argument("audiobook_id")
@_PLACE
@click.option("--say", help="The words. Else your editor opens with the ones it has; from a pipe they are read.")
@DRY_RUN
@REBUILD
@YES
@_JSON
@click.pass_obj
def edit(
    state: Globals,
    audiobook_id: str,
    place: Sequence[str],
    say: str | None,
    dry_run: bool,
    rebuild: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Have a chunk say other words, in every production of the book.

    The edit hangs on the chunk's own words, so it survives a new parse; other chunks with the same words say the new
    ones too. The text readers see, in subtitles for one, stays the book's.
    """
    chapter, index = _place(place)
    before = with_foundry(state, lambda foundry: foundry.chunk_texts.of(audiobook_id, chapter, index))
    words = say if say is not None else _written(before)
    if words.split() == before.spoken.split():
        note("Nothing was changed.")
        return
    if not as_json:
        note(f"Now:  {before.spoken}")
        note(f"Then: {words.strip()}")
        _say_elsewhere(before)
    if dry_run:
        if as_json:
            json_line({**dataclasses.asdict(before), "rebuilt": []})
        return
    agree("Have it say that?", yes=yes or not rebuild, costs=True, rebuild=rebuild)

    async def work(foundry: Foundry) -> tuple[ChunkText, list[str]]:
        told = await foundry.chunk_texts.edit(audiobook_id, chapter, index, words)
        return told, await rebuilt(foundry, [audiobook_id]) if rebuild else []

    told, back = with_foundry(state, work)
    _done(told, back, "says other words", rebuild=rebuild, as_json=as_json)


@chunk.command("restore", examples=("foundry-tui chunk restore 20250907120100 3 17 --rebuild --yes",))
@click.argument("audiobook_id")
@_PLACE
@REBUILD
@YES
@_JSON
@click.pass_obj
def restore(state: Globals, audiobook_id: str, place: Sequence[str], rebuild: bool, yes: bool, as_json: bool) -> None:
    """Have a chunk say what the book says again."""
    chapter, index = _place(place)
    before = with_foundry(state, lambda foundry: foundry.chunk_texts.of(audiobook_id, chapter, index))
    if not before.overridden:
        note("It says what the book says already.")
        return
    agree("Have it say what the book says?", yes=yes or not rebuild, costs=True, rebuild=rebuild)

    async def work(foundry: Foundry) -> tuple[ChunkText, list[str]]:
        told = await foundry.chunk_texts.restore(audiobook_id, chapter, index)
        return told, await rebuilt(foundry, [audiobook_id]) if rebuild else []

    told, back = with_foundry(state, work)
    _done(told, back, "says what the book says", rebuild=rebuild, as_json=as_json)


def _done(told: ChunkText, back: Sequence[str], what: str, *, rebuild: bool, as_json: bool) -> None:
    if as_json:
        json_line({**dataclasses.asdict(told), "rebuilt": list(back)})
        return
    result(f"Chapter {told.chapter}, chunk {told.chunk} {what}.")
    say_rebuilt(back, [told.audiobook_id], rebuild=rebuild)


def _say_elsewhere(told: ChunkText) -> None:
    if told.elsewhere == 1:
        note("Another chunk of the book has the same words and changes with it.")
    elif told.elsewhere:
        note(f"{told.elsewhere} other chunks of the book have the same words and change with it.")


def _written(before: ChunkText) -> str:
    """The operator's words: from a pipe, or out of their editor."""
    if not sys.stdin.isatty():
        return sys.stdin.read()
    text = click.edit(before.spoken, extension=".txt")
    return before.spoken if text is None else text


def _place(typed: Sequence[str]) -> tuple[int, int]:
    """(chapter, chunk) of ``3 17`` or ``3.17``."""
    parts = typed[0].split(".") if len(typed) == 1 else typed
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"{' '.join(typed)!r} names no chunk.", next_action="Give CHAPTER CHUNK, such as 3 17.")
    return int(parts[0]), int(parts[1])
