"""A circuit breaker: when an engine fails many times in a row, everybody waits while one call finds out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from foundry_tui.errors import EngineBusy, EngineUnreachable, FoundryError

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"
LOOK_AGAIN_S = 0.25


class StillDown(EngineUnreachable):
    """The engine did not come back while the call waited for it: no reason to wait once more."""


class Breaker:
    """Opens after ``threshold`` failures in a row, for ``cooldown_s`` that doubles up to ``longest_s``.

    While it is open callers wait, at most ``patience_s`` each; then one goes ahead as a probe, and its success lets all
    the others through. ``clock`` counts seconds, ``sleep`` waits for them, ``on_change(state, error)`` hears of it.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        threshold: int = 10,
        cooldown_s: float = 5.0,
        longest_s: float = 60.0,
        patience_s: float = 60.0,
        on_change: Callable[[str, FoundryError | None], None] | None = None,
    ) -> None:
        self.name = name
        self.state = CLOSED
        self._clock, self._sleep, self._on_change = clock, sleep, on_change
        self._threshold, self._first_s, self._longest_s = threshold, cooldown_s, longest_s
        self._patience_s = patience_s
        self._cooldown_s = cooldown_s
        self._failures = 0
        self._until = 0.0
        self._last: FoundryError | None = None

    async def admit(self) -> bool:
        """Wait until a call may be made; True when it is the probe. StillDown after ``patience_s``."""
        began = self._clock()
        while self.state != CLOSED:
            now = self._clock()
            if self.state == OPEN and now >= self._until:
                self._change(HALF_OPEN)
                return True
            if now - began >= self._patience_s:
                raise StillDown(
                    f"{self.name} failed {self._failures} times in a row and has not come back.",
                    details={"last": self._last.message if self._last else ""},
                )
            wait = self._until - now if self.state == OPEN else LOOK_AGAIN_S
            await self._sleep(min(max(wait, 0.01), LOOK_AGAIN_S * 4))
        return False

    def answered(self) -> None:
        """The engine answered, be it with a refusal: it is there."""
        self._failures = 0
        self._cooldown_s = self._first_s
        if self.state != CLOSED:
            self._change(CLOSED)

    def failed(self, error: EngineBusy | EngineUnreachable) -> None:
        """The engine was busy or out of reach."""
        self._failures += 1
        self._last = error
        if self.state == HALF_OPEN:
            self._cooldown_s = min(2 * self._cooldown_s, self._longest_s)
        elif self.state == OPEN or self._failures < self._threshold:
            return
        self._until = self._clock() + max(self._cooldown_s, error.retry_after_s or 0.0)
        self._change(OPEN)

    def abandoned(self) -> None:
        """The probe was cancelled: let another caller be it."""
        if self.state == HALF_OPEN:
            self._change(OPEN)

    def _change(self, state: str) -> None:
        self.state = state
        if self._on_change:
            self._on_change(state, self._last)
