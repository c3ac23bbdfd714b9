"""What would run again and why, as lines to read before anything is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from foundry_tui.console.glyphs import STATUS
from foundry_tui.domain.plain import plain
from foundry_tui.domain.status import Status

if TYPE_CHECKING:
    from foundry_tui.operations.forecast import StepForecast

Line = Sequence[tuple[str, str]]
_ASKED = "you ask for it"


def forced(forecast: Sequence[StepForecast], step_number: str) -> tuple[StepForecast, ...]:
    """The forecast with ``step_number`` asked for: it runs whatever its inputs, and what follows runs after it."""
    from foundry_tui.operations.forecast import StepForecast

    found: list[StepForecast] = []
    after = False
    for step in forecast:
        reasons = step.reasons
        if step.step_number == step_number:
            reasons, after = (_ASKED, *(each for each in reasons if step.runs)), True
        elif after and not step.runs:
            reasons = (f"follows from {short(step_number)}",)
        found.append(StepForecast(step.step_number, step.step_name, step.runs or after, reasons))
    return tuple(found)


def any_runs(forecast: Sequence[StepForecast]) -> bool:
    """Whether anything would."""
    return any(step.runs for step in forecast)


def forecast_lines(forecast: Sequence[StepForecast]) -> list[Line]:
    """Each step that runs with its reasons; those that stay on one line at the end."""
    lines: list[Line] = []
    sign = STATUS[Status.PROCESSING]
    for step in forecast:
        if not step.runs:
            continue
        reasons = [plain(reason, 300) for reason in step.reasons] or ["its inputs changed"]
        lines.append([(f"{sign.drawn()} {step.step_number:<24} ", "busy"), (reasons[0], "")])
        lines += [[(" " * 27, ""), (reason, "")] for reason in reasons[1:]]
    stay = [short(step.step_number) for step in forecast if not step.runs]
    if not lines:
        lines.append([(f"{STATUS[Status.SUCCESS].drawn()} Nothing: everything is as its inputs would make it.", "ok")])
    elif stay:
        lines.append([(f"{STATUS[Status.SUCCESS].drawn()} {', '.join(stay)}: as they are.", "dim")])
    return lines


def short(step_number: str) -> str:
    """``STEP3`` of ``STEP3_audio_generation``."""
    return plain(step_number.partition("_")[0], 20)
