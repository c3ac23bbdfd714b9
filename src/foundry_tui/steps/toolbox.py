"""What the steps work with, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from foundry_tui.domain.books import Narrator
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.steps.hearing import HearingSettings
from foundry_tui.steps.paid_takes import Purse
from foundry_tui.storage import Library
from foundry_tui.text.options import ParseOptions
from foundry_tui.voices.guard import GuardedEngine
from foundry_tui.voices.recognisers import Recogniser

FindNarrator = Callable[[str], Awaitable[Narrator]]


class Engines(Protocol):
    """Open speech engines, one of each name, shared by every production of this process."""

    async def get(self, name: str) -> GuardedEngine:
        """The engine of that name, opened at first use; raises EngineMissing."""
        ...


@dataclass(frozen=True, slots=True)
class StepSettings:
    """How the steps behave; plain values out of the settings."""

    default_engine: str = "espeak"
    mastering_profile: str = "podcast"
    bitrate_kbps: int = 64
    mp3: bool = False
    editions: tuple[str, ...] = ()
    one_file: bool = False  # a book of any length in one M4B, instead of volumes
    credits: str = "auto"  # on, off, or where a shop asks for them
    opening_credits: str = ""  # the words, with fields; empty: those of the language
    closing_credits: str = ""
    parsing: ParseOptions = field(default_factory=ParseOptions)
    hearing: HearingSettings = field(default_factory=HearingSettings)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Everything a step may use besides its context."""

    home: Path
    trash: Callable[[], Path]  # today's folder of the trash
    engines: Engines
    cpu: CpuPool
    library: Library
    settings: StepSettings
    free_bytes: Callable[[Path], int]
    purse: Purse | None = None  # the money ledger; without one nothing that costs money is spoken
    recogniser: Recogniser | None = None  # listens to what was spoken
    narrator: FindNarrator | None = None  # for a narrator's declared fallback
