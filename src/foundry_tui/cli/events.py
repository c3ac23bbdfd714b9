"""``events``: everything that happened, and everything as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import json_line, result, warn

if TYPE_CHECKING:
    from foundry_tui.domain.events import Event
    from foundry_tui.foundry import Foundry


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui events",
        "foundry-tui events 20250907120100 --level warning",
        "foundry-tui events --follow",
        "foundry-tui events --last 1000 --json",
    ),
)
@click.argument("audiobook_id", required=False)
@click.option(
    "--follow", "-f", is_flag=True, help="Go on showing events as they happen, of every process; Ctrl-C ends."
)
@click.option("--last", "count", type=click.IntRange(0, 1_000_000), default=50, show_default=True, help="How many.")
@click.option(
    "--level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="debug",
    help="At least this loud.",
)
@click.option("--kind", help="Only this kind, such as retry or step_failed.")
@click.option("--text", help="Only events with this in their message.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array; with --follow one JSON object a line.")
@click.pass_obj
def events(
    state: Globals,
    audiobook_id: str | None,
    follow: bool,
    count: int,
    level: str,
    kind: str | None,
    text: str | None,
    as_json: bool,
) -> None:
    """Show the newest events, oldest of them first: of one production, or of everything.

    Every step that began, ended, was retried or failed is here, with the time in UTC, and so are the house's own:
    workers that came and went, and what was put right after a crash. With --follow it goes on until Ctrl-C.
    """
    from foundry_tui.operations.event_log import event_filter, event_json

    wanted = event_filter(audiobook_id=audiobook_id, level=level, kind=kind, text=text)

    async def show(foundry: Foundry) -> None:
        if audiobook_id is not None:
            await foundry.productions.get(audiobook_id)
        found, cursor = await foundry.events.last(count, wanted)
        if as_json and not follow:
            json_line([event_json(event) for event in found])
            return
        for event in found:
            _show(event, as_json=as_json)
        if not found and not follow:
            warn("No such events yet.")
        if follow:
            async for event in foundry.events.follow(cursor, wanted):
                _show(event, as_json=as_json)

    def _show(event: Event, *, as_json: bool) -> None:
        if as_json:
            json_line(event_json(event))
        else:
            result(event_line(event))

    with_foundry(state, show)


def event_line(event: Event) -> str:
    """An event on one line: time, level where it is loud, production, step, message."""
    loud = f"{event.level.upper():<8}" if event.level in {"warning", "error"} else " " * 8
    where = f"{event.audiobook_id} {event.step_name or event.step_number or ''}" if event.audiobook_id else "foundry"
    return f"{event.timestamp}  {loud}{where:<32}  {event.message}"
