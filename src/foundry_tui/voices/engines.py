"""The engines there are, opened by name."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from foundry_tui.errors import EngineUnknown
from foundry_tui.voices.protocol import Engine

# Each module is imported only when its engine is opened, and holds ``open_engine(options) -> Engine``.
_MODULES = {
    "edge": "foundry_tui.voices.edge",
    "elevenlabs": "foundry_tui.voices.elevenlabs",
    "espeak": "foundry_tui.voices.espeak",
    "flite": "foundry_tui.voices.flite",
    "kokoro": "foundry_tui.voices.kokoro",
    "openai": "foundry_tui.voices.openai",
    "openjtalk": "foundry_tui.voices.openjtalk",
    "pico": "foundry_tui.voices.pico",
    "piper": "foundry_tui.voices.piper",
}


def engine_names() -> tuple[str, ...]:
    """Every engine Foundry knows, installed here or not."""
    return tuple(sorted(_MODULES))


def open_engine(name: str, options: Mapping[str, Any] | None = None) -> Engine:
    """The engine called ``name``, ready for use from one event loop.

    ``options`` are plain values (docs/reference/engines.md). EngineUnknown where there is no such engine, EngineMissing
    where what it needs is not installed, UsageError on an option the engine does not know.
    """
    module = _MODULES.get(name)
    if module is None:
        near = difflib.get_close_matches(name, engine_names(), n=2, cutoff=0.5)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise EngineUnknown(
            f"There is no speech engine {name!r}.{meant}",
            next_action=f"Foundry knows {', '.join(engine_names())}.",
        )
    opened: Engine = importlib.import_module(module).open_engine(dict(options or {}))
    return opened
