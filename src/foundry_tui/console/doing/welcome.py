"""The first minutes: what was recovered, what is running elsewhere, and the sample one key away."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp


async def greet(app: ConsoleApp) -> None:
    """Say once what an operator should know who has just come in."""
    if app.glance is None:
        return
    if app.glance.daemon_pid is not None:
        app.say(f"A daemon (pid {app.glance.daemon_pid}) works this queue; this console watches and steers.")
    elif app.house.workers and os.environ.get("SSH_CONNECTION"):
        app.say("Work here stops with this connection. B hands it to a daemon that goes on without you.", "warn")
    elif not app.glance.counts.books:
        app.say("Welcome. a adds your first book, S brings in a sample, ? lists the keys.")


async def bring_sample(app: ConsoleApp) -> None:
    """The sample book and the starter narrators, where they are not there yet."""
    made = await app.ask(lambda inner: inner.bring_sample())
    if made is None:
        return
    app.house.note_change()
    if made:
        app.say("The sample book and the starter narrators are here: 1, then m makes it.", "ok")
    else:
        app.say("They were here already.")
