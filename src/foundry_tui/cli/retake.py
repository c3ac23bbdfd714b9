"""``retake``: single chunks spoken again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from foundry_tui.cli.effects import agree
from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import note, result
from foundry_tui.domain.money import dollars
from foundry_tui.errors import UsageError

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry


_SPEAKING = "audio_generation"


@click.command(
    cls=Verb, examples=("foundry-tui retake 20250907120100 3.17", "foundry-tui retake 20250907120100 3.17 4.2")
)
@click.argument("audiobook_id")
@click.argument("chunks", metavar="CHAPTER.CHUNK...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask, even where it costs money.")
@click.pass_obj
def retake(state: Globals, audiobook_id: str, chunks: Sequence[str], yes: bool) -> None:
    """Speak single chunks again: 3.17 is the 17th chunk of chapter 3.

    Only those and what follows from them are made again, by the next run or a running daemon. On an engine that says
    the same text the same way every time it is refused: change the text or the voice instead. What it makes run, and
    what that costs, is said first; where it costs money a terminal is asked.
    """
    places = list(dict.fromkeys(_place(text) for text in chunks))

    async def ahead(foundry: Foundry) -> tuple[str, int]:
        await foundry.redo.may_retake(audiobook_id, places)
        told = await foundry.forecast.of(audiobook_id, retaken=places)
        speaking = next((step.reasons for step in told if step.step_name == _SPEAKING), ())
        return "; ".join(speaking), await foundry.redo.costs(audiobook_id, places)

    async def again(foundry: Foundry) -> int:
        return len((await foundry.redo.retake(audiobook_id, places)).places)

    foretold, price = with_foundry(state, ahead)
    if foretold:
        note(f"{foretold}.")
    if price:
        note(f"Of the chunks you named another take costs {dollars(price)}.")
    agree("Have it spoken again?", yes=yes, costs=price > 0, rebuild=False)
    count = with_foundry(state, again)
    result(f"{count} chunk{'s' if count != 1 else ''} of {audiobook_id} will be spoken again.")


def _place(text: str) -> tuple[int, int]:
    chapter, _, chunk = text.partition(".")
    if not (chapter.isdigit() and chunk.isdigit()):
        raise UsageError(f"{text!r} names no chunk.", next_action="Give CHAPTER.CHUNK, such as 3.17.")
    return int(chapter), int(chunk)
