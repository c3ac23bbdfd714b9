"""The house behind the console: a thread with a loop of its own, where the store is opened and the workers run.

The screen's loop never waits for a database, an import or an engine; it awaits ``call``. Nothing of the house is
imported before the thread starts, so that the first frame is painted before SQLAlchemy is loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from foundry_tui.errors import FoundryError

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner
    from foundry_tui.pipeline.feed import Snapshot
    from foundry_tui.settings import Settings

Result = TypeVar("Result")
_LAST_ANSWERS_S = 5.0
_log = logging.getLogger(__name__)


class House:
    """Opened once. ``take_change`` says whether the tables have changed since it was last asked."""

    def __init__(self, settings: Settings, *, workers: int, watch_s: float = 0.25, watch_inbox: bool = True) -> None:
        self.settings = settings
        self.workers = workers
        self.watch_s = watch_s
        self.watch_inbox = watch_inbox
        self._changed = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._inner: Inner | None = None
        self._opened: Future[None] = Future()
        self._drain_s: float | None = None
        self._serving: set[asyncio.Task[Any]] = set()

    # -- from the screen's side ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the house in its thread."""
        self._thread = threading.Thread(target=self._main, name="foundry-house")
        self._thread.start()

    async def opened(self) -> None:
        """Return when it is open; raises what opening it raised."""
        await asyncio.shield(asyncio.wrap_future(self._opened))

    @property
    def is_open(self) -> bool:
        """Whether ``call`` would be served."""
        return self._inner is not None

    async def call(self, work: Callable[[Inner], Awaitable[Result]]) -> Result:
        """``work(house)`` in the house's loop; raises what it raises, a FoundryError for all that can be expected."""
        await self.opened()
        if self._loop is None or self._inner is None:
            raise FoundryError("The house is closed.", next_action="Start the console again.")
        serving = self._serve(work, self._inner)
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(serving, self._loop))
        except RuntimeError:
            serving.close()  # the loop has just ended: nobody will ever begin it
            raise

    def snapshot(self) -> Snapshot | None:
        """What this console's own workers do right now; None while there are none."""
        return self._inner.snapshot() if self._inner is not None else None

    @property
    def feed_version(self) -> int:
        """Grows while own workers get on."""
        return self._inner.feed_version if self._inner is not None else 0

    def take_change(self) -> bool:
        """Whether the tables have changed since the last call."""
        changed, self._changed = self._changed, False
        return changed

    def note_change(self) -> None:
        """Something is to be read again."""
        self._changed = True

    async def close(self, drain_s: float | None = None) -> None:
        """Let the chunks in hand be finished (``drain_s`` at most), give jobs back, end engines and connections."""
        self.ask_to_close(drain_s)
        thread = self._thread
        if thread is not None:
            while thread.is_alive():  # noqa: ASYNC110 - a thread has no event to await
                await asyncio.sleep(0.02)

    def ask_to_close(self, drain_s: float | None = None) -> None:
        """Begin to close; from any thread."""
        self._drain_s = drain_s
        if self._loop is not None and self._closing is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._closing.set)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for the thread's end, blocking."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    # -- the thread ---------------------------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            asyncio.run(self._live())
        except FoundryError as error:
            self._fail(error)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the house
            _log.exception("the console's house ended in an error")
            self._fail(error)
        finally:
            self._inner = None

    def _fail(self, error: BaseException) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)
        else:
            self._tell()

    async def _live(self) -> None:
        from foundry_tui.console.inner import open_inner

        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        async with open_inner(self.settings, self._tell, self.watch_s, watch_inbox=self.watch_inbox) as inner:
            self._inner = inner
            self._opened.set_result(None)
            if self.workers:
                await inner.start_workers(self.workers)
            await self._closing.wait()
            self._inner = None
            await inner.stop_workers(self._drain_s)
            await self._last_answers()

    async def _serve(self, work: Callable[[Inner], Awaitable[Result]], inner: Inner) -> Result:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            return await work(inner)
        finally:
            self._serving.discard(task)

    async def _last_answers(self) -> None:
        """What was asked before the end is answered before the tables are closed; what takes too long is not."""
        if self._serving:
            await asyncio.wait(list(self._serving), timeout=_LAST_ANSWERS_S)
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(list(self._serving))

    def _tell(self) -> None:
        self._changed = True
