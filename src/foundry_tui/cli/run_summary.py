"""The last word of a run, in sentences: every production, its outcome, its files, substitutions and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from foundry_tui.cli.out import as_called
from foundry_tui.domain.money import MICROS, dollars
from foundry_tui.operations.pace import spoken_time

if TYPE_CHECKING:
    from foundry_tui.operations.run_report import ProductionReport, RunReport

_WORDS = {
    "success": "finished",
    "gaps": "finished with gaps",
    "failed": "FAILED",
    "cancelled": "cancelled",
    "paused": "paused",
    "no_room": "waits for room on the disk",
    "pending": "not finished yet",
    "elsewhere": "in the hands of another worker",
}
_ORDER = tuple(_WORDS)
_MOST_LEFT_ALONE = 20
_MOST_FILES = 3


def summary_lines(report: RunReport) -> Iterator[str]:
    """The summary, a line at a time."""
    yield from (f"Recovered: {sentence}" for sentence in report.recovered)
    if not report.productions:
        yield "Interrupted before anything was begun." if report.interrupted else "Nothing to do."
    for made in report.productions:
        yield ""
        yield from _production(made)
    if report.left_alone:
        yield ""
        yield from _left_alone(report)
    finished = [made for made in report.productions if made.files]
    if finished:
        yield ""
        yield "Any audiobook player plays the M4B; the library is laid out as Audiobookshelf reads it."
    if report.hints:
        yield ""
        yield from (as_called(line) for line in report.hints)
    if report.productions:
        yield ""
        yield _total(report)
    if report.interrupted:
        yield as_called(
            "Interrupted: nothing is lost, the next `foundry-tui --run-all` goes on where this one stopped."
        )


def _production(made: ProductionReport) -> Iterator[str]:
    by = f" by {made.author}" if made.author else ""
    yield f"{made.audiobook_id}  {made.title}{by}, read by {made.narrator}: {_WORDS[made.outcome]}"
    if made.outcome == "failed" and made.next_step:
        yield f"    at {made.next_step}"
    if made.message:
        yield f"    {made.message}"
    if made.outcome == "failed":
        yield as_called(f"    Try again: foundry-tui requeue {made.audiobook_id}")
    if made.files and made.duration_s:
        yield f"    {spoken_time(made.duration_s)}, {made.size_bytes / 1e6:,.1f} MB, spoken by {made.spoken_by}"
    if made.spent_usd:
        yield f"    cost {dollars(round(made.spent_usd * MICROS))} so far, as the prices set here say"
    elif made.free and made.files:
        yield "    cost nothing: the voice is free"
    yield from (f"    {file}" for file in made.files[:_MOST_FILES])
    if len(made.files) > _MOST_FILES:
        yield f"    … and {len(made.files) - _MOST_FILES} more files beside it"
    yield from (f"    Substitution: {line}" for line in made.substitutions)
    yield from (f"    Warning: {line}" for line in made.warnings)


def _left_alone(report: RunReport) -> Iterator[str]:
    shown = report.left_alone[:_MOST_LEFT_ALONE]
    yield "Left alone:"
    for made in shown:
        why = f", {made.message}" if made.message else ""
        yield f"  {made.audiobook_id}  {made.title}: {_WORDS[made.outcome]}{why}"
    if len(report.left_alone) > len(shown):
        yield as_called(f"  … and {len(report.left_alone) - len(shown)} more: foundry-tui queue ").rstrip()


def _total(report: RunReport) -> str:
    counts = report.counts()
    parts = [f"{counts[outcome]} {_WORDS[outcome].lower()}" for outcome in _ORDER if counts[outcome]]
    return f"{', '.join(parts)} in {spoken_time(report.wall_s)}."
