"""Keys: the hash of everything a result depends on, and the reasons in words when it changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def key_of(parts: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) of ``parts`` as canonical JSON; equal parts give equal keys on every machine."""
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def short(key: str) -> str:
    """The first 16 digits: enough to name a file by."""
    return key[:16]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why a result must be made again, one sentence a part, in the order of the parts' names."""
    reasons = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        label = name.replace("_", " ")
        if old is None:
            reasons.append(f"{label} is new: {_brief(new)}")
        elif new is None:
            reasons.append(f"{label} is gone: {_brief(old)}")
        else:
            reasons.append(f"{label} changed from {_brief(old)} to {_brief(new)}")
    return reasons


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 60 else f"{text[:57]}…"
