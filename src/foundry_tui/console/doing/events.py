"""What is done with the event log: filtered, and an event opened in full."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from foundry_tui.console.doing.saving import save
from foundry_tui.console.screens.reading import EventScreen
from foundry_tui.domain.events import Event
from foundry_tui.domain.plain import plain
from foundry_tui.domain.status import Level

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

_MOST_SAVED = 100_000  # the newest; `foundry-tui events --json` has no such bound
_SAID = {
    Level.DEBUG: "everything",
    Level.INFO: "info and up",
    Level.WARNING: "warnings and errors",
    Level.ERROR: "errors only",
}


async def perform(app: ConsoleApp, name: str) -> None:
    """Do an event log action."""
    pane = app.events
    if name == "level":
        app.say(f"Showing {_SAID[pane.next_level()]}.")
    elif name == "of_production":
        event = pane.rows.cursor_event
        pane.only_of(None if pane.audiobook_id is not None or event is None else event.audiobook_id)
    elif name == "export":
        await save_shown(app)


async def save_shown(app: ConsoleApp) -> None:
    """The events the filter lets through, all there are of them: a line each, or JSON where the file is named so."""
    pane = app.events
    text, level, of = pane.text or None, pane.level, pane.audiobook_id

    async def make(path: Path) -> bytes:
        from foundry_tui.operations.event_log import event_filter, event_json

        wanted = event_filter(audiobook_id=of, level=level, text=text)
        events, _ = await app.house.call(lambda inner: inner.foundry.events.last(_MOST_SAVED, wanted))
        if path.suffix in {".json", ".jsonl"}:
            lines = [json.dumps(event_json(event), ensure_ascii=False, default=str) for event in events]
        else:
            lines = [_line(event) for event in events]
        return ("\n".join(lines) + "\n").encode("utf-8")

    name = f"events_{of}.log" if of else "events.log"
    await save(app, f"Save {pane.count_words()}", name, make)


def _line(event: Event) -> str:
    of = event.audiobook_id or "foundry"
    return f"{event.timestamp} {event.level:<7} {plain(of)} {plain(event.step_number or '-')} {plain(event.message)}"


async def open_row(app: ConsoleApp) -> None:
    """The event under the cursor, in full."""
    event = app.events.rows.cursor_event
    if event is not None:
        app.push_screen(EventScreen(event, app.events.titles))
