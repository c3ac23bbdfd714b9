"""The drop folder: a book laid into <home>/inbox/ enters the catalog once it is wholly there.

A file is taken when two looks in a row, a moment apart, saw the same size and time, so never half copied. What was
taken is written into ``inbox_files`` after it has succeeded: a failure stays eligible, and is tried again when the
file changes or the watcher starts anew. One process of a home watches at a time.
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
from foundry_tui.errors import DatabaseUnavailable, DiskFull, FoundryError
from foundry_tui.files import TEMP_MARK, sha256_of
from foundry_tui.operations.book_files import ENDINGS
from foundry_tui.operations.catalog import Catalog
from foundry_tui.operations.productions import Productions
from foundry_tui.store import inbox_files
from foundry_tui.store.columns import moment_text
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.inbox_files import InboxFile

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
        self._old_ledger = home / "database" / "inbox.jsonl"
        self._lock = home / "database" / "inbox.lock"
        self._catalog = catalog
        self._productions = productions
        self._narrator = default_narrator
        self._now = now
        self.on_produced: Callable[[], None] = lambda: None
        self._settle_s = settle_s
        self._sleep = sleep
        self._failed: dict[str, _Sight] = {}
        self._taken: set[tuple[str, _Sight]] = set()  # what the table is known to hold: it is not asked again

    async def watch(self) -> None:
        """Take what lies there and what is laid there, until cancelled; waits while another process watches."""
        from watchfiles import awatch

        handle = await self._turn()
        try:
            await self._kindly(self.take_over)
            await self._kindly(self.take_all)
            # A short debounce and a time-out: changes are told at once, and looked for now and then all the same.
            async for _ in awatch(
                self._folder, debounce=200, step=50, rust_timeout=int(_LOOK_S * 1000), yield_on_timeout=True,
                recursive=False, force_polling=None,
            ):  # fmt: skip
                await self._kindly(self.take_all)
        finally:
            os.close(handle)

    async def _kindly(self, look: Callable[[], Awaitable[int]]) -> None:
        try:
            await look()
        except Exception:  # noqa: BLE001 - a full disk, a server that starts anew: the next look finds what is left
            _log.warning("the inbox could not be looked through; it is tried again", exc_info=True)

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

    async def take_over(self) -> int:
        """Rows of the ledger file that older versions kept go into the table, once; how many were new."""
        rows = await asyncio.to_thread(_ledger_rows, self._old_ledger)
        if rows is None:
            return 0
        async with self._database.write() as connection:
            written = await inbox_files.remember(connection, rows)
        # Only now: cut off before, it is done again, and what is there already is left as it is.
        await asyncio.to_thread(self._old_ledger.rename, self._old_ledger.with_name("inbox.jsonl.bak"))
        return written

    async def take_all(self) -> int:
        """Take every settled file that was not taken yet; how many were."""
        before = await self._untaken()
        if not before:
            return 0
        await self._sleep(self._settle_s)
        after = await asyncio.to_thread(self._look)
        taken = 0
        for path, sight in after.items():
            if before.get(path) == sight and sight.size:
                taken += await self._take(path, sight)
        return taken

    async def _untaken(self) -> dict[Path, _Sight]:
        """Files that could be books and were neither taken nor refused as they are."""
        found = await asyncio.to_thread(self._look)
        sights = [(said_name(path), sight.size, sight.mtime_ns) for path, sight in found.items()]
        if sights:
            async with self._database.read() as connection:
                taken = await inbox_files.taken(connection, sights)
            self._taken |= {(name, _Sight(size, mtime_ns)) for name, size, mtime_ns in taken}
        return {path: sight for path, sight in found.items() if (said_name(path), sight) not in self._taken}

    def _look(self) -> dict[Path, _Sight]:
        found: dict[Path, _Sight] = {}
        if not self._folder.is_dir():
            return found
        for entry in os.scandir(self._folder):
            path = Path(entry.path)
            if path.name.startswith((".", TEMP_MARK)) or path.suffix.casefold() not in ENDINGS:
                continue
            try:
                stat = entry.stat()
            except OSError:
                continue
            sight = _Sight(stat.st_size, stat.st_mtime_ns)
            known = (said_name(path), sight) in self._taken or self._failed.get(path.name) == sight
            if entry.is_file() and not known:
                found[path] = sight
        return found

    async def _take(self, path: Path, sight: _Sight) -> bool:
        name = said_name(path)
        book_id = None
        try:
            sha256 = await asyncio.to_thread(sha256_of, path)
            async with self._database.read() as connection:
                known = await inbox_files.holds(connection, sha256)
            if not known:
                book_id = await self._enter(path)
        except (DatabaseUnavailable, DiskFull):
            raise  # no fault of the file's
        except Exception as error:  # noqa: BLE001 - one file that cannot be taken never keeps the others out
            self._failed[path.name] = sight
            await self._tell("inbox_failed", f"{name} in the inbox could not be taken: {_said(error)}", Level.WARNING)
            return False
        file = InboxFile(name, sight.size, sight.mtime_ns, sha256, book_id, moment_text(self._now()))
        async with self._database.write() as connection:
            await inbox_files.remember(connection, [file])
        self._taken.add((name, sight))
        return True

    async def _enter(self, path: Path) -> str:
        name = said_name(path)
        added = await self._catalog.add(path)
        book_id = str(added.book.book_id)
        await self._tell("inbox_added", f"{name} from the inbox is in the catalog as {book_id}.")
        narrator = added.book.narrator_id or self._narrator
        if narrator is None:
            return book_id
        try:
            made = await self._productions.produce(book_id, narrator=narrator)
        except FoundryError as error:
            # The book is in; that nobody can read it is no reason to take it in again.
            await self._tell("inbox_failed", f"{name} was not produced: {error.sentence()}", Level.WARNING)
            return book_id
        await self._tell("inbox_produced", f"{name} is produced as {made.production.audiobook_id}.")
        self.on_produced()
        return book_id

    async def _tell(self, kind: str, message: str, level: Level = Level.INFO) -> None:
        _log.info("%s", message)
        async with self._database.write() as connection:
            await append(connection, [Event(kind=kind, message=message[:2000], level=level)])


def _said(error: Exception) -> str:
    if isinstance(error, FoundryError):
        return error.sentence()
    if isinstance(error, OSError):
        return str(error)
    _log.error("a file in the inbox could not be taken", exc_info=error)
    fault = f"{type(error).__name__}: {error}"
    return f"A fault in Foundry: {fault}. The log has the whole of it; add the file with `foundry-tui book add`."


def said_name(path: Path) -> str:
    """A file's name as tables and sentences can hold it: bytes that are no UTF-8 are written out."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def _ledger_rows(ledger: Path) -> list[InboxFile] | None:
    """What the old ledger says; None where there is none."""
    try:
        lines = ledger.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
            rows.append(InboxFile(str(row["name"]), int(row["size"]), int(row["mtime_ns"]), str(row["sha256"])[:64]))
        except (ValueError, KeyError, TypeError):
            continue  # a line cut off by a crash: that file is looked at again
    return rows
