"""What the doctor can put right: each thing looked for, and how it is mended so that it can be had back."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Book
from foundry_tui.domain.languages import understood
from foundry_tui.errors import FoundryError, LanguageMismatch, SourceAmbiguous, SourceError, UsageError
from foundry_tui.files import TEMP_MARK, write_json
from foundry_tui.operations.book_text import source_of
from foundry_tui.operations.daemon import lock_file
from foundry_tui.operations.inbox import said_name
from foundry_tui.operations.removal import finish_removals, unfinished_removals
from foundry_tui.operations.trash import trash_folder, trashed
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.pipeline.reconcile import Reconciler
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.pipeline.worker_id import is_dead, new_worker_id
from foundry_tui.storage import LocalLibrary
from foundry_tui.store import inbox_files
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import mend as rows
from foundry_tui.store.database import Database

_SHOWN = 5
_DAY_S = 86_400.0
_LARGE_WAL_BYTES = 16 * 1024 * 1024
_SOUND = "foundry/*/*/*/audio_chunks/*.flac"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not right. ``repair`` says what mending does, None where only the operator can."""

    subject: str
    sentence: str
    action: str
    where: tuple[str, ...] = ()
    repair: str | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """What is looked at: the tree, its library, and the folders it should have."""

    tree: Path
    library: Path
    folders: tuple[str, ...]


