"""Open speech engines of one process: their guards, shared limits, money and news."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from foundry_tui.errors import FoundryError, UsageError
from foundry_tui.settings import CONFIG, Settings
from foundry_tui.store.database import Database

if TYPE_CHECKING:
    from foundry_tui.operations.purse import Purse
    from foundry_tui.voices.guard import GuardedEngine, Turns


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class EngineRoom:
    """Open speech engines, one of each name, opened at first use and shared by everything in this process."""

    def __init__(
        self, settings: Settings, database: Database | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Shared limits, the money ledger and what is told of the engines are kept in ``database``.

        Without one there are no such limits, nothing is told, and no engine that costs money speaks.
        """
        self._settings = settings
        self._database = database
        self._open: dict[str, GuardedEngine] = {}
        self._lock = asyncio.Lock()
        self._telling: set[asyncio.Task[None]] = set()
        self.purse = purse_of(settings, database, now) if database is not None else None

    async def get(self, name: str) -> GuardedEngine:
        """The engine of that name; raises EngineMissing."""
        from foundry_tui.voices.breaker import Breaker
        from foundry_tui.voices.engines import open_engine
        from foundry_tui.voices.guard import GuardedEngine

        async with self._lock:
            if name not in self._open:
                options = dict(self._settings.engine_options(name))
                at_once = int(options.pop("shared_concurrency", 0))
                per_minute = float(options.pop("requests_per_minute", 0.0))
                options.pop("queue", None)  # where its work waits is the dispatcher's affair
                try:
                    engine = open_engine(name, options)
                except UsageError as error:
                    place = f"[engines.{name}] in {self._settings.home / CONFIG}, or FOUNDRY_{name.upper()}_*"
                    raise UsageError(f"{error.message} It is set by {place}.", next_action=error.action) from error
                turns = self._turns(name, at_once, per_minute)
                breaker = Breaker(name, clock=time.monotonic, sleep=asyncio.sleep, on_change=self._told_of(name))
                self._open[name] = GuardedEngine(engine, turns=turns, till=self.purse, breaker=breaker)
            return self._open[name]

    def _told_of(self, name: str) -> Callable[[str, FoundryError | None], None]:
        """What tells the event log of a breaker's changes; it must not hold up the call that brought one about."""
        if self._database is None:
            return lambda _state, _error: None
        from foundry_tui.operations.engine_news import breaker_event, tell

        database = self._database

        def changed(state: str, error: FoundryError | None) -> None:
            task = asyncio.get_running_loop().create_task(tell(database, breaker_event(name, state, error)))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

        return changed

    def _turns(self, name: str, at_once: int, per_minute: float) -> Turns | None:
        if self._database is None or not (at_once or per_minute):
            return None
        from foundry_tui.pipeline.slots import SharedEngine

        return SharedEngine(self._database, f"engine:{name}", concurrency=at_once, requests_per_minute=per_minute)

    async def close(self) -> None:
        """End every connection and helper process."""
        while self._open:
            _, engine = self._open.popitem()
            await engine.close()
        await asyncio.gather(*self._telling)


def purse_of(settings: Settings, database: Database, now: Callable[[], datetime]) -> Purse:
    """What is spent on productions, under the caps of ``settings``."""
    from foundry_tui.domain.money import micros
    from foundry_tui.operations.purse import Purse

    return Purse(
        database,
        now,
        production_cap_micros=micros(settings.money.per_production_usd),
        day_cap_micros=micros(settings.money.per_day_usd),
    )
