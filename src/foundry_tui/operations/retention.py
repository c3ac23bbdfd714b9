"""Upkeep: what is old is forgotten, once a day, by whoever works the queue as a daemon, and when it is asked for."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from foundry_tui.errors import FoundryError
from foundry_tui.store.database import Database
from foundry_tui.store.retention import prune

_log = logging.getLogger(__name__)
_DAY_S = 86_400.0
_LOOK_S = 900.0
_STAMP = "last_prune"


@dataclass(frozen=True, slots=True)
class Kept:
    """How many days events, jobs and rotated logs are kept; 0 keeps them for ever."""

    events_days: int = 90
    jobs_days: int = 90
    logs_days: int = 30


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was deleted of each kind."""

    production_events: int
    app_events: int
    jobs: int
    logs: int

    def to_json(self) -> dict[str, Any]:
        """As ``db prune --json`` prints it."""
        return asdict(self)


class Upkeep:
    """Forgets what is old in one home."""

    def __init__(self, database: Database, home: Path, kept: Kept, now: Callable[[], datetime]) -> None:
        self._database = database
        self._home = home
        self._kept = kept
        self._now = now

    async def prune(self, *, days: int | None = None) -> Forgotten:
        """Forget what is older than the settings say, or than ``days``."""
        kept = self._kept if days is None else Kept(days, days, days)
        gone = await prune(self._database, keep_days=kept.events_days, jobs_days=kept.jobs_days, now=self._now)
        logs = await asyncio.to_thread(self._prune_logs, kept.logs_days)
        forgotten = Forgotten(gone.production_events, gone.app_events, gone.jobs, logs)
        if any(asdict(forgotten).values()):
            _log.info("forgot %s", forgotten)
        return forgotten

    def _prune_logs(self, days: int) -> int:
        """Rotated logs only: the one in use is rotated by its size."""
        gone = 0
        if days:
            oldest = self._now().timestamp() - days * _DAY_S
            for path in (self._home / "logs").glob("*.log.*"):
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)
                    gone += 1
        return gone

    async def daily(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Prune once a day for as long as it runs; several daemons, or one started often, still do it once."""
        while True:
            try:
                if await asyncio.to_thread(self._is_due):
                    await self.prune()
            except (FoundryError, OSError):
                _log.warning("nothing could be forgotten; it is tried again", exc_info=True)
            await sleep(_LOOK_S)

    def _is_due(self) -> bool:
        """Whether the last time is a day ago; it counts as done from now on."""
        stamp, now = self._home / "database" / _STAMP, self._now().timestamp()
        if stamp.exists() and now - stamp.stat().st_mtime < _DAY_S:
            return False
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()
        os.utime(stamp, (now, now))
        return True
