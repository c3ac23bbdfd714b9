"""Opening the console: what config.toml says of it, the terminal taken over, and given back however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.console.app import ConsoleApp
from foundry_tui.console.terminal import own_terminal

if TYPE_CHECKING:
    from foundry_tui.settings import Settings


def run(
    settings: Settings,
    *,
    workers: int | None = None,
    readonly: bool = False,
    low_bandwidth: bool = False,
    theme: str | None = None,
) -> int:
    """Open the console on the home of ``settings``; returns the exit code."""
    from foundry_tui.console.config import console_config
    from foundry_tui.operations.daemon import running_daemon

    config = console_config(settings)
    if workers is None:
        # Where a daemon works the queue, this console watches and steers.
        workers = settings.workers if running_daemon(settings.home) is None else 0
    app = ConsoleApp(
        settings,
        workers=workers,
        readonly=readonly,
        low_bandwidth=low_bandwidth or config.low_bandwidth,
        theme=theme or config.theme,
        keys=config.keys,
        rings=config.bell,
    )
    code = 0
    try:
        with own_terminal(settings.home):
            app.run(mouse=config.mouse)
            code = app.return_code or app.return_value or 0
    finally:
        # However the screen ended, the work in hand is finished and given back.
        app.house.ask_to_close()
        app.house.join()
    app.print_last_words()
    return 130 if app.left_by_signal else code
