"""The hold a worker has on a claimed job: since when nobody has confirmed it, and why nothing new may be begun."""

from __future__ import annotations

from foundry_tui.errors import Cancelled, Draining, Interrupted, LeaseLost
from foundry_tui.pipeline.clock import Clock
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store.jobs import Control


class Hold:
    """One claim's. It fences itself: unconfirmed for most of a lease, it counts as lost before another can take it."""

    def __init__(self, settings: PoolSettings, clock: Clock) -> None:
        self.left = ""  # how a transaction of the claim's own has ended it (send_back), or is about to (leave)
        self.draining = False
        self._settings = settings
        self._clock = clock
        self._confirmed_at = clock.monotonic()
        self._stop: type[Interrupted] | None = None
        self._stopped_at: float | None = None

    def hear(self, control: Control) -> None:
        """The lease holds; take up what the operator asked for."""
        self._confirmed_at = self._clock.monotonic()
        if control.cancel_requested or control.paused:
            self.ask_to_stop()

    def ask_to_stop(self) -> None:
        """The operator wants the work cancelled or paused: begin nothing new."""
        if self._stop is not LeaseLost:
            self._stop_for(Cancelled)

    def lose(self) -> None:
        """Another worker holds the job: nothing more may be written."""
        self._stop_for(LeaseLost)

    def drain(self) -> None:
        """The worker is shutting down: begin nothing new."""
        self.draining = True
        if self._stop is None:
            self._stop_for(Draining)

    def leave(self, how: str) -> None:
        """Only the end of the claim is still to be written: the heartbeat lets go of it, and so does its lease."""
        self.left = how

    def _stop_for(self, cause: type[Interrupted]) -> None:
        self._stop = cause
        if self._stopped_at is None:
            self._stopped_at = self._clock.monotonic()

    @property
    def silent_s(self) -> float:
        """Since it was last confirmed."""
        return self._clock.monotonic() - self._confirmed_at

    @property
    def overdue(self) -> bool:
        """Whether the step was told to stop so long ago that it will not by itself."""
        return self._stopped_at is not None and self._clock.monotonic() - self._stopped_at >= self._settings.drain_s

    @property
    def stopping(self) -> type[Interrupted] | None:
        """Why no new chunk may be begun; None while all is well."""
        if self._stop is not LeaseLost and self.silent_s >= self._settings.lease_s * self._settings.fence_after:
            self._stop_for(LeaseLost)
        return self._stop
