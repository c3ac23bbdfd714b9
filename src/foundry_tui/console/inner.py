"""What lives on the house's loop: the open Foundry, the desk, the workers, and whoever watches for changes."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundry_tui.console.load import CpuMeter, RoomFigure
from foundry_tui.domain.desk import Counts
from foundry_tui.domain.events import Event
from foundry_tui.domain.ids import checked_book_id
from foundry_tui.domain.languages import understood
from foundry_tui.domain.status import Status
from foundry_tui.endings import end_all
from foundry_tui.foundry import Foundry, open_foundry
from foundry_tui.log_file import open_log
from foundry_tui.operations.audition import Auditions
from foundry_tui.operations.daemon import running_daemon
from foundry_tui.operations.event_log import event_filter
from foundry_tui.operations.event_pages import EventPages
from foundry_tui.operations.redo import Redo
from foundry_tui.pipeline.worker_id import is_dead
from foundry_tui.settings import FOLDERS, Settings

if TYPE_CHECKING:
    from foundry_tui.operations.doctor import Finding
    from foundry_tui.operations.forecast import StepForecast
    from foundry_tui.pipeline.feed import Snapshot
    from foundry_tui.pipeline.pool import WorkerPool
    from foundry_tui.voices.protocol import Voice

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Glance:
    """What the header shows of the tables and the disk."""

    counts: Counts
    free_bytes: int
    own_worker: str | None
    workers: int
    daemon_pid: int | None = None
    needed_bytes: int | None = None
    gone_workers: int = 0  # that still hold something
    cpu_percent: int | None = None  # only while something is being made: an idle console sends nothing


class Inner:
    """Every method runs on the house's loop."""

    def __init__(self, foundry: Foundry, tell: Callable[[], None] = lambda: None) -> None:
        self.foundry = foundry
        self.cpu = CpuMeter()
        self.room = RoomFigure(self._needed, tell)
        self.desk = foundry.desk
        self.events = EventPages(foundry.database)
        self.recovered: list[str] = []
        self.on_finding: Callable[[Finding], None] = lambda _finding: None
        self._pool: WorkerPool | None = None
        self._running: asyncio.Task[object] | None = None
        self._stop = asyncio.Event()

    @cached_property
    def redo(self) -> Redo:
        """Work put back."""
        return self.foundry.redo

    @cached_property
    def auditions(self) -> Auditions:
        """Narrators heard."""
        return self.foundry.auditions

    # -- workers ------------------------------------------------------------------------------------------------

    async def start_workers(self, workers: int) -> None:
        """Work the queue here."""
        if self._pool is not None:
            return
        # The steps bring numpy, PyAV and lxml along: imported in a thread, so that questions are answered meanwhile.
        await asyncio.to_thread(_import_steps)
        self._stop = asyncio.Event()
        self._pool = self.foundry.pool(workers=workers)
        self._running = asyncio.create_task(self._work(self._pool))

    async def _work(self, pool: WorkerPool) -> None:
        try:
            summary = await pool.run_forever(self._stop)
            self.recovered = list(summary.recovered)
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator is told
            _log.exception("the workers ended in an error")
            await self.desk.note(f"The workers ended in an error: {error}")
        finally:
            self._pool = None

    async def stop_workers(self, grace_s: float | None = None) -> None:
        """Finish the chunks in hand, give the jobs back."""
        if self._pool is not None and self._running is not None:
            if grace_s is not None:
                await self._pool.drain(grace_s)
            self._stop.set()
            await asyncio.wait([self._running])

    def wake(self) -> None:
        """Something was put into the queue."""
        if self._pool is not None:
            self._pool.wake()

    @property
    def busy(self) -> int:
        """How many jobs run here right now."""
        snapshot = self.snapshot()
        return len(snapshot.running) if snapshot is not None else 0

    def snapshot(self) -> Snapshot | None:
        """The own pool's progress; safe from any thread."""
        pool = self._pool
        return pool.feed.snapshot() if pool is not None else None

    @property
    def feed_version(self) -> int:
        """Grows while the own pool gets on; safe from any thread."""
        pool = self._pool
        return pool.feed.version if pool is not None else 0

    # -- what the screen asks -----------------------------------------------------------------------------------

    async def glance(self) -> Glance:
        """The header's facts."""
        counts = await self.desk.counts()
        free = (await asyncio.to_thread(shutil.disk_usage, self.foundry.settings.home)).free
        pool = self._pool
        daemon = await asyncio.to_thread(running_daemon, self.foundry.settings.home)
        own = pool.worker_id if pool else None
        others = [worker for worker in counts.workers if worker != own]
        gone = await asyncio.to_thread(lambda: sum(map(is_dead, others)))
        made = counts.by_status
        undone = made.get(Status.PENDING, 0) + made.get(Status.PROCESSING, 0)
        return Glance(
            counts, free, own, pool.settings.workers if pool else 0, daemon,
            needed_bytes=self.room.bytes_needed(undone), gone_workers=gone,
            cpu_percent=self.cpu.percent() if made.get(Status.PROCESSING) else None,
        )  # fmt: skip

    async def _needed(self) -> int:
        return (await self.foundry.disk_room.needed()).total_bytes

    async def woken(self) -> None:
        """Something was put into the queue: take it in and look at once."""
        if self._pool is not None:
            await self._pool.take_in()

    async def begin_nothing_new(self) -> None:
        """Finish the steps in hand, claim no other."""
        if self._pool is not None:
            self._pool.accepting = False

    async def voices(self, engine: str) -> list[Voice]:
        """Every voice the engine really has."""
        return list(await (await self.foundry.engines.get(engine)).voices())

    @staticmethod
    def language(typed: str) -> str:
        """As folders are named."""
        return understood(typed)

    async def foretold(self, audiobook_id: str, retaken: Sequence[tuple[int, int]] = ()) -> tuple[StepForecast, ...]:
        """What of a production would run again, and why; ``retaken``: if these chunks are spoken again."""
        await asyncio.to_thread(_import_steps)
        return await self.foundry.forecast.of(audiobook_id, retaken=retaken)

    async def rebuilt(self, audiobook_ids: Sequence[str]) -> tuple[str, ...]:
        """Productions put back at the first step that would run; the ids that were."""
        await asyncio.to_thread(_import_steps)
        return await self.foundry.forecast.rebuild(audiobook_ids)

    async def loud_events(self, audiobook_id: str) -> list[Event]:
        """The newest warnings and errors of a production, oldest first."""
        events, _ = await self.foundry.events.last(40, event_filter(audiobook_id=audiobook_id, level="warning"))
        return events

    async def book_page(self, book_id: str) -> dict[str, Any]:
        """A book as ``Catalog.show`` gives it, with the coverage receipt of every language it is parsed in."""
        shown = await self.foundry.catalog.show(book_id)
        folder = self.foundry.settings.home / "foundry" / checked_book_id(book_id)
        return {**shown, "coverage": await asyncio.to_thread(_receipts, folder, list(shown["chapters"]))}

    async def examine(self) -> list[Finding]:
        """The doctor's findings."""
        from foundry_tui.operations.doctor import Patient, examine
        from foundry_tui.voices.engines import engine_names

        settings = self.foundry.settings
        patient = Patient(
            home=settings.home,
            library=settings.library,
            database_url=settings.database_url,
            is_ready=settings.is_ready,
            default_engine=settings.default_engine,
            engine_names=engine_names(),
            open_engine=self.foundry.engines.get,
            folders=FOLDERS,
        )
        found = []
        async for finding in examine(patient):
            found.append(finding)
            self.on_finding(finding)
        return found

    async def repair(self, finding: Finding) -> list[str]:
        """Mend what a finding names; a sentence for each thing done."""
        await asyncio.to_thread(_import_steps)  # a queue is put right by what the recipes say
        return list(await self.foundry.repairs.mend([finding.subject]))

    async def bring_sample(self) -> bool:
        """The sample book and the starter narrators; False where they were there."""
        before = await self.desk.counts()
        await make_home(self.foundry.settings, sample=True, seeds=True)
        after = await self.desk.counts()
        return (before.books, before.narrators) != (after.books, after.narrators)


