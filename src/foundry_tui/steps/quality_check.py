"""STEP6: the finished files are opened, decoded to their end and held against everything they should be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from foundry_tui.audio.listen import listen, spans
from foundry_tui.audio.quality_report import Finding, QualityReport
from foundry_tui.audio.verify import verify_m4b
from foundry_tui.audio.verify_editions import (
    ExpectedMp3,
    measured,
    verify_acx,
    verify_epub,
    verify_mp3s,
    verify_sample,
    verify_stream,
    verify_subtitles,
)
from foundry_tui.domain.keys import key_of
from foundry_tui.domain.status import Level
from foundry_tui.domain.timing import TimingTable
from foundry_tui.errors import QualityFailed
from foundry_tui.files import write_bytes, write_json
from foundry_tui.pipeline.contract import Progress, StepContext, StepOutcome
from foundry_tui.steps.edition_press import SUBTITLES, profile_of, texts_of
from foundry_tui.steps.final_compilation import book_tags, expected_m4b, m4bs_of, require_unchanged, volumes_of
from foundry_tui.steps.metadata import own_cover
from foundry_tui.steps.parsed import narrated_chapters
from foundry_tui.steps.places import Places
from foundry_tui.steps.timing_file import load_timing
from foundry_tui.steps.toolbox import Toolbox

ACX_REPORT = "acx_certificate"


_Piece = tuple[Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Check:
    """One report to be made: ``verify(*args)`` of ``files``; skipped where these very files have passed it before."""

    report: str
    files: Sequence[Mapping[str, Any]]
    verify: Callable[..., QualityReport]
    args: tuple[Any, ...]
    forbidding: frozenset[str] | None = None  # checks whose failure forbids publishing; None: all fatal ones
    # What takes long, in pieces for so many processes at once; the verifier is given what they found.
    pieces: Callable[[int], Sequence[_Piece]] | None = None

    def failures(self, report: QualityReport) -> tuple[Finding, ...]:
        """What forbids publishing."""
        named = self.forbidding
        return tuple(found for found in report.failures if named is None or found.name in named)

    def key(self, against: str) -> str:
        """What was checked, against what."""
        return key_of({"files": [file["sha256"] for file in self.files], "report": self.report, "against": against})


class QualityCheck:
    """Proves the files themselves, not our notes about them."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The finished files' bytes."""
        compiled = context.results["final_compilation"]
        parts: dict[str, Any] = {"m4b": [file["sha256"] for file in m4bs_of(compiled)]}
        if compiled.get("editions"):
            parts["editions"] = {
                name: [file["sha256"] for file in files] for name, files in compiled["editions"].items()
            }
        return parts

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether the reports of a passed check are still there."""
        places = Places.of(self._tools.home, context.production)
        reports = result.get("reports") or ["quality"]
        return bool(result.get("passed")) and all((places.reports / f"{name}.json").is_file() for name in reports)

    async def run(self, context: StepContext) -> StepOutcome:
        """Verify, write the reports, and fail with what did not hold."""
        places = Places.of(self._tools.home, context.production)
        await require_unchanged(self._tools.home, context)
        checks = await self._checks(context, places)
        against = key_of({**await self.inputs(context), "profile": self._tools.settings.mastering_profile})
        passed = {str(key) for key in context.step.result.get("checked") or ()}
        wanted = [
            check
            for check in checks
            if check.key(against) not in passed or not (places.reports / f"{check.report}.json").is_file()
        ]
        done = await self._verify(context, places, wanted)
        await self._tell(context, done)
        await self._refuse(places, done)
        findings = [finding for _, report in done for finding in report.findings]
        return StepOutcome(
            result={
                "passed": True,
                "report": places.relative(places.reports / "quality.json"),
                "reports": [check.report for check in checks],
                "checked": [check.key(against) for check in checks],
            },
            message=_told(len(checks), findings),
            totals={"checks": len(findings), "warnings": sum(not finding.passed for finding in findings)},
        )

    async def _verify(
        self, context: StepContext, places: Places, checks: Sequence[_Check]
    ) -> list[tuple[_Check, QualityReport]]:
        """Every report made, as many at once as the pool takes."""
        gate, count = asyncio.Semaphore(self._tools.cpu.processes), 0

        async def one(check: _Check) -> QualityReport:
            nonlocal count
            async with gate:
                context.checkpoint()
                about = _substituted(context) if check.report.startswith("quality") else ()
                args = (*check.args, *await self._heard(check))
                report = await self._tools.cpu.run(_verified, places, check.report, check.verify, args, about)
            count += 1
            context.progress(Progress(count, len(checks), "reports", message=check.report))
            return report

        results = await asyncio.gather(*(one(check) for check in checks), return_exceptions=True)
        errors = [error for error in results if isinstance(error, BaseException)]
        if errors:
            raise errors[0]
        reports = [report for report in results if isinstance(report, QualityReport)]
        return list(zip(checks, reports, strict=True))

    async def _heard(self, check: _Check) -> Sequence[Any]:
        """What the check's verifier is told of files that all processes have listened to."""
        if check.pieces is None:
            return ()
        cpu = self._tools.cpu
        return (await asyncio.gather(*(cpu.run(work, *args) for work, args in check.pieces(cpu.processes))),)

    async def _tell(self, context: StepContext, done: Sequence[tuple[_Check, QualityReport]]) -> None:
        for check, report in done:
            forbidding = check.failures(report)
            for finding in (*report.failures, *report.warnings):
                level = Level.ERROR if finding in forbidding else Level.WARNING
                details = {"check": finding.name, "report": check.report}
                await context.event("finding", _named(check, finding), level=level, details=details)

    async def _refuse(self, places: Places, done: Sequence[tuple[_Check, QualityReport]]) -> None:
        """Raise QualityFailed where a check forbids publishing; a bad edition goes, so that it is made again."""
        failed = [(check, report) for check, report in done if check.failures(report)]
        if not failed:
            return
        for check, _report in failed:
            if not check.report.startswith("quality_volume") and check.report != "quality":
                for file in check.files:
                    await asyncio.to_thread((self._tools.home / str(file["file"])).unlink, missing_ok=True)
        check, report = failed[0]
        count = sum(len(check.failures(report)) for check, report in failed)
        raise QualityFailed(
            f"{count} checks of the finished file failed; the first: {_named(check, check.failures(report)[0])}",
            details={"report": places.relative(places.reports / f"{check.report}.md")},
        )

    async def _checks(self, context: StepContext, places: Places) -> list[_Check]:
        compiled = context.results["final_compilation"]
        timing = await asyncio.to_thread(load_timing, places.timing)
        cover = await own_cover(self._tools.home, context)
        cut = volumes_of(self._tools, context, timing)
        checks = []
        for volume, file in zip(cut, m4bs_of(compiled), strict=True):
            report = "quality" if volume.number == 1 else f"quality_volume_{volume.number}"
            expected = expected_m4b(self._tools, context, volume, len(cut), cover)
            path = self._tools.home / str(file["file"])
            checks.append(_Check(report, [file], verify_m4b, (path, expected), pieces=_spans_of(path, volume.timing)))
        if compiled.get("editions"):
            chapters = await narrated_chapters(context, places, self._tools.settings)
            texts = texts_of(chapters)
            for name, files in compiled["editions"].items():
                house = self._tools.settings.mastering_profile
                tools = _Standard(self._tools.home, timing, texts, profile_of(name, house), book_tags(context), cover)
                timings = {volume.number: volume.timing for volume in cut}
                checks += _edition_checks(name, files, tools, timings)
        return checks


