"""Mastering profiles: how loud, how high, how quiet, and how much air before and after a chapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from foundry_tui.errors import UsageError


@dataclass(frozen=True, slots=True)
class MasteringProfile:
    """A target and the bounds the finished file must keep. All levels in dBFS, loudness in LUFS, true peaks in dBTP.

    ``measure`` is what ``target_db`` and ``accepted_db`` speak of: ``rms`` (plain RMS of the whole chapter, pauses
    included, as ACX measures) or ``lufs`` (EBU R128 integrated loudness). ``ceiling_db`` is the limiter's, before
    coding; ``peak_max_db`` what the finished file may reach, since a lossy coder moves peaks a little.
    A ``high_pass_hz`` of 0 leaves that filter out.
    """

    name: str
    measure: str
    target_db: float
    accepted_db: tuple[float, float]
    ceiling_db: float
    peak_max_db: float
    floor_max_db: float = -60.0
    high_pass_hz: float = 65.0
    tone_db: float = -72.0
    head_ms: int = 750
    tail_ms: int = 2500
    lead_keep_ms: int = 50
    tail_keep_ms: int = 80

    def key_parts(self) -> dict[str, Any]:
        """Everything of the profile a mastered sound depends on, JSON-able."""
        return {**asdict(self), "accepted_db": list(self.accepted_db)}


PROFILES: Mapping[str, MasteringProfile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            MasteringProfile("acx", "rms", -20.5, (-23.0, -18.0), ceiling_db=-4.5, peak_max_db=-3.0),
            MasteringProfile("podcast", "lufs", -19.0, (-20.0, -18.0), ceiling_db=-2.5, peak_max_db=-1.0),
            MasteringProfile("r128", "lufs", -23.0, (-24.0, -22.0), ceiling_db=-2.5, peak_max_db=-1.0),
        )
    }
)
DEFAULT_PROFILE = "acx"


def profile_named(name: str) -> MasteringProfile:
    """The profile of that name; UsageError lists the known ones."""
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(sorted(PROFILES))
        raise UsageError(f"There is no mastering profile {name!r}; known: {known}.") from None
