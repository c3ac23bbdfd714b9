"""What config.toml says of the console: ``[console]`` and ``[keys]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from foundry_tui.console.themes import THEMES
from foundry_tui.errors import UsageError
from foundry_tui.settings_file import read_config

if TYPE_CHECKING:
    from foundry_tui.settings import Settings


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """The console's own settings; the bell is off until asked for."""

    theme: str = "dark"
    low_bandwidth: bool = False
    mouse: bool = True
    bell: bool = False
    keys: dict[str, Any] = field(default_factory=dict)


def console_config(settings: Settings) -> ConsoleConfig:
    """Read it; raises UsageError naming what is wrong."""
    config = read_config(settings.home / "config.toml")
    table = config.get("console", {})
    theme = table.get("theme", "dark")
    if theme not in THEMES:
        raise UsageError(f"console.theme is {theme!r}.", next_action=f"It takes one of {', '.join(THEMES)}.")
    flags = {}
    for name, default in (("low_bandwidth", False), ("mouse", True), ("bell", False)):
        flags[name] = table.get(name, default)
        if not isinstance(flags[name], bool):
            raise UsageError(f"console.{name} is {flags[name]!r}.", next_action="It takes true or false.")
    return ConsoleConfig(theme=theme, keys=dict(config.get("keys", {})), **flags)
