"""How fast a step goes and when it may be done: from what was measured, or not said at all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_WINDOW_S = 60.0
_SAMPLES_NEEDED = 3  # before that an estimate would be a guess
_STALLED_S = 45.0


@dataclass(frozen=True, slots=True)
class Sample:
    """How far the step was at ``at`` (monotonic seconds), with the seconds of audio it had made."""

    at: float
    done: int
    audio_s: float


class Pace:
    """The pace of one claimed step; feed it every state seen, in order."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self._moves = 0
        self._total = 0

    def saw(self, at: float, done: int, total: int, audio_s: float) -> None:
        """The step stood at ``done`` of ``total`` at the moment ``at``; only what moved counts as a sample."""
        self._total = total
        last = self._samples[-1] if self._samples else None
        if last is not None and done < last.done:
            self._samples.clear()  # the step began anew: nothing measured before is true of it
            self._moves = 0
        elif last is not None and done == last.done:
            return
        self._moves += last is not None
        self._samples.append(Sample(at, done, audio_s))
        while len(self._samples) > _SAMPLES_NEEDED and at - self._samples[0].at > _WINDOW_S:
            self._samples.popleft()

    @property
    def known(self) -> bool:
        """Whether enough was measured to say anything."""
        return self._moves >= _SAMPLES_NEEDED and self._span_s() > 0

    def per_s(self) -> float | None:
        """Units done a second over the last minute; None until it is known."""
        if not self.known:
            return None
        return (self._samples[-1].done - self._samples[0].done) / self._span_s()

    def speed(self) -> float | None:
        """Seconds of audio made a second; None until it is known, or where the step makes none."""
        made = self._samples[-1].audio_s - self._samples[0].audio_s if self.known else 0.0
        return made / self._span_s() if made > 0 else None

    def left_s(self, now: float) -> float | None:
        """Seconds until done at the present pace; None until it is known, and while the step stands still."""
        rate = self.per_s()
        if not rate or self.stalled_s(now) is not None:
            return None
        since = now - self._samples[-1].at
        return max((self._total - self._samples[-1].done) / rate - since, 0.0)

    def stalled_s(self, now: float) -> float | None:
        """Seconds without any progress, once they are worth a word."""
        if not self._samples or self._samples[-1].done >= self._total:
            return None
        quiet = now - self._samples[-1].at
        # A step whose units take long has not stalled before several of them could have been done.
        rate = self.per_s()
        patience = max(_STALLED_S, 3 / rate) if rate else _STALLED_S
        return quiet if quiet >= patience else None

    def _span_s(self) -> float:
        return self._samples[-1].at - self._samples[0].at if len(self._samples) > 1 else 0.0


def spoken_time(seconds: float) -> str:
    """``42 s``, ``3 min 05 s``, ``2 h 40 min``: as a person says it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
