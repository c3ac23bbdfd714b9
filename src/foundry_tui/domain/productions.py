"""A production and its steps: what is to be made, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foundry_tui.domain.status import Status


@dataclass(frozen=True, slots=True)
class Production:
    """A book, a narrator, a language and a recipe."""

    audiobook_id: str
    book_id: str
    narrator_id: str
    language: str
    status: Status
    recipe: str = "audiobook"
    priority: int = 0
    created_at: str | None = None
    updated_at: str | None = None
    publish_date: str | None = None
    paused_at: str | None = None
    error_message: str | None = None
    manifest_sha: str | None = None
    totals: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a production; ``result`` is what it handed to the steps after it."""

    audiobook_id: str
    step_number: str
    step_name: str
    position: int
    status: Status
    job_id: int | None = None
    input_key: str | None = None
    key_parts: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    requeues: int = 0
