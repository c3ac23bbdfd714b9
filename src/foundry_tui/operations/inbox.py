"""The drop folder: a book laid into <home>/inbox/ enters the catalog once it is wholly there.

A file is taken when two looks in a row, a moment apart, saw the same size and time, so never half copied. What was
taken is written into a ledger after it has succeeded: a failure stays eligible, and is tried again when the file
changes or the watcher starts anew. One process of a home watches at a time.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level
from foundry_tui.errors import FoundryError
from foundry_tui.files import TEMP_MARK, sha256_of
from foundry_tui.operations.book_files import ENDINGS
from foundry_tui.operations.catalog import Catalog
from foundry_tui.operations.productions import Productions
from foundry_tui.store.database import Database
from foundry_tui.store.events import append

_log = logging.getLogger(__name__)
SETTLE_S = 1.0
_LOOK_S = 5.0  # a folder on a network file system tells nobody of changes: it is looked at all the same


@dataclass(frozen=True, slots=True)
class _Sight:
    """A file as it was seen: it has settled when two sights are the same."""

    size: int
    mtime_ns: int


class Inbox:
    """Watches the inbox of one home."""

    def __init__(
        self,
        database: Database,
        home: Path,
        catalog: Catalog,
        productions: Productions,
        *,
        default_narrator: str | None,
        now: Callable[[], datetime],
        settle_s: float = SETTLE_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._folder = home / "inbox"
        self._ledger = home / "database" / "inbox.jsonl"
        self._lock = home / "database" / "inbox.lock"
        self._catalog = catalog
        self._productions = productions
        self._narrator = default_narrator
        self._now = now
        self.on_produced: Callable[[], None] = lambda: None
        self._settle_s = settle_s
        self._sleep = sleep
        self._failed: dict[str, _Sight] = {}
        self._taken: set[str] | None = None

    async def watch(self) -> None:
        """Take what lies there and what is laid there, until cancelled; waits while another process watches."""
        from watchfiles import awatch

        handle = await self._turn()
        try:
            await self.take_all()
            # A short debounce and a time-out: changes are told at once, and looked for now and then all the same.
            async for _ in awatch(
                self._folder, debounce=200, step=50, rust_timeout=int(_LOOK_S * 1000), yield_on_timeout=True,
                recursive=False, force_polling=None,
            ):  # fmt: skip
                await self.take_all()
        finally:
            os.close(handle)

    async def _turn(self) -> int:
        """Hold the lock of the one watcher; returns its handle."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                await self._sleep(_LOOK_S)
            else:
                return handle

    async def take_all(self) -> int:
        """Take every settled file that is not in the ledger; how many were."""
        before = await asyncio.to_thread(self._look)
        if not before:
            return 0
        await self._sleep(self._settle_s)
        after = await asyncio.to_thread(self._look)
        taken = 0
        for name, sight in after.items():
            if before.get(name) == sight and sight.size:
                taken += await self._take(self._folder / name, sight)
        return taken

    def _look(self) -> dict[str, _Sight]:
        """Files that could be books and were neither taken nor refused as they are."""
        found: dict[str, _Sight] = {}
        if not self._folder.is_dir():
            return found
        known = self._known()
        for entry in os.scandir(self._folder):
            path = Path(entry.path)
            if path.name.startswith((".", TEMP_MARK)) or path.suffix.casefold() not in ENDINGS:
                continue
            try:
                stat = entry.stat()
            except OSError:
                continue
            sight = _Sight(stat.st_size, stat.st_mtime_ns)
            key = f"{path.name}:{sight.size}:{sight.mtime_ns}"
            if entry.is_file() and key not in known and self._failed.get(path.name) != sight:
                found[path.name] = sight
        return found

    def _known(self) -> set[str]:
        if self._taken is None:
            self._taken = set()
            try:
                lines = self._ledger.read_text("utf-8").splitlines()
            except OSError:
                lines = []
            for line in lines:
                try:
                    row = json.loads(line)
                    self._taken |= {f"{row['name']}:{row['size']}:{row['mtime_ns']}", str(row["sha256"])}
                except (ValueError, KeyError, TypeError):
                    continue  # a line cut off by a crash: that file is looked at again
        return self._taken

    async def _take(self, path: Path, sight: _Sight) -> bool:
        try:
            sha256 = await asyncio.to_thread(sha256_of, path)
            if sha256 not in self._known():
                await self._enter(path)
        except (FoundryError, OSError) as error:
            self._failed[path.name] = sight
            said = error.sentence() if isinstance(error, FoundryError) else str(error)
            await self._tell("inbox_failed", f"{path.name} in the inbox could not be taken: {said}", Level.WARNING)
            return False
        await asyncio.to_thread(self._write, path.name, sight, sha256)
        return True

    async def _enter(self, path: Path) -> None:
        added = await self._catalog.add(path)
        await self._tell("inbox_added", f"{path.name} from the inbox is in the catalog as {added.book.book_id}.")
        narrator = added.book.narrator_id or self._narrator
        if narrator is None:
            return
        try:
            made = await self._productions.produce(added.book.book_id, narrator=narrator)
        except FoundryError as error:
            # The book is in; that nobody can read it is no reason to take it in again.
            await self._tell("inbox_failed", f"{path.name} was not produced: {error.sentence()}", Level.WARNING)
            return
        await self._tell("inbox_produced", f"{path.name} is produced as {made.production.audiobook_id}.")
        self.on_produced()

    def _write(self, name: str, sight: _Sight, sha256: str) -> None:
        row = {"name": name, "size": sight.size, "mtime_ns": sight.mtime_ns, "sha256": sha256}
        row["taken_at"] = self._now().isoformat(timespec="seconds")
        with self._ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._known().update({f"{name}:{sight.size}:{sight.mtime_ns}", sha256})

    async def _tell(self, kind: str, message: str, level: Level = Level.INFO) -> None:
        _log.info("%s", message)
        async with self._database.write() as connection:
            await append(connection, [Event(kind=kind, message=message[:2000], level=level)])
