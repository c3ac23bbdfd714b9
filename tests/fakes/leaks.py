"""Work that keeps what it was given, for processes that must be replaced."""

from __future__ import annotations

import os
import signal

import psutil

_KEPT: list[bytearray] = []


def leak(number: int, megabytes: int) -> tuple[int, int]:
    """Keep ``megabytes`` for ever; (``number`` as it came, the pid)."""
    _KEPT.append(bytearray(os.urandom(1024)) * (megabytes * 1024))
    return number, os.getpid()


def grow_until_killed(megabytes: int) -> None:
    """Leak until the system has had enough: a kill from outside, as the kernel's for want of memory."""
    while psutil.Process().memory_info().rss < megabytes * 1024 * 1024:
        _KEPT.append(bytearray(os.urandom(1024)) * (8 * 1024))
    os.kill(os.getpid(), signal.SIGKILL)