class Repairs:
    """Looks for flaws of one home and mends them. ``recipes`` are asked for only where a queue must be put right."""

    def __init__(
        self,
        database: Database,
        home: Home,
        recipes: Callable[[], Mapping[str, Recipe]],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._home = home
        self._recipes = recipes
        self._now = now

    async def look(self, *, thorough: bool = False) -> tuple[Flaw, ...]:
        """Everything that is not right; changes nothing.

        ``thorough`` proves every index and reads every published audiobook, which may take minutes.
        """
        return tuple([flaw async for flaw in flaws(self._database, self._home, self._now, thorough=thorough)])

    async def mend(self, subjects: Iterable[str] | None = None) -> tuple[str, ...]:
        """Mend what can be, of ``subjects`` or of everything; a sentence for each. Raises what the disk refuses."""
        wanted = None if subjects is None else set(subjects)
        found = await self.look(thorough=wanted is None or "indexes" in wanted)
        mendable = [flaw for flaw in found if flaw.repair is not None and (wanted is None or flaw.subject in wanted)]
        return tuple([await self._mend(flaw) for flaw in mendable])

    async def _mend(self, flaw: Flaw) -> str:
        ways = {
            "folders": self._make_folders,
            "secrets": self._close_secrets,
            "indexes": self._reindex,
            "leases": self._recover,
            "orphaned jobs": self._end_orphans,
            "lost sound": self._speak_again,
            "references": self._tighten,
            "removals": self._finish_removals,
            "leftovers": self._trash_leftovers,
            "locks": self._clear_lock,
            "write-ahead log": self._fold,
        }
        return await ways[flaw.subject]()

    async def _make_folders(self) -> str:
        for folder in _missing(self._home):
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        return "The folders are there."

    async def _close_secrets(self) -> str:
        for path in await asyncio.to_thread(open_secrets, self._home.tree):
            await asyncio.to_thread(path.chmod, 0o600)
        return "Only you may read the files that hold keys."

    async def _reindex(self) -> str:
        async with self._database.write() as connection:
            await rows.reindex(connection)
        return "The indexes were made anew from their tables."

    async def _recover(self) -> str:
        async with self._database.read() as connection:
            offset_s = await job_rows.clock_offset(connection, self._seconds)
        recovery = await Reconciler(
            self._database,
            self._recipes(),
            str(new_worker_id()),
            PoolSettings(),
            lambda: self._seconds() + offset_s,
            holds=lambda _job: False,
        ).once()
        count = len(recovery.recovered) + len(recovery.queued)
        return f"{count} jobs wait for a worker again."

    def _seconds(self) -> float:
        return self._now().timestamp()

    async def _end_orphans(self) -> str:
        async with self._database.write() as connection:
            count = await rows.end_orphans(connection, await job_rows.present(connection, self._seconds))
        return f"{count} jobs that were nobody's are cancelled."

    async def _speak_again(self) -> str:
        lost = await _lost(self._database, self._home.tree)
        await rows.speak_again(self._database, lost)
        return f"{len(lost)} chunks are spoken again by the next run of their productions."

    async def _tighten(self) -> str:
        async with self._database.write() as connection:
            loose = [row for row in await rows.loose_rows(connection) if rows.can_mend(row)]
            before = await rows.tighten(connection, loose)
            # On the disk before the commit: what is not there any more can be read there.
            await asyncio.to_thread(self._keep_rows, before)
        return f"{len(before)} rows no longer point to what does not exist; as they were they lie in the trash."

    def _keep_rows(self, before: Sequence[Mapping[str, Any]]) -> None:
        name = f"rows_{self._now():%H%M%S}.json"
        write_json(trash_folder(self._home.tree, self._now()) / name, json.loads(json.dumps(before, default=str)))

    async def _finish_removals(self) -> str:
        moved = await finish_removals(self._database, self._home.tree)
        return f"{len(moved)} places were moved to the trash."

    async def _trash_leftovers(self) -> str:
        found = await _leftovers(self._database, self._home, self._now)
        moved = await asyncio.to_thread(trashed, self._home.tree, self._now(), found)
        return f"{len(moved)} half-written files lie in the trash."

    async def _clear_lock(self) -> str:
        cleared = await asyncio.to_thread(_empty_lock, self._home.tree)
        return "The lock of a daemon that is gone was cleared." if cleared else "A daemon has taken its lock anew."

    async def _fold(self) -> str:
        folded = await self._database.fold()
        return "The write-ahead log is folded in." if folded else "Some program still reads it; it folds in by itself."


async def flaws(
    database: Database, home: Home, now: Callable[[], datetime], *, thorough: bool = False
) -> AsyncIterator[Flaw]:
    """Every flaw of a home whose database is sound, in the order they are mended; read only."""
    missing = await asyncio.to_thread(_missing, home)
    if missing:
        yield _flaw("folders", f"{len(missing)} folders are missing", missing, "Make them.", "They are made.")
    secrets = await asyncio.to_thread(open_secrets, home.tree)
    if secrets:
        action = "Close them: `chmod 600`."
        yield _flaw("secrets", "Others may read files that hold keys", secrets, action, "Only you may read them then.")
    async for flaw in _of_the_tables(database, now, thorough=thorough):
        yield flaw
    lost = await _lost(database, home.tree)
    if lost:
        said = f"{len(lost)} chunks are finished by their rows, but their files are gone or cut"
        yield _flaw("lost sound", said, [each.artifact for each in lost], "Speak them again.", "They are spoken again.")
    sourceless = await _sourceless(database, home.tree)
    if sourceless:
        said = f"{len(sourceless)} ordered audiobooks have no source that they could be parsed from"
        action = "Put one file there, or give it again: `foundry-tui book add FILE --book-id BOOK_ID`."
        yield _flaw("sources", said, sourceless, action, None)
    withered = await _withered(database, home.library, thorough=thorough)
    if withered:
        said = f"{len(withered)} published audiobooks are gone from the library, or no longer what was published"
        action = "`foundry-tui rebuild ID` says what it takes, and has them made and published again."
        yield _flaw("published", said, [f"{audiobook_id} ({book})" for audiobook_id, book in withered], action, None)
    stray = await _stray(database, home.tree)
    if stray:
        action = "The next run takes up by their tags those it needs; `clean --published` deletes the others."
        yield _flaw("stray sound", f"{len(stray)} finished chunks have no row", stray, action, None)
    unfinished = await asyncio.to_thread(unfinished_removals, home.tree)
    if unfinished:
        repair = "What they left is moved to the trash."
        yield _flaw("removals", f"{len(unfinished)} removals were cut off", unfinished, "Finish them.", repair)
    leftovers = await _leftovers(database, home, now)
    if leftovers:
        said = f"{len(leftovers)} half-written files of a run that was cut off lie about"
        yield _flaw("leftovers", said, leftovers, "They harm nothing.", "They are moved to the trash.")
    if await asyncio.to_thread(_stale_lock, home.tree):
        lock = lock_file(home.tree)
        yield _flaw("locks", "A daemon that is gone left its lock", [lock], "It hinders nobody.", "It is cleared.")
    waiting = await _untaken(database, await asyncio.to_thread(_waiting_in_inbox, home.tree, now().timestamp()))
    if waiting:
        action = "Start `foundry-tui work`, or see `foundry-tui events` for why they were not taken."
        yield _flaw("inbox", f"{len(waiting)} files have lain in the inbox for more than a day", waiting, action, None)
    wal = await asyncio.to_thread(_large_wal, database)
    if wal:
        said = f"{wal / 1e6:,.0f} MB of changes have not been folded into the database"
        yield _flaw("write-ahead log", said, (), "It folds in by itself once nobody reads.", "It is folded in.")


async def _of_the_tables(database: Database, now: Callable[[], datetime], *, thorough: bool) -> AsyncIterator[Flaw]:
    async with database.read() as connection:
        damage = await rows.index_damage(connection) if thorough else []
        held = await job_rows.processing(connection)
        moment = await job_rows.present(connection, lambda: now().timestamp())
        orphans = await rows.orphan_jobs(connection, moment)
        loose = await rows.loose_rows(connection)
    if damage:
        yield _flaw("indexes", "Indexes do not fit their tables", damage, "Make them anew.", "They are made anew.")
    gone = await asyncio.to_thread(
        lambda: [job for job in held if is_dead(job.worker_id or "") or (job.lease_expires_at or 0) <= moment]
    )
    if gone:
        said = f"{len(gone)} jobs are held by workers that are gone"
        where = [f"job {job.job_id} ({job.name})" for job in gone]
        action = "The next run takes them up by itself."
        yield _flaw("leases", said, where, action, "They wait for a worker again, at their last finished chunk.")
    if orphans:
        where = [f"job {job_id}" for job_id in orphans]
        said = f"{len(orphans)} jobs wait that no step points to"
        yield _flaw("orphaned jobs", said, where, "Cancel them.", "They are cancelled; their rows stay.")
    mendable = [row for row in loose if rows.can_mend(row)]
    hopeless = [row for row in loose if not rows.can_mend(row)]
    if mendable:
        where = [f"{row.table} names a missing {row.parent} in {row.column}" for row in mendable]
        repair = "Columns that may be empty are emptied, the other rows go; all of them are kept in the trash as JSON."
        yield _flaw("references", f"{len(loose)} rows point to what does not exist", where, "Mend them.", repair)
    if hopeless:
        where = [f"a production names a missing {row.parent} in {row.column}" for row in hopeless]
        action = "Add the missing book or narrator, or delete these productions."
        yield _flaw("stranded productions", f"{len(hopeless)} productions stand on nothing", where, action, None)


def _flaw(subject: str, said: str, where: Sequence[object], action: str, repair: str | None) -> Flaw:
    shown = [str(each) for each in where[:_SHOWN]]
    more = f" and {len(where) - _SHOWN} more" if len(where) > _SHOWN else ""
    listed = f": {', '.join(shown)}{more}" if shown else ""
    return Flaw(subject, f"{said}{listed}.", action, tuple(str(each) for each in where), repair)


def _missing(home: Home) -> list[Path]:
    places = [*(home.tree / name for name in home.folders), home.library]
    return [folder for folder in dict.fromkeys(places) if not folder.is_dir()]


def open_secrets(tree: Path) -> list[Path]:
    """Files with keys that others may read; whether config.toml holds any is the settings' to know."""
    from foundry_tui.settings_file import holds_secrets

    found = []
    for path in (tree / "config.toml", *sorted((tree / "keys").glob("*"))):
        with suppress(OSError, FoundryError):
            if path.stat().st_mode & 0o077 and (path.parent.name == "keys" or holds_secrets(path)):
                found.append(path)
    return found


async def _lost(database: Database, tree: Path) -> list[rows.NamedFile]:
    async with database.read() as connection:
        named = await rows.named_files(connection)
    return await asyncio.to_thread(lambda: [each for each in named if not _stands(tree, each)])


def _stands(tree: Path, named: rows.NamedFile) -> bool:
    try:
        size = (tree / named.artifact).stat().st_size
    except OSError:
        return False
    return named.size_bytes is None or size == named.size_bytes


async def _sourceless(database: Database, tree: Path) -> list[str]:
    async with database.read() as connection:
        made = await rows.unparsed(connection)
    why = await asyncio.to_thread(lambda: [_why_no_source(tree, book, language) for _, book, language in made])
    return [
        f"{audiobook_id} ({book.book_id}: {said})"
        for (audiobook_id, book, _), said in zip(made, why, strict=True)
        if said
    ]


def _why_no_source(tree: Path, book: Book, language: str) -> str | None:
    try:
        source_of(tree, book, understood(language))
    except SourceAmbiguous:
        return "several files could be it"
    except LanguageMismatch:
        return "none in its language"
    except SourceError:
        return "no file"
    except OSError as error:
        return str(error.strerror)
    except UsageError:
        return None  # an id or a language that cannot be is told of by itself
    return None


async def _withered(database: Database, root: Path, *, thorough: bool) -> list[tuple[str, str]]:
    async with database.read() as connection:
        made = await rows.published(connection)
    library = LocalLibrary(root)
    return await asyncio.to_thread(
        lambda: [each for each in made if library.published(each[0], thorough=thorough) is None]
    )


async def _stray(database: Database, tree: Path) -> list[str]:
    async with database.read() as connection:
        known = await rows.artifacts(connection)
    found = await asyncio.to_thread(lambda: [path.relative_to(tree).as_posix() for path in tree.glob(_SOUND)])
    return sorted(name for name in found if name not in known and not Path(name).name.startswith(TEMP_MARK))


async def _leftovers(database: Database, home: Home, now: Callable[[], datetime]) -> list[Path]:
    """Temporary files nobody is writing: all of them where nobody is at work, else those of yesterday."""
    moment = now().timestamp()
    async with database.read() as connection:
        busy = await rows.held(connection, await job_rows.present(connection, lambda: moment))
    oldest = moment - _DAY_S if busy else moment
    return await asyncio.to_thread(_marked, [home.tree / "foundry", home.tree / "database", home.library], oldest)


def _marked(roots: Iterable[Path], before: float) -> list[Path]:
    found = []
    for root in roots:
        for folder, folders, names in os.walk(root):
            # What is inside a half-written folder goes with it.
            marked = [name for name in folders if name.startswith(TEMP_MARK)]
            folders[:] = [name for name in folders if name not in marked]
            for name in (*marked, *names):
                path = Path(folder, name)
                with suppress(OSError):
                    if name.startswith(TEMP_MARK) and path.lstat().st_mtime <= before:
                        found.append(path)
    return sorted(found)


def _stale_lock(tree: Path) -> bool:
    """Whether the daemon's lock names a process, and nobody holds it: it ends by emptying it."""
    try:
        with lock_file(tree).open("r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return bool(file.read().strip())
    except OSError:
        return False


def _empty_lock(tree: Path) -> bool:
    """Forget whom the lock names; False where a daemon holds it, or it is not there.

    The file stays: of two daemons one would hold a file without a name, the other one of its name.
    """
    try:
        with lock_file(tree).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            return True
    except OSError:
        return False


def _waiting_in_inbox(tree: Path, now: float) -> list[Path]:
    inbox = tree / "inbox"
    if not inbox.is_dir():
        return []
    files = [path for path in inbox.iterdir() if path.is_file() and not path.name.startswith(".")]
    return sorted(path for path in files if now - path.stat().st_mtime > _DAY_S)


async def _untaken(database: Database, files: Sequence[Path]) -> list[Path]:
    """A file that was taken stays where it lies: it waits for nothing."""
    stats = await asyncio.to_thread(lambda: [(path, path.stat()) for path in files])
    sights = {path: (said_name(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats}
    async with database.read() as connection:
        taken = await inbox_files.taken(connection, list(sights.values()))
    return [path for path, sight in sights.items() if sight not in taken]


def _large_wal(database: Database) -> int:
    if database.sqlite_path is None:
        return 0
    try:
        size = Path(f"{database.sqlite_path}-wal").stat().st_size
    except OSError:
        return 0
    return size if size > _LARGE_WAL_BYTES else 0
