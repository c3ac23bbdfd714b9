"""What a change of words would cost, said beforehand; the question; and the rebuilding."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from foundry_tui.cli.out import note, result
from foundry_tui.errors import UsageError

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry
    from foundry_tui.operations.lexicon import Touched

YES = click.option("--yes", is_flag=True, help="Ask nothing.")
REBUILD = click.option("--rebuild", is_flag=True, help="Put the productions it touches back into the queue at once.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what it would change.")
_LISTED = 12


def touched_json(touched: Sequence[Touched]) -> list[dict[str, Any]]:
    """As the verbs' ``--json`` gives it."""
    return [
        {
            "audiobook_id": one.audiobook_id,
            "book_id": one.book_id,
            "narrator_id": one.narrator_id,
            "chunks": [f"{chapter}.{chunk}" for chapter, chunk in one.chunks],
            "of": one.of,
            "sample": one.sample,
        }
        for one in touched
    ]


def say_touched(touched: Sequence[Touched]) -> None:
    """Which chunks of which productions would be spoken again, on stderr; nothing where there are none."""
    if not touched:
        note("No chunk that has been spoken is touched.")
    for one in touched:
        chunks = "1 chunk" if len(one.chunks) == 1 else f"{len(one.chunks):,} chunks"
        note(f"{one.audiobook_id}  {one.book_name}, {one.narrator_id}: {chunks} of {one.of:,} to be spoken again")
        places = ", ".join(f"{chapter}.{chunk}" for chapter, chunk in one.chunks[:_LISTED])
        more = f" and {len(one.chunks) - _LISTED:,} more" if len(one.chunks) > _LISTED else ""
        note(f"    {places}{more}")
        note(f"    “{' '.join(one.sample.split())}”")


def agree(question: str, *, yes: bool, costs: bool, rebuild: bool) -> None:
    """Ask where something ``costs``; raises click.Abort for no. Without a terminal a rebuild needs ``--yes``."""
    if yes or not costs:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(question, abort=True, err=True)
    elif rebuild:
        raise UsageError("This puts finished audiobooks back into the queue.", next_action="Say --yes to agree to it.")


async def rebuilt(foundry: Foundry, audiobook_ids: Sequence[str]) -> list[str]:
    """Put productions back at the first step that would run; the ids that were."""
    return list(await foundry.forecast.rebuild(audiobook_ids)) if audiobook_ids else []


def say_rebuilt(done: Sequence[str], wanted: Sequence[str], *, rebuild: bool) -> None:
    """What was put back, and what is still to be done by hand."""
    if done:
        result(f"Back in the queue: {', '.join(done)}. Next: foundry-tui --run-all")
    left = [audiobook_id for audiobook_id in wanted if audiobook_id not in done]
    if rebuild and left:
        note(f"Left alone, for they wait there already, are being made just now or need nothing: {', '.join(left)}.")
    elif left:
        note(f"To hear it: foundry-tui rebuild {' '.join(left)}")
