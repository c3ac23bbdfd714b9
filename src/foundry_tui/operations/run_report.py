"""What a run of the queue came to: every production, its outcome, its files, substitutions and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.events import Event
from foundry_tui.domain.money import MICROS
from foundry_tui.domain.productions import Production, Step
from foundry_tui.domain.status import Status

DONE, FAILED, GAPS, INTERRUPTED = 0, 1, 3, 130
_COUNTED = {"retry": "retries", "retake": "retakes", "step_retry": "repeated steps"}
_LISTED = 10


@dataclass(frozen=True, slots=True)
class ProductionReport:
    """One production after the run.

    ``outcome``: success, gaps, failed, cancelled, paused, no_room, pending or elsewhere.
    """

    audiobook_id: str
    book_id: str
    title: str
    author: str | None
    narrator: str
    outcome: str
    message: str | None = None
    next_step: str | None = None
    files: tuple[str, ...] = ()
    duration_s: float = 0.0
    size_bytes: int = 0
    spoken_by: str | None = None
    substitutions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    spent_usd: float = 0.0  # requests in flight included
    free: bool = False  # its voice costs nothing
    hint: str | None = None  # what to do about the voice, where it is a plain one


@dataclass(frozen=True, slots=True)
class RunReport:
    """The whole run; ``wall_s`` from its first to its last second."""

    productions: tuple[ProductionReport, ...] = ()
    left_alone: tuple[ProductionReport, ...] = ()
    recovered: tuple[str, ...] = ()
    jobs_run: int = 0
    wall_s: float = 0.0
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """130 interrupted; 1 a production failed or found no room; 3 neither, but one has gaps; else 0."""
        if self.interrupted:
            return INTERRUPTED
        outcomes = {report.outcome for report in self.productions}
        return FAILED if outcomes & {"failed", "no_room"} else GAPS if "gaps" in outcomes else DONE

    @property
    def hints(self) -> tuple[str, ...]:
        """What an operator should hear once, whatever the number of books."""
        return tuple(dict.fromkeys(report.hint for report in self.productions if report.hint))

    def counts(self) -> Counter[str]:
        """How many productions came to which outcome."""
        return Counter(report.outcome for report in self.productions)

    def to_json(self) -> dict[str, Any]:
        """As ``--run-all --json`` prints it last."""
        return {
            **asdict(self),
            "hints": list(self.hints),
            "counts": dict(self.counts()),
            "exit_code": self.exit_code,
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What the tables say of a production after the run."""

    production: Production
    book: Book
    narrator: Narrator
    steps: Sequence[Step] = ()
    events: Sequence[Event] = ()
    spent_micros: int = 0


def report_of(facts: Facts, how: str | None = None) -> ProductionReport:
    """The report on one production; ``how`` is how this process's last claim of it ended, if it had one."""
    production, totals = facts.production, facts.production.totals
    gaps = int(totals.get("gaps") or 0)
    spoken = totals.get("spoken_by") or {}
    return ProductionReport(
        audiobook_id=production.audiobook_id,
        book_id=production.book_id,
        title=facts.book.book_name,
        author=facts.book.author,
        narrator=facts.narrator.narrator_name,
        outcome=_outcome(production, gaps, how),
        message=_message(production, gaps),
        next_step=next((step.step_number for step in facts.steps if step.status is not Status.SUCCESS), None),
        files=_files(facts) if production.status is Status.SUCCESS else (),
        duration_s=float(totals.get("duration_s") or totals.get("audio_s") or 0.0),
        size_bytes=int(totals.get("size_bytes") or 0),
        spoken_by=f"{spoken['engine']}, voice {spoken['voice']}" if spoken else None,
        substitutions=_substitutions(facts, spoken),
        warnings=_warnings(facts.events),
        spent_usd=facts.spent_micros / MICROS,
        free=bool((totals.get("money") or {}).get("free")),
        hint=totals.get("voice_hint"),
    )


def _files(facts: Facts) -> tuple[str, ...]:
    """The published files with their whole paths, the M4B first."""
    result = next((step.result for step in facts.steps if step.step_name == "publishing"), {})
    folder, names = result.get("folder"), result.get("sizes") or {}
    ordered = sorted(names, key=lambda name: (not str(name).endswith(".m4b"), name))
    return tuple(str(Path(str(folder)) / str(name)) for name in ordered) if folder else ()


def _outcome(production: Production, gaps: int, how: str | None) -> str:
    if production.status is Status.SUCCESS:
        return "gaps" if gaps else "success"
    if production.status in {Status.FAILED, Status.CANCELLED}:
        return production.status.value
    if production.paused_at is not None:
        return "paused"
    if how == "disk_full" and production.status is Status.PENDING:
        return "no_room"
    return "elsewhere" if production.status is Status.PROCESSING and how in {None, "elsewhere"} else "pending"


def _message(production: Production, gaps: int) -> str | None:
    if production.status is Status.SUCCESS:
        return f"{gaps} chunks are missing from it, as allowed." if gaps else None
    return production.error_message


def _substitutions(facts: Facts, spoken: Mapping[str, Any]) -> tuple[str, ...]:
    said = [event.message for event in facts.events if event.kind in {"substitution", "fallback", "substitute_voice"}]
    if spoken and not facts.narrator.engine:
        what = "an ordinary" if spoken.get("natural") else "the built-in"
        said.insert(
            0,
            f"{facts.narrator.narrator_name} names no engine: {what} voice spoke it ({spoken['engine']}, "
            f"{spoken['voice']}).",
        )
    elif spoken and not spoken.get("named", True):
        said.insert(0, f"{facts.narrator.narrator_name} names no voice: {spoken['voice']} was chosen.")
    return tuple(said)


def _warnings(events: Sequence[Event]) -> tuple[str, ...]:
    counted = Counter(event.kind for event in events if event.kind in _COUNTED)
    rest = [event.message for event in events if event.kind not in _COUNTED and event.kind not in _NO_WARNINGS]
    lines = [f"{number:,} {_COUNTED[kind]}" for kind, number in sorted(counted.items())]
    unique = list(dict.fromkeys(rest))
    lines += unique[:_LISTED]
    if len(unique) > _LISTED:
        lines.append(f"… and {len(unique) - _LISTED} more: foundry-tui events AUDIOBOOK_ID --level warning")
    return tuple(lines)


_NO_WARNINGS = {"step_failed", "production_failed", "substitution", "fallback", "substitute_voice", "disk_full"}
