"""``rebuild``: productions put back at the first step that something changed for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from foundry_tui.cli.effects import agree, rebuilt
from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import json_line, result
from foundry_tui.errors import UsageError

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry
    from foundry_tui.operations.forecast import StepForecast


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui rebuild 20250907120100 --dry-run   # what would run again, and why",
        "foundry-tui rebuild 20250907120100",
        "foundry-tui rebuild --book pg11 --yes",
    ),
)
@click.argument("audiobook_ids", metavar="[AUDIOBOOK_ID]...", nargs=-1)
@click.option("--book", "book_id", help="Every production of this book that is not cancelled.")
@click.option("--dry-run", is_flag=True, help="Only say what would run again, and why.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, an object for each production.")
@click.pass_obj
def rebuild(
    state: Globals, audiobook_ids: Sequence[str], book_id: str | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Put productions back into the queue at the first step that something changed for.

    The source, the parser, your decisions about sections, the lexicon, a chunk's words, the narrator's voice, the
    settings: each step's inputs now are compared with those it last ran with. What nothing changed for is left alone,
    and of a step that runs again only what is not there already is made.
    """
    if not audiobook_ids and not book_id:
        raise UsageError("Which productions?", next_action="Give their ids, or --book BOOK_ID.")

    async def ask(foundry: Foundry) -> dict[str, tuple[StepForecast, ...]]:
        ids = [*audiobook_ids, *(await _of_book(foundry, book_id) if book_id else [])]
        return {
            audiobook_id: await foundry.forecast.of(audiobook_id, closely=True) for audiobook_id in dict.fromkeys(ids)
        }

    told = with_foundry(state, ask)
    wanted = [audiobook_id for audiobook_id, steps in told.items() if any(step.runs for step in steps)]
    if not as_json:
        for audiobook_id, steps in told.items():
            _say(audiobook_id, steps)
    done: list[str] = []
    if not dry_run and wanted:
        agree("Put them back into the queue?", yes=yes, costs=True, rebuild=False)
        done = with_foundry(state, lambda foundry: rebuilt(foundry, wanted))
    if as_json:
        json_line([_json(audiobook_id, steps, audiobook_id in done) for audiobook_id, steps in told.items()])
    elif not dry_run:
        for audiobook_id in wanted:
            queued = audiobook_id in done
            result(f"Requeued {audiobook_id}" if queued else f"{audiobook_id} is in the queue or in work already")


async def _of_book(foundry: Foundry, book_id: str) -> list[str]:
    shown = await foundry.catalog.show(book_id)
    return [made["audiobook_id"] for made in shown["productions"] if str(made["status"]) != "cancelled"]


def _say(audiobook_id: str, steps: Sequence[StepForecast]) -> None:
    running = [step for step in steps if step.runs]
    if not running:
        result(f"{audiobook_id}: nothing would run again.")
        return
    result(f"{audiobook_id}: {len(running)} of {len(steps)} steps would run")
    for step in running:
        result(f"  {step.step_number:<24}  {'; '.join(step.reasons)}")


def _json(audiobook_id: str, steps: Sequence[StepForecast], queued: bool) -> dict[str, Any]:
    return {
        "audiobook_id": audiobook_id,
        "queued": queued,
        "steps": [
            {"step_number": step.step_number, "runs": step.runs, "reasons": list(step.reasons)} for step in steps
        ],
    }
