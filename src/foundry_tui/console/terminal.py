"""The terminal belongs to the screen alone: what libraries and child processes write goes to a file instead.

A line on file descriptor 2 from a codec or from a helper process would be drawn across the panes. While the console is
open, descriptors 1 and 2 are the log folder's ``stderr.log``, and Textual draws on a copy of the terminal's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

STDERR_LOG = "stderr.log"
_MOST_BYTES = 5_000_000


@contextmanager
def own_terminal(home: Path) -> Iterator[None]:
    """Draw on the terminal; everybody else writes to ``<home>/logs/stderr.log``, or nowhere before there is one."""
    place = home / "logs" / STDERR_LOG
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        if place.exists() and place.stat().st_size > _MOST_BYTES:
            place.unlink()
        sink = os.open(place, flags, 0o644)
    except OSError:
        sink = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    before = (sys.__stdout__, sys.__stderr__)
    screen = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", newline="")
    # What Textual's driver draws on, and what it asks for the terminal's size.
    _set_streams(screen, screen)
    for number in kept:
        os.dup2(sink, number)
    os.close(sink)
    try:
        yield
    finally:
        # A connection that dropped took the terminal with it: there is nothing left to restore.
        with suppress(OSError):
            screen.flush()
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        _set_streams(*before)
        with suppress(OSError):
            screen.close()


def _set_streams(stdout: TextIO | None, stderr: TextIO | None) -> None:
    setattr(sys, "__stdout__", stdout)  # noqa: B010 - final to a type checker, not to a console
    setattr(sys, "__stderr__", stderr)  # noqa: B010
