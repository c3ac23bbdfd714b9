"""A finished M4B heard to its last sample, in spans of whole chapters that several processes can share.

Every packet is decoded by somebody. A span that begins inside the file is decoded from two frames earlier, so that its
first frame sounds as it does in one go (an AAC frame overlaps the one before it), and what is heard adds up to the same
figures however the book was shared out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.layout import FRAME
from foundry_tui.audio.sound_meter import SoundMeter
from foundry_tui.domain.timing import TimingTable
from foundry_tui.errors import ArtifactBroken

_GATHER = 1 << 16
_ENVELOPE_MS = 20
_LEAD_FRAMES = 2
UNREADABLE = (OSError, ArtifactBroken, av.error.FFmpegError, ValueError, IndexError)

Span = tuple[int, int]  # chapters by their place: first, and the one after the last


@dataclass(frozen=True, slots=True)
class Heard:
    """What one span sounds like; picklable. ``error`` says why it could not be heard, and nothing else stands then.

    ``levels`` (as SoundMeter gives them) and ``energies`` (K-weighted, per 100 ms) are per chapter; ``envelope`` holds
    mean squares per ``step`` samples from sample ``start`` on.
    """

    span: Span
    start: int = 0
    samples: int = 0
    sample_rate: int = 0
    channels: int = 0
    codec: str = ""
    step: int = 1
    levels: list[dict[str, float]] = field(default_factory=list)
    energies: list[NDArray[np.float32]] = field(default_factory=list)
    envelope: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    error: str = ""

    def between(self, first: int, last: int) -> NDArray[np.float32]:
        """The envelope from sample ``first`` to ``last`` of the book, whole steps, as far as this span goes."""
        begin, end = ((place - self.start) // self.step for place in (first, last))
        return self.envelope[max(0, begin) : max(0, end)]


def spans(timing: TimingTable, pieces: int) -> list[Span]:
    """At most ``pieces`` spans about equally long; no chapter is cut."""
    ends = [chapter.end for chapter in timing.chapters]
    cuts = [0, len(ends)]
    for piece in range(1, pieces):
        wanted = timing.samples * piece // pieces
        cuts.append(min(range(len(ends) + 1), key=lambda place: abs((ends[place - 1] if place else 0) - wanted)))
    return list(pairwise(sorted(set(cuts))))


def listen(path: Path, timing: TimingTable, span: Span) -> Heard:
    """Decode the span and measure it. Never raises for a bad file."""
    try:
        return _heard(path, timing, span)
    except UNREADABLE as error:
        return Heard(span, error=str(error))


def _heard(path: Path, timing: TimingTable, span: Span) -> Heard:
    chapters = timing.chapters[slice(*span)]
    start = chapters[0].start
    end = None if span[1] == len(timing.chapters) else chapters[-1].end  # the last one hears what is left over, too
    listener = _Listener(start, [chapter.end for chapter in chapters], timing.sample_rate)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        codec = stream.codec_context
        name, rate, channels = codec.name, codec.sample_rate, codec.channels
        if start:
            container.seek(max(0, start - _LEAD_FRAMES * FRAME), stream=stream)
        for block in _blocks(container, stream, start, end):
            listener.add(block)
    return listener.heard(Heard(span, start, sample_rate=rate, channels=channels, codec=name))


class _Listener:
    """Hears sound once; keeps of each chapter its levels, and of the whole a mean square per 20 ms."""

    def __init__(self, start: int, ends: Sequence[int], sample_rate: int) -> None:
        self._rate = sample_rate
        self._ends = ends
        self._step = sample_rate * _ENVELOPE_MS // 1000
        self._envelope = np.zeros((ends[-1] - start) // self._step + 1, dtype=np.float32)
        self._frames = 0
        self._position = self._start = start
        self._rest = np.zeros(0, dtype=np.float32)
        self._meter = SoundMeter(sample_rate)
        self._levels: list[dict[str, float]] = []
        self._energies: list[NDArray[np.float32]] = []

    def add(self, block: NDArray[np.float32]) -> None:
        self._follow(block)
        left = block
        while len(left) and len(self._levels) < len(self._ends):
            part = left[: self._ends[len(self._levels)] - self._position]
            self._meter.add(part)
            self._position += len(part)
            left = left[len(part) :]
            if self._position == self._ends[len(self._levels)]:
                self._close()
        self._position += len(left)

    def heard(self, about: Heard) -> Heard:
        while len(self._levels) < len(self._ends):  # the file ended early
            self._close()
        return replace(
            about,
            samples=self._position - self._start,
            step=self._step,
            levels=self._levels,
            energies=self._energies,
            envelope=self._envelope,
        )

    def _close(self) -> None:
        self._levels.append(self._meter.levels())
        self._energies.append(self._meter.energies().astype(np.float32))
        self._meter = SoundMeter(self._rate)

    def _follow(self, block: NDArray[np.float32]) -> None:
        joined = np.concatenate([self._rest, block])
        whole = len(joined) // self._step
        rows = joined[: whole * self._step].reshape(whole, self._step)
        kept = min(whole, len(self._envelope) - self._frames)
        self._envelope[self._frames : self._frames + kept] = (
            np.einsum("ij,ij->i", rows[:kept], rows[:kept]) / self._step
        )
        self._frames += kept
        self._rest = joined[whole * self._step :]


def _blocks(container: Any, stream: Any, start: int, end: int | None) -> Iterator[NDArray[np.float32]]:
    """The sound from sample ``start`` to ``end``, or to the end of the file."""
    parts: list[NDArray[np.float32]] = []
    count = 0
    for frame in container.decode(stream):
        place = start if frame.pts is None else frame.pts
        if place + frame.samples <= start:
            continue  # the lead-in
        if end is not None and place >= end:
            break
        samples = np.frombuffer(frame.planes[0], dtype=np.float32, count=frame.samples)
        samples = samples[max(0, start - place) : None if end is None else end - place]
        parts.append(samples)
        count += len(samples)
        if count >= _GATHER:
            yield np.concatenate(parts)
            parts, count = [], 0
    if parts:
        yield np.concatenate(parts)
