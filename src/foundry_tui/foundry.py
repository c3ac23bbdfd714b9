"""The composition root: a house built from settings, and closed again in the right order, child processes too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from foundry_tui.engine_room import EngineRoom, purse_of, utc_now
from foundry_tui.errors import UsageError
from foundry_tui.memory import keep_freed_memory
from foundry_tui.operations.catalog import Catalog
from foundry_tui.operations.event_log import EventLog
from foundry_tui.operations.productions import Productions
from foundry_tui.operations.removal import finish_removals
from foundry_tui.operations.roster import Roster
from foundry_tui.operations.running import Running
from foundry_tui.operations.steering import Steering
from foundry_tui.settings import CONFIG, FOLDERS, Settings
from foundry_tui.store.database import Database
from foundry_tui.store.upgrade import UpgradeReport, upgrade

if TYPE_CHECKING:
    from foundry_tui.domain.books import Narrator
    from foundry_tui.operations.audition import Auditions
    from foundry_tui.operations.backup import Backups
    from foundry_tui.operations.chunk_texts import ChunkTexts
    from foundry_tui.operations.clean import Clean
    from foundry_tui.operations.desk import Desk
    from foundry_tui.operations.disk_room import DiskRoom
    from foundry_tui.operations.forecast import Forecast
    from foundry_tui.operations.inbox import Inbox
    from foundry_tui.operations.jobs import Jobs
    from foundry_tui.operations.lexicon import LexiconDesk
    from foundry_tui.operations.money import Money
    from foundry_tui.operations.redo import Redo
    from foundry_tui.operations.repairs import Repairs
    from foundry_tui.operations.retention import Upkeep
    from foundry_tui.operations.sections import Sections
    from foundry_tui.pipeline.contract import Recipe
    from foundry_tui.pipeline.dispatch import WorkingDispatcher
    from foundry_tui.pipeline.pool import WorkerPool
    from foundry_tui.pipeline.queues import Queues
    from foundry_tui.steps.toolbox import Toolbox
    from foundry_tui.text.options import ParseOptions
    from foundry_tui.voices.recognisers import Recogniser


class Foundry:
    """The open house: its operations, and the worker pool of this process once somebody asks for it."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        engines: EngineRoom,
        stack: AsyncExitStack,
        upgraded: UpgradeReport,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.database = database
        self.engines = engines
        self.upgraded = upgraded
        self._stack = stack
        self.now = now

    @cached_property
    def catalog(self) -> Catalog:
        """The books."""
        return Catalog(self.database, self.settings.home, self.settings.library, self.now)

    @cached_property
    def roster(self) -> Roster:
        """The narrators."""
        settings = self.settings
        return Roster(
            self.database, settings.home, settings.library, settings.default_engine, self.engines.get, self.now
        )

    @cached_property
    def productions(self) -> Productions:
        """What is ordered and how far it is."""
        settings = self.settings
        return Productions(
            self.database, settings.home, settings.default_narrator, settings.default_engine, now=self.now
        )

    @cached_property
    def events(self) -> EventLog:
        """Everything that happened."""
        return EventLog(self.database)

    @cached_property
    def steering(self) -> Steering:
        """Productions requeued and cancelled."""
        return Steering(self.database, self.productions, lambda: self.recipes, self.now)

    @cached_property
    def jobs(self) -> Jobs:
        """The pieces of work behind productions."""
        from foundry_tui.operations.jobs import Jobs

        return Jobs(self.database, lambda: self.recipes, self.now)

    @cached_property
    def repairs(self) -> Repairs:
        """What the doctor can put right."""
        from foundry_tui.operations.repairs import Home, Repairs

        home = Home(self.settings.home, self.settings.library, FOLDERS)
        return Repairs(self.database, home, lambda: self.recipes, self.now)

    @cached_property
    def backups(self) -> Backups:
        """Copies of the whole home."""
        from foundry_tui.operations.backup import Backups

        return Backups(self.database, self.settings.home, self.settings.library, self.now)

    @cached_property
    def upkeep(self) -> Upkeep:
        """What is old, forgotten."""
        from foundry_tui.operations.retention import Kept, Upkeep

        kept = self.settings.retention
        days = Kept(kept.events_days, kept.jobs_days, kept.logs_days)
        return Upkeep(self.database, self.settings.home, days, self.now)

    async def copy_database(self, address: str) -> dict[str, Any]:
        """Copy every row into the empty database at ``address``, and prove it: {"to": where, "rows": by table}."""
        from foundry_tui.store.transfer import copy_database

        target = Database.connect(address)
        try:
            copied = await copy_database(self.database, target, now=self.now)
        finally:
            await target.close()
        return {"to": target.where, "rows": dict(copied.rows)}

    @cached_property
    def desk(self) -> Desk:
        """Windows into long lists, and what is done to many productions at once."""
        from foundry_tui.operations.desk import Desk

        return Desk(self.database, self.now)

    @cached_property
    def clean(self) -> Clean:
        """Space given back."""
        from foundry_tui.operations.clean import Clean
        from foundry_tui.storage.local import LocalLibrary

        return Clean(self.database, self.settings.home, lambda: LocalLibrary(self.settings.library))

    @cached_property
    def disk_room(self) -> DiskRoom:
        """How much disk the queue will still need."""
        from foundry_tui.operations.disk_room import DiskRoom

        return DiskRoom(self.database, self.settings.home, self.settings.library, self.settings.audio)

    @cached_property
    def redo(self) -> Redo:
        """Failed productions requeued in bulk, single chunks spoken again."""
        from foundry_tui.operations.redo import Redo

        return Redo(self.database, lambda: self.recipes, self.engines.get, self.now)

    @cached_property
    def lexicon(self) -> LexiconDesk:
        """How words are said."""
        from foundry_tui.operations.lexicon import LexiconDesk

        return LexiconDesk(self.database, self.settings.home)

    @cached_property
    def sections(self) -> Sections:
        """Which sections of a book are narrated."""
        from foundry_tui.operations.sections import Sections

        return Sections(self.database, self.settings.home, self._parse_options())

    @cached_property
    def chunk_texts(self) -> ChunkTexts:
        """What single chunks say."""
        from foundry_tui.operations.chunk_texts import ChunkTexts

        return ChunkTexts(self.database, self.settings.home, lambda: self.recipes, self.now)

    @cached_property
    def forecast(self) -> Forecast:
        """What would run again, and why."""
        from foundry_tui.operations.forecast import Forecast

        return Forecast(self.database, lambda: self.recipes, self.now)

    @cached_property
    def auditions(self) -> Auditions:
        """Narrators heard beforehand, and their samples."""
        from foundry_tui.operations.audition import Auditions

        return Auditions(self.database, self.settings.home, self.settings.default_engine, self.engines.get, self.now)

    @cached_property
    def inbox(self) -> Inbox:
        """The drop folder."""
        from foundry_tui.operations.inbox import Inbox

        settings = self.settings
        return Inbox(
            self.database,
            settings.home,
            self.catalog,
            self.productions,
            default_narrator=settings.default_narrator,
            now=self.now,
        )

    @cached_property
    def money(self) -> Money:
        """What books will cost, and what productions have cost."""
        from foundry_tui.operations.money import Money

        settings = self.settings
        return Money(
            self.database,
            settings.home,
            self.engines.purse or purse_of(settings, self.database, self.now),
            self.engines.get,
            default_engine=settings.default_engine,
            default_narrator=settings.default_narrator,
            options=self._parse_options(),
        )

    @cached_property
    def running(self) -> Running:
        """The queue, worked."""
        return Running(self.database, self.events, lambda workers: self.pool(workers=workers))

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """The recipes with their steps. Builds the toolbox: everything the work is done with is imported here."""
        from foundry_tui.steps.recipes import build_recipes

        return dict(build_recipes(self._toolbox()))

    @cached_property
    def queues(self) -> Queues:
        """Which queue of a dispatcher a job waits in."""
        from foundry_tui.pipeline.queues import Queues

        told = {name: str(options.get("queue") or "") for name, options in self.settings.engines.items()}
        return Queues(self.recipes, self.settings.default_engine, told)

    @cached_property
    def dispatcher(self) -> WorkingDispatcher | None:
        """Who brings jobs to the workers of several machines; None where every worker looks for itself.

        Raises UsageError where it cannot serve here, or is not installed.
        """
        chosen = self.settings.distributed
        if chosen.dispatcher == "embedded":
            return None
        try:
            if chosen.dispatcher == "arq":
                from foundry_tui.pipeline.arq_dispatch import ArqDispatcher

                return ArqDispatcher(self.database, chosen.redis_url, lambda: self.queues)
            from foundry_tui.pipeline.procrastinate_dispatch import ProcrastinateDispatcher
        except ImportError as error:
            extra = "arq" if chosen.dispatcher == "arq" else "distributed"
            raise UsageError(
                f"The dispatcher {chosen.dispatcher} is not installed here.",
                next_action=f"Install it: pip install 'foundry-tui[{extra}]'.",
            ) from error
        return ProcrastinateDispatcher(self.database, lambda: self.queues)

    async def own_queues(self) -> tuple[str, ...]:
        """The queues this machine works: those it was told, else what its engines can do."""
        if self.settings.distributed.queues:
            return self.settings.distributed.queues
        from foundry_tui.operations.capabilities import engines_here, has_gpu

        here = self.queues.here(await engines_here(self.engines.get))
        return tuple(queue for queue in here if queue != "gpu" or has_gpu())

    def pool(self, *, workers: int | None = None) -> WorkerPool:
        """A worker pool on the running loop; whoever runs it also drains it."""
        from foundry_tui.pipeline.pool import WorkerPool
        from foundry_tui.pipeline.settings import PoolSettings

        if self.database.ballast is not None:
            self.database.ballast.lay()
        chosen = self.settings.distributed
        settings = PoolSettings(
            workers=workers or self.settings.workers,
            room_patience_s=self.settings.room_patience_s,
            part_chunks=0 if chosen.dispatcher == "embedded" else chosen.part_chunks,
        )
        return WorkerPool(self.database, self.recipes, settings=settings)

    def _parse_options(self) -> ParseOptions:
        from foundry_tui.text.options import ParseOptions

        settings = self.settings.text
        if settings.rules_off:
            from foundry_tui.text.rules.names import require_rules

            try:
                require_rules(settings.rules_off)
            except UsageError as error:
                place = f"[text] rules_off in {self.settings.home / CONFIG}, or FOUNDRY_TEXT_RULES_OFF"
                raise UsageError(f"{error.message} It is set by {place}.", next_action=error.action) from error
        return ParseOptions(settings.footnotes, settings.rules_off, sentences=settings.sentences)

    def _toolbox(self) -> Toolbox:
        from foundry_tui.operations.trash import trash_folder
        from foundry_tui.pipeline.room import free_bytes
        from foundry_tui.steps.cpu_pool import CpuPool
        from foundry_tui.steps.hearing import HearingSettings
        from foundry_tui.steps.toolbox import StepSettings, Toolbox
        from foundry_tui.storage.local import LocalLibrary

        settings = self.settings
        cpu = CpuPool()
        self._stack.callback(cpu.close)
        return Toolbox(
            home=settings.home,
            trash=lambda: trash_folder(settings.home, self.now()),
            engines=self.engines,
            cpu=cpu,
            library=LocalLibrary(settings.library),
            settings=StepSettings(
                default_engine=settings.default_engine,
                mastering_profile=settings.audio.profile,
                bitrate_kbps=settings.audio.bitrate_bps // 1000,
                mp3=settings.audio.mp3,
                editions=settings.audio.editions,
                one_file=settings.audio.one_file,
                credits=settings.audio.credits,
                opening_credits=settings.audio.opening_credits,
                closing_credits=settings.audio.closing_credits,
                parsing=self._parse_options(),
                hearing=HearingSettings(settings.check.hearing, settings.check.sample_percent),
            ),
            free_bytes=free_bytes,
            purse=self.engines.purse,
            recogniser=self._recogniser(),
            narrator=self._narrator,
        )

    def _recogniser(self) -> Recogniser | None:
        """Who listens to what was spoken; raises UsageError or EngineMissing where that is wanted and cannot be."""
        check = self.settings.check
        if check.hearing == "off":
            return None
        from foundry_tui.voices.recognisers import RecogniserOptions, open_recogniser

        opened = open_recogniser(
            RecogniserOptions(check.recogniser, check.command, check.url, check.model, check.api_key, check.languages)
        )
        self._stack.push_async_callback(opened.close)
        return opened

    async def _narrator(self, narrator_id: str) -> Narrator:
        from foundry_tui.store.roster import get_narrator

        async with self.database.read() as connection:
            return await get_narrator(connection, narrator_id)


@asynccontextmanager
async def open_foundry(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> AsyncIterator[Foundry]:
    """Open the house of ``settings``, its schema brought up to date; everything is closed when the block ends.

    Engines and processes end before the database closes. Raises HomeUnusable, SchemaTooNew, DatabaseUnavailable.
    """
    keep_freed_memory()  # before the database's thread is there
    async with AsyncExitStack() as stack:
        database = Database.connect(settings.database_url)
        stack.push_async_callback(database.close)
        upgraded = await upgrade(database, backup_folder=settings.home / "database")
        await finish_removals(database, settings.home)
        engines = EngineRoom(settings, database, now)
        stack.push_async_callback(engines.close)
        foundry = Foundry(settings, database, engines, stack, upgraded, now)
        if settings.distributed.dispatcher != "embedded":
            from foundry_tui.pipeline.dispatch import LateDispatcher

            database.dispatcher = late = LateDispatcher(lambda: foundry.dispatcher)
            stack.push_async_callback(late.close)
        yield foundry
