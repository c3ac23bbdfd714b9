"""What the engines' circuit breakers have to tell, as events of the house."""

from __future__ import annotations

import logging

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level
from foundry_tui.errors import FoundryError
from foundry_tui.store.database import Database
from foundry_tui.store.events import append

_log = logging.getLogger(__name__)
_SAID = {
    "open": ("breaker_open", Level.WARNING, "{name} failed many times in a row: it is left alone for a while."),
    "half-open": ("breaker_half_open", Level.INFO, "One request finds out whether {name} is back."),
    "closed": ("breaker_closed", Level.INFO, "{name} answers again."),
}


def breaker_event(name: str, state: str, error: FoundryError | None) -> Event:
    """The event of a breaker's new state; ``error`` is the last one before it."""
    kind, level, said = _SAID[state]
    last = f" The last time: {error.message}" if error is not None and state == "open" else ""
    details = {"engine": name, "state": state, **({"code": error.code} if error is not None else {})}
    return Event(kind, said.format(name=name) + last, level=level, details=details)


async def tell(database: Database, event: Event) -> None:
    """Append it; where it cannot be the log says so, for no speech is lost by it."""
    try:
        async with database.write() as connection:
            await append(connection, [event])
    except FoundryError as error:
        _log.warning("%s (not in the event log: %s)", event.message, error.message)
