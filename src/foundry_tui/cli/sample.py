"""``sample``: a narrator's sample made, or sent as WAV to whatever plays it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from foundry_tui.cli.globals import Globals, Noun
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import result, warn

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry

_USAGE = 2


@click.group(cls=Noun)
def sample() -> None:
    """A narrator's sample: made, or sent to a player."""


@sample.command(
    "cat",
    examples=(
        "foundry-tui sample cat sonia | ffplay -nodisp -autoexit -",
        "ssh HOST foundry-tui sample cat sonia | ffplay -nodisp -autoexit -",
    ),
)
@click.argument("narrator_id")
@click.pass_obj
def cat(state: Globals, narrator_id: str) -> None:
    """Write the narrator's kept sample to stdout as WAV: heard over SSH without a port."""
    if sys.stdout.isatty():
        warn(
            "That is sound: send it to a player, as in `foundry-tui sample cat NARRATOR | ffplay -nodisp -autoexit -`."
        )
        raise SystemExit(_USAGE)

    async def read(foundry: Foundry) -> bytes:
        return (await foundry.auditions.sample(narrator_id)).wav

    sys.stdout.buffer.write(with_foundry(state, read))
    sys.stdout.buffer.flush()


@sample.command(
    "make", examples=("foundry-tui sample make sonia", 'foundry-tui sample make sonia --text "Good evening."')
)
@click.argument("narrator_id")
@click.option("--text", help="What to say; else a passage in the narrator's language.")
@click.pass_obj
def make(state: Globals, narrator_id: str, text: str | None) -> None:
    """Have the narrator speak, and keep it as the sample."""

    async def speak(foundry: Foundry) -> str:
        heard = await foundry.auditions.speak(narrator_id, text)
        path = await foundry.auditions.keep(heard)
        return f"{path}  {heard.seconds:.1f} s, {heard.loudness_lufs} LUFS"

    result(with_foundry(state, speak))
