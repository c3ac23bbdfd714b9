"""The doctor's findings as a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.console.screens.reading import Line, ReadingScreen
from foundry_tui.domain.plain import plain

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

_SIGNS = {"ok": ("●", "#", "ok"), "warning": ("!", "!", "warn"), "problem": ("✗", "x", "bad")}


async def show_findings(app: ConsoleApp) -> None:
    """Look, and show what was found as it is found."""
    screen = ReadingScreen("Doctor", [[("Looking …", "dim")]])
    await app.push_screen(screen)  # on the screen before it is written on
    findings = await app.ask(lambda inner: inner.examine())
    if findings is None or not screen.is_mounted:
        return
    lines: list[Line] = []
    for finding in findings:
        glyph, ascii_sign, style = _SIGNS[finding.level]
        sign = glyph if app.unicode else ascii_sign
        lines.append(
            [(f"{sign} {finding.level:<8}", style), (f"{plain(finding.subject, 24):<18}", "dim"),
             (plain(finding.sentence), "")]
        )  # fmt: skip
        if finding.level != "ok" and finding.action:
            lines.append([(" " * 28 + plain(finding.action), style)])
    screen.show(lines)
