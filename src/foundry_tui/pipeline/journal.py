"""What was committed is on the disk a second later, so that a power cut costs at most that second.

SQLite does not wait for the disk at every commit (synchronous is NORMAL): a finished chunk would pay for that with a
wait of its own, and files and rows find each other again anyway. Left to the system, the last half minute of rows and
events could be gone.
"""

from __future__ import annotations

import logging

from foundry_tui.endings import heed_cancel
from foundry_tui.errors import FoundryError
from foundry_tui.pipeline.clock import Clock
from foundry_tui.store.database import Database

log = logging.getLogger(__name__)


async def keep_on_disk(database: Database, clock: Clock, every_s: float) -> None:
    """Sync the database's journal every ``every_s`` seconds in which something was committed, until cancelled."""
    while True:
        heed_cancel()
        await clock.sleep(every_s)
        try:
            await database.sync()
        except (OSError, FoundryError):
            log.warning("the database's journal could not be synced", exc_info=True)
