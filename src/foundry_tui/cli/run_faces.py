"""The faces of a run: plain lines anywhere, JSON lines for programs; the live one for terminals is run_display's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from foundry_tui.cli.events import event_line
from foundry_tui.cli.out import json_line, note, on_terminal, result, warn
from foundry_tui.cli.run_summary import summary_lines
from foundry_tui.domain.plain import plain
from foundry_tui.operations.event_log import event_json
from foundry_tui.operations.pace import spoken_time

if TYPE_CHECKING:
    from foundry_tui.cli.run_watch import Line
    from foundry_tui.domain.events import Event
    from foundry_tui.operations.run_report import RunReport
    from foundry_tui.pipeline.summary import Elsewhere
    from foundry_tui.store.disk_waits import DiskWait

# The step that is next says so itself when it starts; retries are counted in the summary.
_UNTOLD = {"step_pending", "retry"}
_PROGRESS_EVERY_S = 30.0
_JSON_EVERY_S = 1.0
_LABEL = 80  # characters of a title


class Face(Protocol):
    """What a run shows itself to."""

    def begin(self) -> None:
        """Work begins."""
        ...

    def event(self, event: Event, label: str) -> None:
        """Something happened, here or in another process of the home."""
        ...

    def progress(self, lines: Sequence[Line]) -> None:
        """Everything at work now; called twice a second."""
        ...

    def waiting(self, elsewhere: Sequence[Elsewhere]) -> None:
        """Other workers hold these jobs; empty when none does any more."""
        ...

    def cramped(self, waits: Sequence[DiskWait]) -> None:
        """These productions wait for room on the disk; empty when there is room again."""
        ...

    def stopping(self, message: str) -> None:
        """A signal came."""
        ...

    def end(self) -> None:
        """Work has ended."""
        ...

    def summary(self, report: RunReport) -> None:
        """The last word, on stdout."""
        ...


def choose_face(*, as_json: bool) -> Face:
    """JSON lines if asked for, a live display on a terminal, else plain lines."""
    if as_json:
        return JsonFace()
    if on_terminal():
        from foundry_tui.cli.run_display import LiveFace

        return LiveFace()
    return PlainFace()


def waiting_line(elsewhere: Sequence[Elsewhere]) -> str:
    """Whom the run waits for."""
    held = ", ".join(f"{job.name} of {job.audiobook_id} ({job.worker})" for job in elsewhere)
    return f"Waiting for another worker: {held}." if elsewhere else "Nobody else is at work any more."


def cramped_line(waits: Sequence[DiskWait]) -> str:
    """Where room is wanted, and how much; the longest line of it, for freeing that is enough for the others too."""
    if not waits:
        return "There is room on the disk again."
    many = f"{len(waits):,} productions wait" if len(waits) > 1 else f"{waits[0].audiobook_id or 'the queue'} waits"
    most = max(waits, key=lambda wait: wait.wanted_bytes)
    room = f"{most.wanted_bytes / 1e6:,.0f} MB must be free" if most.wanted_bytes else "nothing can be written"
    where = f": {room} at {plain(most.place)}" if most.place else ""
    return f"{many} for room on the disk{where}. It goes on by itself; Ctrl-C stops, and nothing is lost."


def progress_text(line: Line) -> str:
    """``312/960 chunks, 0:41:10 of audio, 18.2x, about 12 min 05 s left`` as far as it is known."""
    parts = [f"{line.done:,}/{line.total:,} {line.unit}"] if line.total else [line.message or "at work"]
    if line.audio_s:
        parts.append(f"{clock_time(line.audio_s)} of audio")
    if line.speed:
        parts.append(f"{line.speed:.1f}x")
    elif line.per_s and line.total:
        parts.append(f"{line.per_s:.1f} {line.unit}/s")
    if line.waits_for:
        parts.append(f"waits for {line.waits_for}")
    elif line.stalled_s is not None:
        parts.append(f"no progress for {spoken_time(line.stalled_s)}")
    elif line.total:
        parts.append("~" if line.left_s is None else f"about {spoken_time(line.left_s)} left")
    return ", ".join(parts)


def clock_time(seconds: float) -> str:
    """``1:02:03``."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


class PlainFace:
    """One line for each thing worth telling, progress every half minute; for logs, pipes and screen readers."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._told_at = monotonic()

    def begin(self) -> None:
        """Nothing to say yet."""

    def event(self, event: Event, label: str) -> None:
        """The event on one line, its book named."""
        if event.level != "debug" and event.kind not in _UNTOLD:
            note(f"{event_line(event)}  [{plain(label, _LABEL)}]" if label else event_line(event))

    def progress(self, lines: Sequence[Line]) -> None:
        """Now and then, how far everything is."""
        now = self._monotonic()
        if now - self._told_at < _PROGRESS_EVERY_S:
            return
        self._told_at = now
        for line in lines:
            note(f"{plain(line.label, _LABEL)}, {line.step_name}: {progress_text(line)}")

    def waiting(self, elsewhere: Sequence[Elsewhere]) -> None:
        """Whom the run waits for."""
        warn(waiting_line(elsewhere))

    def cramped(self, waits: Sequence[DiskWait]) -> None:
        """What waits for room."""
        warn(cramped_line(waits))

    def stopping(self, message: str) -> None:
        """What the signal means."""
        warn(message)

    def end(self) -> None:
        """Nothing to close."""

    def summary(self, report: RunReport) -> None:
        """The summary as lines of text."""
        for line in summary_lines(report):
            result(line)


class JsonFace:
    """One JSON object a line on stdout: ``{"type": "event" | "progress" | "waiting" | "stopping" | "summary", …}``."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._told_at = 0.0
        self._told: list[tuple[str, str, int]] = []

    def begin(self) -> None:
        """Nothing to say yet."""

    def event(self, event: Event, label: str) -> None:
        """The event, whole."""
        json_line({"type": "event", "label": label or None, **event_json(event)})

    def progress(self, lines: Sequence[Line]) -> None:
        """Every step at work, at most once a second and only when it moved."""
        now = self._monotonic()
        moved = [(line.audiobook_id, line.step_name, line.done) for line in lines]
        if now - self._told_at < _JSON_EVERY_S or moved == self._told:
            return
        self._told_at, self._told = now, moved
        json_line({"type": "progress", "steps": [asdict(line) for line in lines]})

    def waiting(self, elsewhere: Sequence[Elsewhere]) -> None:
        """Whom the run waits for."""
        json_line({"type": "waiting", "jobs": [asdict(job) for job in elsewhere]})

    def cramped(self, waits: Sequence[DiskWait]) -> None:
        """What waits for room."""
        json_line({"type": "disk_full", "jobs": [asdict(wait) for wait in waits]})

    def stopping(self, message: str) -> None:
        """What the signal means."""
        json_line({"type": "stopping", "message": message})

    def end(self) -> None:
        """Nothing to close."""

    def summary(self, report: RunReport) -> None:
        """The whole report."""
        json_line({"type": "summary", **report.to_json()})
