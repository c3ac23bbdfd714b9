"""Mastering a chapter: takes to finished samples in one streaming pass, bounded by one block and one take of memory.

In this order: the take at the book's rate, linear gain, high-pass, room tone, true-peak limiter. All state is carried
from block to block, so the result does not depend on the block size, nor on the process it runs in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from foundry_tui.audio.biquads import Biquads, high_pass
from foundry_tui.audio.layout import ChapterPlan, PlacedTake
from foundry_tui.audio.limiter import Limiter
from foundry_tui.audio.profiles import MasteringProfile
from foundry_tui.audio.room_tone import EDGE, RoomTone
from foundry_tui.audio.take_file import read_take
from foundry_tui.errors import ArtifactBroken

BLOCK = 1 << 16  # samples mastered at a time: 2.7 s at 24 kHz, small enough for the processor's cache
_CUT_FADE_MS = 3  # fade where silence was left out, inside the silence that is kept


@dataclass(slots=True)
class MasteringReport:
    """What the limiter did, filled when the last block is out."""

    limited_samples: int = 0
    reduction_db: float = 0.0


def master(
    plan: ChapterPlan,
    *,
    book_id: str,
    gain_db: float,
    profile: MasteringProfile,
    context: int = 0,
    span: tuple[int, int] | None = None,
    block: int = BLOCK,
    report: MasteringReport | None = None,
) -> Iterator[NDArray[np.float32]]:
    """Finished samples in blocks, from ``-context`` to ``plan.samples + context`` (context <= EDGE), or of ``span``.

    The context is the room tone every chapter of the book shares at its borders. A span that begins or ends inside the
    chapter is mastered with half a second more on that side, in which filter and limiter come to their state.
    Raises ArtifactBroken for a take that no longer holds what was written.
    """
    if not 0 <= context <= EDGE:
        raise ValueError(f"context must lie between 0 and {EDGE}")
    first, last = span or (-context, plan.samples + context)
    settle = plan.sample_rate // 2
    begin, end = max(first - settle, min(first, -context)), min(last + settle, max(last, plan.samples + context))
    tone = RoomTone(book_id, plan.number, plan.samples, plan.sample_rate, profile.tone_db)
    shape = _gain_and_high_pass(gain_db, profile, plan.sample_rate)
    limiter = Limiter(plan.sample_rate, profile.ceiling_db)
    speech = _Speech(plan, begin)

    def limited() -> Iterator[NDArray[np.float32]]:
        for start in range(begin, end, block):
            count = min(block, end - start)
            sound = shape(speech.block(start, count)) + tone.block(start, count)
            yield limiter.process(sound.astype(np.float32))
        yield limiter.finish()

    position = begin
    for sound in limited():
        wanted = sound[max(0, first - position) : max(0, last - position)]
        position += len(sound)
        if len(wanted):
            yield wanted
    if report is not None:
        report.limited_samples, report.reduction_db = limiter.limited_samples, round(limiter.reduction_db, 2)


def _gain_and_high_pass(
    gain_db: float, profile: MasteringProfile, sample_rate: int
) -> Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]]:
    """Both at once: the gain costs nothing inside the filter."""
    gain = 10 ** (gain_db / 20)
    if profile.high_pass_hz <= 0:
        return lambda sound: sound * gain
    sections = high_pass(profile.high_pass_hz, sample_rate)
    sections[0, :3] *= gain
    return Biquads(sections).process


class _Speech:
    """The takes on the chapter's timeline, read one at a time as the blocks come to them."""

    def __init__(self, plan: ChapterPlan, begin: int) -> None:
        self._rate = plan.sample_rate
        self._coming = [take for take in reversed(plan.takes) if take.start + take.samples > begin]
        self._open: list[tuple[int, NDArray[np.float32]]] = []

    def block(self, start: int, count: int) -> NDArray[np.float32]:
        sound = np.zeros(count, dtype=np.float32)
        while self._coming and self._coming[-1].start < start + count:
            take = self._coming.pop()
            self._open.append((take.start, load_take(take, self._rate)))
        for place, samples in self._open:
            first, last = max(place, start), min(place + len(samples), start + count)
            if first < last:
                sound[first - start : last - start] += samples[first - place : last - place]
        self._open = [(place, samples) for place, samples in self._open if place + len(samples) > start + count]
        return sound


def load_take(take: PlacedTake, sample_rate: int) -> NDArray[np.float32]:
    """The used part of a take at ``sample_rate`` Hz, exactly ``take.samples`` long, full scale = 1.0."""
    whole = read_take(take.path, take.sha256)
    if len(whole) != take.file_samples:
        raise ArtifactBroken(
            f"{take.path.name} holds {len(whole)} samples, {take.file_samples} were laid out.",
            details={"path": str(take.path)},
        )
    used = whole[take.source_offset : take.source_offset + take.source_samples].astype(np.float32)
    used *= 1 / 32768.0
    _fade_cuts(used, take)
    if take.source_rate == sample_rate:
        return used
    resampled = soxr.resample(used, take.source_rate, sample_rate, quality="HQ")
    fitted = np.zeros(take.samples, dtype=np.float32)
    count = min(len(resampled), take.samples)
    fitted[:count] = resampled[:count]
    return fitted


def _fade_cuts(used: NDArray[np.float32], take: PlacedTake) -> None:
    fade = take.source_rate * _CUT_FADE_MS // 1000
    if len(used) < 2 * fade:
        return
    ramp = ((np.arange(fade) + 0.5) / fade).astype(np.float32)
    if take.source_offset:
        used[:fade] *= ramp
    if take.source_offset + take.source_samples < take.file_samples:
        used[-fade:] *= ramp[::-1]
