"""From an action of the registry to what it does, or to the reason why it cannot be done now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.console.actions import Action
from foundry_tui.console.contract import ScopedScreen
from foundry_tui.console.doing import catalog, events, everywhere, lists, narrators, queue

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

_PANES = {"catalog": catalog.perform, "narrators": narrators.perform, "queue": queue.perform, "events": events.perform}
_WITHOUT_HOUSE = {"help", "command", "quit", "zoom", "theme", "next_pane", "previous_pane", "palette"}


async def do(app: ConsoleApp, action: Action) -> None:
    """Do it. What takes an answer of the operator runs in a worker of its own, so keys go on being heard."""
    screen = app.screen
    if isinstance(screen, ScopedScreen):
        if action.scope == "app":
            await everywhere.perform(app, action.name)
            return
        why = screen.reason(action.id)
        if why is not None:
            app.say(why, "warn")
        elif not await screen.perform(action.name) and action.id == "list.back":
            app.pop_screen()
        return
    if action.scope == "app":
        if not app.house.is_open and action.name not in _WITHOUT_HOUSE and not action.name.startswith("pane_"):
            app.say("The house is not open yet.", "warn")
            return
        await everywhere.perform(app, action.name)
        return
    if action.scope == "list":
        await lists.perform(app, action.name)
        return
    pane = app.pane if app.pane.scope == action.scope else app.pane_of(action.scope)
    why = "The house is not open yet." if not app.house.is_open else pane.reason(action.name)
    if why is not None:
        app.say(why, "warn")
        return
    app.run_worker(_PANES[action.scope](app, action.name), group=f"do_{action.id}", exit_on_error=False)
