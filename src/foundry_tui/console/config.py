"""What config.toml and the environment say of the console: ``[console]`` and ``[keys]``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from foundry_tui.settings_file import config_values, read_config
from foundry_tui.settings_options import OPTIONS, from_text

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


def console_config(settings: Settings, environ: Mapping[str, str] | None = None) -> ConsoleConfig:
    """Read it; raises UsageError naming what is wrong."""
    env = os.environ if environ is None else environ
    file = settings.home / "config.toml"
    config = read_config(file)
    values = config_values(config, file)
    for option in OPTIONS:
        if option.key.startswith("console.") and env.get(option.variable):
            values[option.key] = from_text(option, env[option.variable], option.variable)
    return ConsoleConfig(
        theme=values["console.theme"],
        low_bandwidth=values["console.low_bandwidth"],
        mouse=values["console.mouse"],
        bell=values["console.bell"],
        keys=dict(config.get("keys", {})),
    )
