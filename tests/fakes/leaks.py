"""Work that keeps what it was given, for processes that must be replaced."""

from __future__ import annotations

import os

_KEPT: list[bytearray] = []


def leak(number: int, megabytes: int) -> tuple[int, int]:
    """Keep ``megabytes`` for ever; (``number`` as it came, the pid)."""
    _KEPT.append(bytearray(os.urandom(1024)) * (megabytes * 1024))
    return number, os.getpid()
