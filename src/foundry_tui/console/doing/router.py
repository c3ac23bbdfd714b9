"""From an action of the registry to what it does, or to the reason why it cannot be done now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.console.actions import ACTIONS, SCOPES, Action
from foundry_tui.console.contract import ScopedScreen
from foundry_tui.console.doing import catalog, events, everywhere, lists, narrators, queue
from foundry_tui.console.keymap import keys_of

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

_PANES = {"catalog": catalog.perform, "narrators": narrators.perform, "queue": queue.perform, "events": events.perform}
_BY_TABS = {"app.next_pane": "next_tab", "app.previous_pane": "previous_tab"}
_WITHOUT_HOUSE = {"help", "command", "quit", "zoom", "theme", "next_pane", "previous_pane", "palette"}


def elsewhere(app: ConsoleApp, key: str) -> str:
    """What ``key`` does in another pane, in words; empty where it does nothing anywhere."""
    here = app.screen.scope if isinstance(app.screen, ScopedScreen) else app.pane.scope
    scopes = {*SCOPES} - {here, "list", "app"}
    found = [action for action in ACTIONS if action.scope in scopes and key in keys_of(action.id, app.keys)]
    in_panes = [(place, action) for action in found for place, scope in enumerate(_PANES, 1) if action.scope == scope]
    if in_panes:
        place, action = in_panes[0]
        return f"{action.short}: that is done in the {SCOPES[action.scope]} ({place})."
    if not found:
        return ""
    scope = SCOPES[found[0].scope]
    return f"{found[0].short}: not here, but in {scope[0].lower()}{scope[1:]}."


async def do(app: ConsoleApp, action: Action) -> None:
    """Do it. What takes an answer of the operator runs in a worker of its own, so keys go on being heard."""
    screen = app.screen
    if isinstance(screen, ScopedScreen):
        await _on_screen(app, screen, action)
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


async def _on_screen(app: ConsoleApp, screen: ScopedScreen, action: Action) -> None:
    if action.id in _BY_TABS:
        if not await screen.perform(_BY_TABS[action.id]):
            app.say("There is one list here.")
        return
    if action.id == "app.zoom":
        app.say("This has the whole screen already: esc goes back.")
        return
    if action.scope == "app":
        await everywhere.perform(app, action.name)
        return
    why = screen.reason(action.id)
    if why is not None:
        app.say(why, "warn")
    elif await screen.perform(action.name):
        return
    elif action.id == "list.back":
        app.pop_screen()
    else:
        app.say(f"{action.short}: not in this list.", "warn")
