"""What works in every list: moving, marking, filtering, sorting, copying, opening, going back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.console.doing import catalog, events, narrators, queue

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

_OPENERS = {"catalog": catalog.open_row, "narrators": narrators.open_row, "queue": queue.open_row}


async def perform(app: ConsoleApp, name: str) -> None:
    """Do a list action in the pane that has the keys."""
    pane = app.pane
    if pane.list.perform(name):
        return
    if name == "back":
        if app.zoomed and not pane.filtering and not pane.text and not pane.list.marked:
            app.zoom()
        elif not pane.back():
            app.say("Nothing to close here: q leaves.")
    elif name == "filter":
        await pane.open_filter()
    elif name == "sort":
        order = pane.next_order()
        app.say(f"Sorted by {order.replace('_', ' ')}." if order else "This list has one order: oldest first.")
    elif name == "reverse":
        if pane.orders:
            pane.reverse()
        else:
            app.say("This list has one order: oldest first.")
    elif name == "mark":
        app.say("Rows of this list cannot be marked.")
    elif name == "mark_all":
        await _mark_all(app)
    elif name == "copy":
        row = pane.list.cursor_row
        if row is None:
            app.say("There is no row to copy.", "warn")
            return
        app.say(app.copy("  ".join("".join(text for text, _ in cell).strip() for cell in row.cells)))
    elif name == "open":
        if pane.list.cursor_row is None:
            app.say("There is no row to open.", "warn")
        elif pane.scope == "events":
            await events.open_row(app)
        else:
            app.run_worker(_OPENERS[pane.scope](app), group="open", exclusive=True, exit_on_error=False)


async def _mark_all(app: ConsoleApp) -> None:
    pane = app.pane
    if pane.scope == "events":
        app.say("Rows of this list cannot be marked.")
        return
    if pane.list.forget_marks():
        return
    wanted, count = pane.wanted(), pane.count
    lines = await app.ask(lambda inner: pane.fetch_more(inner, wanted, 0, min(count, 100_000)))
    if lines is not None:
        pane.list.mark_rows([pane.row_of(line) for line in lines])
