"""What is done with productions in the queue: requeued, held, cancelled, moved up and down, opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from foundry_tui.console.doing import forecasting
from foundry_tui.console.screens.choice import confirm
from foundry_tui.console.screens.error import error_screen
from foundry_tui.domain.desk import ProductionLine
from foundry_tui.domain.plain import plain
from foundry_tui.domain.status import Status

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

_LISTED = 6


def _lines(app: ConsoleApp) -> list[ProductionLine]:
    return [row.data for row in app.queue.list.chosen() if isinstance(row.data, ProductionLine)]


async def perform(app: ConsoleApp, name: str) -> None:
    """Do a queue action."""
    if name == "view":
        app.say(f"Showing {app.queue.next_view()} productions.")
    elif name == "requeue":
        await requeue(app, _lines(app))
    elif name == "hold":
        await hold(app, _lines(app))
    elif name == "cancel":
        await cancel(app, _lines(app))
    elif name == "error":
        await show_error(app)
    elif name == "forecast":
        await forecasting.show(app, [(line.production.audiobook_id, line.book_name) for line in _lines(app)])
    elif name in {"sooner", "later"}:
        await change_priority(app, _lines(app), 10 if name == "sooner" else -10)


def _ids(lines: Sequence[ProductionLine]) -> list[str]:
    return [line.production.audiobook_id for line in lines]


async def requeue(app: ConsoleApp, lines: Sequence[ProductionLine]) -> None:
    """Put failed and cancelled ones back; the others are left alone, and it is said why."""
    stopped = [line for line in lines if line.production.status in {Status.FAILED, Status.CANCELLED}]
    if not stopped:
        app.say(_why_not(lines), "warn")
        return
    ids = _ids(stopped)
    done = await app.ask(lambda inner: inner.redo.requeue(ids))
    if done is None:
        return
    await app.ask(lambda inner: inner.woken())
    app.queue.list.forget_marks()
    app.house.note_change()
    left = len(lines) - len(done)
    words = f"{len(done)} of {len(lines)} requeued" if len(lines) > 1 else "Requeued"
    if not done:
        app.say("It is in the queue already.")
    elif len(lines) == 1:
        app.say(f"{words}: {plain(lines[0].book_name, 60)}, from {lines[0].at_step or 'its first step'}.", "ok")
    else:
        app.say(f"{words}{f'; {left} were not failed or cancelled' if left else ''}.", "ok")


def _why_not(lines: Sequence[ProductionLine]) -> str:
    if len(lines) > 1:
        return "None of the marked ones has failed or was cancelled."
    status = lines[0].production.status
    reasons = {
        Status.PROCESSING: "It is being worked on; cancel it first, or hold it.",
        Status.PENDING: "It is in the queue already.",
        Status.SUCCESS: "It is finished: open it and requeue the step you want made again.",
    }
    return reasons.get(status, "It cannot be requeued.")


async def hold(app: ConsoleApp, lines: Sequence[ProductionLine]) -> None:
    """Hold them all, or let them all go on where the first of them is held."""
    live = [line for line in lines if line.production.status in {Status.PENDING, Status.PROCESSING, Status.FAILED}]
    if not live:
        app.say("Only what is not finished can be held.", "warn")
        return
    held = live[0].production.paused_at is None
    ids = _ids(live)
    changed = await app.ask(lambda inner: inner.desk.hold(ids, held=held))
    if changed is not None:
        await app.ask(lambda inner: inner.woken())
        app.house.note_change()
        what = plain(live[0].book_name, 60) if len(live) == 1 else f"{changed} productions"
        app.say(f"{what}: held; work in hand stops at the next chunk." if held else f"{what}: goes on.", "ok")


async def cancel(app: ConsoleApp, lines: Sequence[ProductionLine]) -> None:
    """Cancel them; asked first where a worker has one in hand."""
    live = [line for line in lines if line.production.status not in {Status.SUCCESS, Status.CANCELLED}]
    if not live:
        app.say("Only what is not finished can be cancelled.", "warn")
        return
    running = sum(line.production.status is Status.PROCESSING for line in live)
    listed = "\n".join(f"  {plain(line.book_name, 60)}" for line in live[:_LISTED])
    more = f"\n  … and {len(live) - _LISTED} more" if len(live) > _LISTED else ""
    at_work = f", {running} of them at work" if running else ""
    if len(live) == 1 and running:
        at_work = ", at work"
    words = f"{len(live)} production{'s' if len(live) > 1 else ''}{at_work}:\n{listed}{more}\n\n"
    words += "What is finished is kept; r takes one up again."
    if await app.push_screen_wait(confirm("Cancel?", words, "Cancel them" if len(live) > 1 else "Cancel it")) != "yes":
        return
    ids = _ids(live)
    done = await app.ask(lambda inner: inner.desk.cancel(ids))
    if done is None:
        return
    app.queue.list.forget_marks()
    app.house.note_change()
    stopping = f" {done[1]} stop at the next chunk." if done[1] else ""
    app.say(f"{done[0]} cancelled.{stopping}", "ok")


async def change_priority(app: ConsoleApp, lines: Sequence[ProductionLine], by: int) -> None:
    """Move them up or down."""
    ids = _ids(lines)
    changed = await app.ask(lambda inner: inner.desk.change_priority(ids, by))
    if changed is not None:
        app.house.note_change()
        if not changed:
            app.say("The priority is as far as it goes.", "warn")
        elif len(changed) == 1:
            app.say(f"The priority of {plain(lines[0].book_name, 60)} is {next(iter(changed.values()))} now.", "ok")
        else:
            app.say(f"The priority of {len(changed)} productions was changed.", "ok")


async def show_error(app: ConsoleApp) -> None:
    """Why the one under the cursor failed."""
    row = app.queue.list.cursor_row
    line = row.data if row is not None else None
    if not isinstance(line, ProductionLine):
        return
    opened = await app.ask(lambda inner: inner.desk.open(line.production.audiobook_id))
    if opened is None:
        return
    if line.production.status is not Status.FAILED and not any(step.error_message for step in opened.steps):
        app.say("It has not failed.", "warn")
        return
    events = await app.ask(lambda inner: inner.loud_events(line.production.audiobook_id))
    app.push_screen(error_screen(opened, events or []))


async def open_row(app: ConsoleApp) -> None:
    """Open the production under the cursor."""
    row = app.queue.list.cursor_row
    if row is None:
        return
    from foundry_tui.console.screens.production import ProductionScreen

    app.push_screen(ProductionScreen(row.id))
