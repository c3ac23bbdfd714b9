"""What this machine can do, so that it takes only that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from foundry_tui.errors import FoundryError
from foundry_tui.voices.engines import engine_names

_GPUS = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")


async def engines_here(get: Callable[[str], Awaitable[Any]]) -> tuple[str, ...]:
    """The engines that open on this machine; one that works offline also needs a voice or a model here."""
    found = []
    for name in engine_names():
        try:
            engine = await get(name)
            if not engine.profile.offline or await engine.voices():
                found.append(name)
        except FoundryError:
            continue
    return tuple(found)


def has_gpu() -> bool:
    """Whether a device is there that a model could run on."""
    return any(Path(device).exists() for device in _GPUS)
