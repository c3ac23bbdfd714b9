"""Events: everything that happens, append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foundry_tui.domain.status import Level, Status


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, to a production (``audiobook_id`` set) or to the house.

    ``timestamp`` is UTC text ``YYYY-MM-DD HH:MM:SS.mmm``; followers page by ``seq``, never by time.
    """

    kind: str
    message: str
    level: Level = Level.INFO
    audiobook_id: str | None = None
    step_number: str | None = None
    step_name: str | None = None
    status: Status | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    attempt: int | None = None
    worker_id: str | None = None
    timestamp: str | None = None
    seq: int | None = None
