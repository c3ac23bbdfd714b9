"""What of the doctor's findings can be mended from the console, and mending it: nothing that an operator may miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.operations.clean import LEFTOVERS, CleanPlan
from foundry_tui.operations.doctor import OK, Finding

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry

_FOLDERS = ("home", "folder ")


async def repair_words(foundry: Foundry, finding: Finding) -> str:
    """What a repair would do, in a sentence; empty where there is none."""
    if finding.level == OK:
        return ""
    if finding.subject.startswith(_FOLDERS) and "not there" in finding.sentence:
        return "The folders of the home that are missing are made."
    if finding.subject == "leftovers":
        plan = await _leftovers(foundry)
        count = sum(len(item.files) for item in plan.items)
        if count:
            kept = f" {len(plan.kept)} folders are in use and left alone." if plan.kept else ""
            return f"{count} half-written files are deleted; they give {plan.frees / 1e6:,.1f} MB back.{kept}"
    return finding.repair or ""


async def repair(foundry: Foundry, finding: Finding) -> str:
    """Mend it; returns what was done."""
    if finding.subject == "leftovers":
        plan = await _leftovers(foundry)
        freed = await foundry.clean.carry_out(plan)
        return f"{sum(len(item.files) for item in plan.items)} half-written files are gone: {freed / 1e6:,.1f} MB."
    if finding.repair:
        return " ".join(await foundry.repairs.mend([finding.subject])) or "It has been mended meanwhile."
    from foundry_tui.console.inner import make_home

    await make_home(foundry.settings, sample=False, seeds=False)
    foundry.settings.library.mkdir(parents=True, exist_ok=True)
    return "The folders are there."


async def _leftovers(foundry: Foundry) -> CleanPlan:
    plan = await foundry.clean.plan()
    return CleanPlan(tuple(item for item in plan.items if item.kind == LEFTOVERS), plan.kept)
