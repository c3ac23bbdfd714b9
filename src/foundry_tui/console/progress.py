"""How far and how fast each production is, from this process's feed or from what other workers wrote down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foundry_tui.domain.desk import ProductionLine
from foundry_tui.domain.status import Status
from foundry_tui.operations.pace import Pace

if TYPE_CHECKING:
    from foundry_tui.pipeline.feed import Snapshot


@dataclass(frozen=True, slots=True)
class Going:
    """``rate`` and ``left`` as an operator reads them; empty where nothing is known, ``~`` while it is being learnt."""

    done: int = 0
    total: int = 0
    rate: str = ""
    left: str = ""
    left_s: float | None = None
    speed: float | None = None
    stalled_s: float | None = None
    waits: bool = False  # it stands still, for the disk is full


@dataclass(slots=True)
class _Seen:
    job: tuple[int, int]
    pace: Pace
    done: int = 0
    total: int = 0
    audio_s: float = 0.0
    own: bool = False
    waits: bool = False


class Paces:
    """The pace of every production at work; never lets a count run backwards within one attempt."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def saw_feed(self, snapshot: Snapshot) -> None:
        """The own workers' newest states."""
        for running in snapshot.running.values():
            made = running.progress
            seen = self._at(running.audiobook_id, (running.job_id, running.attempt))
            seen.own = True
            seen.waits = bool(made.waits_for)
            _take(seen, running.at, made.done, made.total, made.audio_s)

    def saw_row(self, line: ProductionLine, now: float) -> None:
        """What a job's row says, a second old at most."""
        made = line.production
        if made.status is not Status.PROCESSING or line.job.get("status") != Status.PROCESSING.value:
            self._seen.pop(made.audiobook_id, None)
            return
        seen = self._at(made.audiobook_id, (int(line.job["job_id"]), int(line.job.get("attempt") or 0)))
        if seen.own:
            return
        progress: dict[str, Any] = line.job.get("progress") or {}
        _take(seen, now, _int(progress.get("done")), _int(progress.get("total")), _float(progress.get("audio_s")))

    def of(self, line: ProductionLine, now: float) -> Going:
        """How it goes with a production."""
        seen = self._seen.get(line.production.audiobook_id)
        if seen is None or line.production.status is not Status.PROCESSING:
            return Going()
        if seen.waits:
            return Going(seen.done, seen.total, waits=True)
        left_s, speed, per_s = seen.pace.left_s(now), seen.pace.speed(), seen.pace.per_s()
        rate = f"{speed:.0f}x" if speed and speed >= 10 else f"{speed:.1f}x" if speed else ""
        if not rate and per_s:
            rate = f"{per_s:.1f}/s"
        left = short_time(left_s) if left_s is not None else "~" if seen.total else ""
        return Going(seen.done, seen.total, rate, left, left_s, speed, seen.pace.stalled_s(now))

    def forget(self) -> None:
        """Everything was seen in another life."""
        self._seen.clear()

    def _at(self, audiobook_id: str, job: tuple[int, int]) -> _Seen:
        seen = self._seen.get(audiobook_id)
        if seen is None or seen.job != job:
            seen = self._seen[audiobook_id] = _Seen(job, Pace())
        return seen


def _take(seen: _Seen, at: float, done: int, total: int, audio_s: float) -> None:
    seen.done, seen.total = max(done, seen.done if total == seen.total else 0), total
    seen.audio_s = audio_s
    seen.pace.saw(at, seen.done, total, audio_s)


def short_time(seconds: float) -> str:
    """``42s``, ``3m05s``, ``2h40m``, ``4d06h``: narrow, and growing in steps an eye can follow."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


def _int(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