@dataclass(frozen=True, slots=True)
class _Standard:
    """What an edition is held against."""

    home: Path
    timing: TimingTable
    texts: Mapping[tuple[int, int], str]
    profile: Any
    tags: Any
    cover: bytes


def _edition_checks(
    name: str, files: Sequence[Mapping[str, Any]], held: _Standard, timings: Mapping[int, TimingTable]
) -> Iterator[_Check]:
    paths = [held.home / str(file["file"]) for file in files]
    if name in {"mp3", "acx", "sample"}:
        expected = [
            ExpectedMp3(path, str(file["name"]), float(file["seconds"]), str(file["title"]), int(file["track"]))
            for path, file in zip(paths, files, strict=True)
        ]
        chapters = [mp3 for mp3, file in zip(expected, files, strict=True) if not file["sample"]]
        sample = next((mp3 for mp3, file in zip(expected, files, strict=True) if file["sample"]), None)
        if name == "mp3":
            against = ("MP3 set", chapters, held.profile)
            yield _Check("quality_mp3", files, verify_mp3s, against, pieces=_each_of(chapters))
        elif name == "acx":
            # A clause missed is told, and the audiobook is published all the same: the shop decides.
            forbidding = frozenset({"readable", "whole", "tags"})
            whole_set = [*chapters, *([sample] if sample else [])]
            pieces = _each_of(whole_set)
            yield _Check(ACX_REPORT, files, verify_acx, (chapters, sample), forbidding, pieces)
        elif sample is not None:
            yield _Check("quality_sample", files, verify_sample, (sample,))
    elif name in SUBTITLES:
        for path, file in zip(paths, files, strict=True):
            volume = int(file["volume"])
            report = f"quality_{name}" if volume == 1 else f"quality_{name}_volume_{volume}"
            yield _Check(report, [file], verify_subtitles, (path, timings[volume], held.texts))
    elif name == "epub":
        yield _Check("quality_epub", files, verify_epub, (paths[0], held.timing))
    else:
        args = (paths[0], held.timing, held.tags, held.profile, held.cover)
        yield _Check(f"quality_{name}", files, verify_stream, args)


