"""STEP6: the finished file is opened, decoded to its end and held against everything it should be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from foundry_tui.audio.verify import QualityReport, verify_m4b
from foundry_tui.domain.status import Level
from foundry_tui.errors import QualityFailed
from foundry_tui.files import sha256_of, write_bytes, write_json
from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.steps.final_compilation import expected_file
from foundry_tui.steps.places import Places
from foundry_tui.steps.toolbox import Toolbox


class QualityCheck:
    """Proves the file itself, not our notes about it."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The finished file's bytes."""
        return {"m4b": context.results["final_compilation"]["m4b"]["sha256"]}

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether the report of a passed check is still there."""
        places = Places.of(self._tools.home, context.production)
        return bool(result.get("passed")) and (places.reports / "quality.json").is_file()

    async def run(self, context: StepContext) -> StepOutcome:
        """Verify, write both reports, and fail with what did not hold."""
        places = Places.of(self._tools.home, context.production)
        await self._require_unchanged(context)
        report = await self._tools.cpu.run(_verified, places, await expected_file(self._tools, context))
        for finding in report.failures:
            await context.event("finding", finding.sentence, level=Level.ERROR, details={"check": finding.name})
        for finding in report.warnings:
            await context.event("finding", finding.sentence, level=Level.WARNING, details={"check": finding.name})
        if not report.passed:
            raise QualityFailed(
                f"{len(report.failures)} checks of the finished file failed; the first: {report.failures[0].sentence}",
                details={"report": places.relative(places.reports / "quality.md")},
            )
        return StepOutcome(
            result={"passed": True, "report": places.relative(places.reports / "quality.json")},
            message=f"The finished file holds in all {len(report.findings)} checks.",
            totals={"checks": len(report.findings), "warnings": len(report.warnings)},
        )

    async def _require_unchanged(self, context: StepContext) -> None:
        """A file that is not the one STEP5 wrote is written again: there is nothing to prove about it."""
        written = context.results["final_compilation"]["m4b"]
        path = self._tools.home / str(written["file"])
        try:
            now = await asyncio.to_thread(sha256_of, path)
        except OSError:
            now = ""
        if now != written["sha256"]:
            await context.send_back("final_compilation", f"{path.name} is not what was written.")


def _verified(places: Places, expected: Any) -> QualityReport:
    report = verify_m4b(places.m4b, expected)
    write_json(places.reports / "quality.json", report.to_json())
    write_bytes(places.reports / "quality.md", report.to_markdown().encode("utf-8"))
    return report
