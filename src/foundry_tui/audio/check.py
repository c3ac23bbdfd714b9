"""Is this take what was asked for? Each rule answers with a flag that gives its figure; fatal ones mean: speak again.

A false fatal flag costs more than a missed fault (a deterministic voice says the same again, and the chunk fails), so
fatal bounds are wide and sure; closer bounds give advisory flags, which are kept with the take and shown. The raw
engine output is judged, before any pause is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from foundry_tui.audio.measure import SILENT_DB, Measures
from foundry_tui.audio.voice_norm import VoiceNorm, length_class, letters, speech_rate

__all__ = ["Flag", "VoiceNorm", "check"]

_SILENCE_PEAK = 0.001  # -60 dBFS
_MIN_SPEECH_MS = 60
_RATE_BOUNDS = (2.5, 45.0)  # letters a second no voice leaves at any setting
_SHORT_TEXT_MS = (2_000, 600)  # at most this much speech for a word or two, plus this much a letter
_FATAL_RATIO = {1: (0.45, 2.2), 2: (0.63, 1.65), 3: (0.63, 1.6)}  # of the voice's median, by length class
_ODD_RATIO = {1: (0.55, 1.75), 2: (0.68, 1.42), 3: (0.72, 1.35)}
_END_DB, _QUIET_END_DB, _LOUD_END_DB = -30.0, -36.0, -12.0


@dataclass(frozen=True, slots=True)
class Flag:
    """One finding. ``reason`` is a sentence with the figure in it; ``fatal``: the take must not be used."""

    name: str
    reason: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def check(measures: Measures, text: str, norm: VoiceNorm) -> tuple[Flag, ...]:
    """All that is wrong or odd about a take of ``text``; an empty tuple is a clean take."""
    if not measures.samples:
        return (Flag("empty", "The take holds no sound at all.", fatal=True),)
    if not measures.finite:
        return (Flag("not_finite", "The take holds values that are no numbers.", fatal=True),)
    if measures.peak <= _SILENCE_PEAK or measures.speech_db <= SILENT_DB:
        if not letters(text):
            return ()
        return (Flag("silent", f"Nothing is heard: the peak is {measures.peak:.5f}.", fatal=True),)
    return (*_signal(measures), *_length(measures, text, norm), *_end(measures, norm), *_level(measures, text, norm))


def _signal(measures: Measures) -> Iterator[Flag]:
    if measures.clipped > 20:
        much = measures.clipped > max(20, measures.samples // 2000)
        yield Flag("clipped", f"{measures.clipped} samples stand flat at the peak.", fatal=much)
    if abs(measures.dc) > 0.005:
        yield Flag("dc_offset", f"The wave lies {measures.dc:+.4f} off its middle.", fatal=abs(measures.dc) > 0.02)
    range_db = measures.speech_db - measures.floor_db
    if measures.zero_crossing_rate > 0.4:
        yield Flag("noise", f"{measures.zero_crossing_rate:.2f} zero crossings a sample: this is noise.", fatal=True)
    elif measures.speech_ms >= 700 and range_db < 8:
        yield Flag("noise", f"Only {range_db:.1f} dB between speech and floor: this is noise or a tone.", fatal=True)
    elif measures.speech_ms >= 1500 and measures.floor_db > -45:
        yield Flag("noisy", f"The quietest frames stand at {measures.floor_db:.1f} dBFS.", fatal=False)
    if measures.longest_gap_ms > 1500:
        gap = measures.longest_gap_ms
        yield Flag("long_gap", f"{gap / 1000:.1f} s of silence inside the speech.", fatal=gap > 2500)
    if measures.lead_ms > 700 or measures.tail_ms > 1500:
        yield Flag("slack", f"{measures.lead_ms} ms of silence before, {measures.tail_ms} ms after.", fatal=False)


def _length(measures: Measures, text: str, norm: VoiceNorm) -> Iterator[Flag]:
    size, kind = letters(text), length_class(text)
    speech_ms = measures.speech_ms - max(0, measures.longest_gap_ms - 700)
    if not size:
        return
    if speech_ms < _MIN_SPEECH_MS:
        yield Flag("too_short", f"{speech_ms} ms of speech for “{_brief(text)}”.", fatal=True)
        return
    if kind == 0:
        most = _SHORT_TEXT_MS[0] + _SHORT_TEXT_MS[1] * size
        if speech_ms > most:
            yield Flag("too_long", f"{speech_ms} ms of speech for “{_brief(text)}”, at most {most}.", fatal=True)
        return
    rate, usual = speech_rate(measures, text), norm.rate(text)
    story = f"{rate:.1f} letters a second" + (f", {rate / usual:.2f} x this voice's median" if usual else "")
    low, high = _RATE_BOUNDS
    fatal_low, fatal_high = _FATAL_RATIO[kind]
    odd_low, odd_high = _ODD_RATIO[kind]
    if rate > high or (usual and rate > usual * fatal_high):
        yield Flag("too_short", f"{story}: words are missing.", fatal=True)
    elif rate < low or (usual and rate < usual * fatal_low):
        yield Flag("too_long", f"{story}: more was said than the text holds.", fatal=True)
    elif usual and not usual * odd_low <= rate <= usual * odd_high:
        yield Flag("odd_rate", f"{story}.", fatal=False)


def _end(measures: Measures, norm: VoiceNorm) -> Iterator[Flag]:
    if measures.end_db <= _END_DB:
        return
    usual = norm.end_db()
    fatal = measures.end_db > _LOUD_END_DB if usual is None else usual < _QUIET_END_DB
    if usual is None or usual < _QUIET_END_DB:
        yield Flag("truncated_end", f"It stops {-measures.end_db:.0f} dB under its loudest moment.", fatal=fatal)


def _level(measures: Measures, text: str, norm: VoiceNorm) -> Iterator[Flag]:
    usual = norm.speech_db()
    if usual is not None and length_class(text) and abs(measures.speech_db - usual) > 6:
        yield Flag("odd_level", f"{measures.speech_db - usual:+.1f} dB against this voice's median.", fatal=False)


def _brief(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
