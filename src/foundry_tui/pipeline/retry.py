"""When a failed step is tried again: exponential back-off with full jitter, a server's own wish first."""

from __future__ import annotations

import random
from dataclasses import dataclass

from foundry_tui.errors import DatabaseUnavailable, FoundryError
from foundry_tui.pipeline.settings import PoolSettings

UNEXPECTED = "unexpected"
_UNEXPECTED_ACTION = "If it fails again, report it: `foundry-tui events` has the trace."


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the tables keep it."""

    code: str
    message: str
    action: str
    retryable: bool
    retry_after_s: float | None = None


def failure_of(error: BaseException) -> Failure:
    """What an error means; one that Foundry does not know may be tried again."""
    if isinstance(error, DatabaseUnavailable):  # permanent to a command that cannot start, not to a step at work
        return Failure(error.code, error.message, error.action, retryable=True)
    if isinstance(error, FoundryError):
        return Failure(error.code, error.message, error.action, error.retryable, error.retry_after_s)
    said = f"{type(error).__name__}: {error}".strip().removesuffix(":")
    return Failure(UNEXPECTED, said, _UNEXPECTED_ACTION, retryable=True)


def delay_s(settings: PoolSettings, attempt: int, chance: random.Random, retry_after_s: float | None = None) -> float:
    """Seconds to wait after the ``attempt``-th failure: random(0, min(cap, base * 2^attempt)), at least the floor.

    Full jitter after Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015). ``retry_after_s`` is a
    lower bound that a server gave.
    """
    most = min(settings.retry_cap_s, settings.retry_base_s * 2.0 ** min(attempt, 20))
    wanted = max(settings.retry_floor_s, chance.uniform(0.0, most), retry_after_s or 0.0)
    return min(wanted, settings.longest_wait_s)
