"""What is done with the event log: filtered, and an event opened in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.console.screens.reading import EventScreen
from foundry_tui.domain.status import Level

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

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


async def open_row(app: ConsoleApp) -> None:
    """The event under the cursor, in full."""
    event = app.events.rows.cursor_event
    if event is not None:
        app.push_screen(EventScreen(event, app.events.titles))
