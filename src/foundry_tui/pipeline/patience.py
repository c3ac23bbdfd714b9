"""How long a run puts up with a database that is away, and with a disk that is full."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from foundry_tui.errors import DatabaseUnavailable, DiskFull
from foundry_tui.pipeline.clock import Clock
from foundry_tui.pipeline.room import RoomWatch
from foundry_tui.pipeline.settings import PoolSettings

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class Patience:
    """One run's; it begins anew whenever what was waited for is there again."""

    def __init__(self, room: RoomWatch, settings: PoolSettings, clock: Clock) -> None:
        self._room = room
        self._settings = settings
        self._clock = clock
        self._away_since: float | None = None
        self._cramped_since: float | None = None  # nothing is left but what waits for room
        self._full_since: float | None = None  # not even that can be written down

    async def ask(self, look: Callable[[], Awaitable[Answer]], *, otherwise: Answer) -> Answer:
        """``look``, forgiving a database that is away for less than a lease, or out of room."""
        try:
            answer = await look()
        except DiskFull as full:
            self._room.hold_queue(full)
            await self._clock.sleep(self._settings.poll_min_s)
            return otherwise
        except DatabaseUnavailable:
            now = self._clock.monotonic()
            self._away_since = now if self._away_since is None else self._away_since
            if now - self._away_since >= self._settings.lease_s:
                raise
            log.warning("the database could not be reached; it is tried again", exc_info=True)
            await self._clock.sleep(self._settings.poll_min_s)
            return otherwise
        self._away_since = None
        return answer

    def worked(self) -> None:
        """There was something else to do."""
        self._cramped_since = None

    def waits_for_room(self) -> bool:
        """Whether something waits for room on the disk, and it is not yet past waiting for."""
        now = self._clock.monotonic()
        since = self._cramped_since = (self._cramped_since or now) if self._room.waits else None
        return since is not None and now - since < self._settings.room_patience_s

    def past_writing(self) -> bool:
        """Whether the database has been out of room for too long. Raises DiskFull where nothing can be claimed."""
        now = self._clock.monotonic()
        since = self._full_since = (self._full_since or now) if self._room.unwritable else None
        if since is None or now - since < self._settings.room_patience_s:
            return False
        if self._room.refusal is not None:
            raise self._room.refusal
        return True
