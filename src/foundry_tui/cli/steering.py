"""``requeue``, ``cancel``, ``pause``, ``resume`` and ``priority``: productions steered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import complain, json_line, result
from foundry_tui.cli.wanted import wanted, wanted_options
from foundry_tui.errors import FoundryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from foundry_tui.foundry import Foundry

_IDS = click.argument("audiobook_ids", metavar="AUDIOBOOK_ID...", nargs=-1, required=True)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON array, an object for each production.")


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui requeue 20250907120100",
        "foundry-tui requeue 20250907120100 --step STEP3_audio_generation",
        "foundry-tui requeue 20250907120100 --allow-gaps",
        "foundry-tui requeue 20250907120100 --edition mp3,epub   # of a finished one: only these are made",
    ),
)
@_IDS
@click.option("--step", help="Begin at this step: STEP3_audio_generation, audio_generation, STEP3 or 3.")
@click.option("--allow-gaps/--no-gaps", default=None, help="Finish without the chunks that cannot be spoken, or not.")
@wanted_options
@_JSON
@click.pass_obj
def requeue(
    state: Globals,
    audiobook_ids: Sequence[str],
    step: str | None,
    allow_gaps: bool | None,
    editions: Sequence[str],
    spoken_credits: bool | None,
    one_file: bool | None,
    as_json: bool,
) -> None:
    """Put productions back into the queue, at the step that failed.

    What is finished stays: only that step and what depends on it run again, and chunks that were spoken well are not
    spoken twice. With --step it begins there even if it had succeeded, or at an earlier step that is not finished.
    Takes cancelled and poisoned ones too.
    """
    told = wanted(editions, spoken_credits, one_file)

    async def one(foundry: Foundry, audiobook_id: str) -> tuple[str, dict[str, Any]]:
        done = await foundry.steering.requeue(audiobook_id, step=step, allow_gaps=allow_gaps, told=told)
        at = f" at {done.next_step}" if done.next_step else ""
        said = f"Requeued {audiobook_id}{at}" if done.queued else f"{audiobook_id} is in the queue already{at}"
        if done.told:
            said += f"; it was told: {', '.join(done.told)}"
        return said, done.to_json()

    _each(state, audiobook_ids, one, as_json=as_json)


@click.command(cls=Verb, examples=("foundry-tui cancel 20250907120100",))
@_IDS
@_JSON
@click.pass_obj
def cancel(state: Globals, audiobook_ids: Sequence[str], as_json: bool) -> None:
    """Cancel productions; everything finished so far is kept.

    One that is being worked on stops at its next chunk. A cancelled production is left alone until `requeue`.
    """

    async def one(foundry: Foundry, audiobook_id: str) -> tuple[str, dict[str, Any]]:
        now = await foundry.steering.cancel(audiobook_id)
        said = "Cancelled" if now else "Stopping at the next chunk:"
        return f"{said} {audiobook_id}", {"audiobook_id": audiobook_id, "cancelled": now}

    _each(state, audiobook_ids, one, as_json=as_json)


@click.command(cls=Verb, examples=("foundry-tui pause 20250907120100",))
@_IDS
@_JSON
@click.pass_obj
def pause(state: Globals, audiobook_ids: Sequence[str], as_json: bool) -> None:
    """Pause productions: nobody works on them until `resume`.

    One that is being worked on stops at its next chunk; everything finished so far is kept.
    """

    async def one(foundry: Foundry, audiobook_id: str) -> tuple[str, dict[str, Any]]:
        made = await foundry.productions.pause(audiobook_id)
        return f"Paused {audiobook_id}", {"audiobook_id": audiobook_id, "paused_at": made.paused_at}

    _each(state, audiobook_ids, one, as_json=as_json)


@click.command(cls=Verb, examples=("foundry-tui resume 20250907120100",))
@_IDS
@_JSON
@click.pass_obj
def resume(state: Globals, audiobook_ids: Sequence[str], as_json: bool) -> None:
    """Let paused productions go on where they stopped.

    One that is not paused is left as it is: a failed or cancelled one comes back by `requeue`.
    """

    async def one(foundry: Foundry, audiobook_id: str) -> tuple[str, dict[str, Any]]:
        before = await foundry.productions.get(audiobook_id)
        if before.paused_at is None:
            said = f"{audiobook_id} was not paused: it is {before.status}"
        else:
            await foundry.productions.resume(audiobook_id)
            said = f"Resumed {audiobook_id}"
        resumed = before.paused_at is not None
        return said, {"audiobook_id": audiobook_id, "paused_at": None, "resumed": resumed}

    _each(state, audiobook_ids, one, as_json=as_json)


@click.command(
    cls=Verb, examples=("foundry-tui priority 10 20250907120100", "foundry-tui priority -- -5 20250907120100")
)
@click.argument("value", type=int)
@_IDS
@_JSON
@click.pass_obj
def priority(state: Globals, value: int, audiobook_ids: Sequence[str], as_json: bool) -> None:
    """Set the priority of productions: higher is worked on first, then older before younger.

    Everything begins at 0. Work in hand goes on; the next step taken is of the production that comes first.
    """

    async def one(foundry: Foundry, audiobook_id: str) -> tuple[str, dict[str, Any]]:
        made = await foundry.productions.set_priority(audiobook_id, value)
        said = f"{audiobook_id} has priority {made.priority}"
        return said, {"audiobook_id": audiobook_id, "priority": made.priority}

    _each(state, audiobook_ids, one, as_json=as_json)


def _each(
    state: Globals,
    audiobook_ids: Sequence[str],
    one: Callable[[Foundry, str], Awaitable[tuple[str, dict[str, Any]]]],
    *,
    as_json: bool,
) -> None:
    """Do it for every production; one that cannot be does not stop the others, but ends in its error."""

    async def every(foundry: Foundry) -> tuple[list[tuple[str, dict[str, Any]]], list[FoundryError]]:
        done, failed = [], []
        for audiobook_id in dict.fromkeys(audiobook_ids):
            try:
                done.append(await one(foundry, audiobook_id))
            except FoundryError as error:
                failed.append(error)
        return done, failed

    done, failed = with_foundry(state, every)
    if as_json:
        json_line([fact for _, fact in done])
    else:
        for said, _ in done:
            result(said)
    for error in failed[:-1]:
        complain(error)
    if failed:
        raise failed[-1]