def _spans_of(path: Path, timing: TimingTable) -> Callable[[int], Sequence[_Piece]]:
    return lambda processes: [(listen, (path, timing, span)) for span in spans(timing, processes)]


def _each_of(files: Sequence[ExpectedMp3]) -> Callable[[int], Sequence[_Piece]]:
    return lambda _processes: [(measured, (file,)) for file in files]


def _substituted(context: StepContext) -> tuple[Finding, ...]:
    """What the report says where a declared fallback has spoken."""
    instead = (context.results.get("audio_generation", {}).get("spoken_by") or {}).get("substitute")
    if not instead:
        return ()
    said = f"{instead['narrator']} spoke {instead['chunks']:,} chunks in place of {instead['in_place_of']}."
    return (Finding("voice", passed=False, sentence=f"{said} {instead['reason']}", fatal=False),)


def _verified(
    places: Places,
    name: str,
    verify: Callable[..., QualityReport],
    args: tuple[Any, ...],
    about: tuple[Finding, ...],
) -> QualityReport:
    report = verify(*args)
    report = replace(report, findings=(*report.findings, *about))
    write_json(places.reports / f"{name}.json", report.to_json())
    write_bytes(places.reports / f"{name}.md", report.to_markdown().encode("utf-8"))
    return report


def _named(check: _Check, finding: Finding) -> str:
    """The finding, with the edition it is about before it."""
    edition = check.report.removeprefix("quality").strip("_").replace("_", " ")
    return f"{edition}: {finding.sentence}" if edition else finding.sentence


def _told(reports: int, findings: Sequence[Finding]) -> str:
    missed = sum(not finding.passed for finding in findings)
    files = "The finished file holds" if reports == 1 else f"The finished files hold, in {reports} reports,"
    return f"{files} in all {len(findings)} checks." if not missed else f"{files} but for {missed} to be looked at."
