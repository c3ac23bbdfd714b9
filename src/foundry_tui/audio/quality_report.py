"""What was proven of a finished file: each check with its figure, for machines and for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foundry_tui.audio.tags import one_line


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``sentence`` holds the figure; a ``fatal`` one that did not pass forbids publishing."""

    name: str
    passed: bool
    sentence: str
    fatal: bool = True
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All checks of one file; ``chapters`` holds the levels measured of each."""

    file: str
    findings: tuple[Finding, ...]
    chapters: Sequence[Mapping[str, Any]] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    heading: str = "Quality of"

    @property
    def passed(self) -> bool:
        """Whether no fatal check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Checks whose failure forbids publishing."""
        return tuple(finding for finding in self.findings if not finding.passed and finding.fatal)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Checks that did not pass but only need a look."""
        return tuple(finding for finding in self.findings if not finding.passed and not finding.fatal)

    def to_json(self) -> dict[str, Any]:
        """The whole report, JSON-able."""
        return {
            "schema_version": 1,
            "file": self.file,
            "passed": self.passed,
            "figures": dict(self.figures),
            "findings": [
                {
                    "name": finding.name,
                    "passed": finding.passed,
                    "fatal": finding.fatal,
                    "sentence": finding.sentence,
                    "figures": dict(finding.figures),
                }
                for finding in self.findings
            ],
            "chapters": [dict(chapter) for chapter in self.chapters],
        }

    def to_markdown(self) -> str:
        """The report as a page a person reads."""
        verdict = "passed" if self.passed else "FAILED"
        lines = [
            f"# {f'{self.heading} {_cell(self.file)}'.strip()}: {verdict}",
            "",
            "| | check | finding |",
            "| --- | --- | --- |",
        ]
        for finding in self.findings:
            sign = "pass" if finding.passed else "FAIL" if finding.fatal else "look"
            lines.append(f"| {sign} | {_cell(finding.name)} | {_cell(finding.sentence)} |")
        if self.figures.get("note"):
            lines += ["", _cell(self.figures["note"])]
        if self.chapters:
            names = list(self.chapters[0])
            lines += ["", "## Chapters", "", f"| {' | '.join(_cell(name.replace('_', ' ')) for name in names)} |"]
            lines.append(f"|{' --- |' * len(names)}")
            lines += [f"| {' | '.join(_cell(chapter.get(name)) for name in names)} |" for chapter in self.chapters]
        return "\n".join([*lines, ""])


def _cell(value: Any) -> str:
    text = one_line(str(value), 300)
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text
