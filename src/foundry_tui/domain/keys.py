"""Keys: the hash of everything a result depends on (why it changed, in words: see domain.reasons)."""

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
