"""The doctor's findings as a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.console.screens.doctor import DoctorScreen

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp


async def show_findings(app: ConsoleApp) -> None:
    """Look, and show what was found."""
    if isinstance(app.screen, DoctorScreen):
        app.screen.look_again()
    else:
        app.push_screen(DoctorScreen())