def _receipts(folder: Path, languages: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for language in languages:
        try:
            page = json.loads((folder / language / "chapters" / "metadata.json").read_text("utf-8"))
        except (OSError, ValueError):
            continue
        found[language] = {**page.get("coverage", {}), "left_out": page.get("left_out", [])}
    return found


async def make_home(settings: Settings, *, sample: bool, seeds: bool) -> None:
    """Folders, config.toml and database where they are not there yet."""
    from foundry_tui.operations.setup import set_up
    from foundry_tui.settings_file import default_config

    await set_up(
        settings.home,
        database_url=settings.database_url,
        folders=FOLDERS,
        config=default_config(),
        sample=sample,
        seeds=seeds,
    )


def _import_steps() -> None:
    import foundry_tui.steps.recipes  # noqa: F401 - for its imports


@asynccontextmanager
async def open_inner(
    settings: Settings, tell: Callable[[], None], watch_s: float, *, watch_inbox: bool = True
) -> AsyncIterator[Inner]:
    """The open house; ``tell`` is called whenever the tables have changed. A home is made where there is none."""
    if not settings.is_ready:
        from foundry_tui.operations.setup import require_tables

        if settings.keeps_own_file:
            require_tables(settings.home, settings.database_file)
        await make_home(settings, sample=False, seeds=False)
        open_log(settings.home, settings.log_level)  # there was no folder for it before
    async with open_foundry(settings) as foundry:
        inner = Inner(foundry, tell)
        helpers = [asyncio.create_task(_watch(inner, tell, watch_s))]
        if watch_inbox:
            helpers.append(asyncio.create_task(_inbox(inner)))
        try:
            yield inner
        finally:
            await end_all(helpers)
            await inner.room.close()


async def _watch(inner: Inner, tell: Callable[[], None], every_s: float) -> None:
    watch = inner.desk.watch()
    try:
        while True:
            try:
                if await watch.changed():
                    tell()
            except Exception:  # noqa: BLE001 - tried again, for as long as the console is open
                _log.warning("the tables could not be watched", exc_info=True)
                await asyncio.sleep(2)
            await watch.wait(every_s)
    finally:
        await watch.close()


async def _inbox(inner: Inner) -> None:
    box = inner.foundry.inbox
    box.on_produced = inner.wake
    try:
        await box.watch()
    except Exception:  # noqa: BLE001 - a console without a drop folder is still a console
        _log.exception("the inbox is no longer watched")
