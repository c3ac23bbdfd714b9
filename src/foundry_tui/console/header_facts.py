"""From what was read to what the header says."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from foundry_tui.console.progress import Paces, short_time
from foundry_tui.console.widgets.header import Facts, ordered
from foundry_tui.domain.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foundry_tui.console.inner import Glance
    from foundry_tui.domain.desk import ProductionLine
    from foundry_tui.settings import Settings

_LOW_BYTES = 2 * 1024**3
HOST = os.environ.get("FOUNDRY_HOST_NAME") or socket.gethostname().partition(".")[0]


def facts_of(
    settings: Settings, glance: Glance | None, lines: Sequence[ProductionLine], paces: Paces, *, readonly: bool
) -> Facts:
    """The header's facts; before the house is open only where one is."""
    if settings.keeps_own_file:
        database = settings.database_file.name
    else:
        database = settings.database_url.rpartition("@")[2].rpartition("/")[2] or "database"
    place = {
        "host": plain(HOST, 30),
        "home": plain(settings.home, 60),
        "database": plain(database, 30),
        "alpha": settings.environment == "alpha",
        "readonly": readonly,
    }
    if glance is None:
        return Facts(**place)  # type: ignore[arg-type]
    now = time.monotonic()
    going = [paces.of(line, now) for line in lines]
    speed = sum(each.speed for each in going if each.speed)
    left = [each.left_s for each in going if each.left_s is not None]
    learning = any(each.total and each.left_s is None for each in going)
    return Facts(
        counts=ordered(dict(glance.counts.by_status)),
        held=glance.counts.paused,
        rate=f"speed {speed:.0f}x" if speed >= 10 else f"speed {speed:.1f}x" if speed else "",
        left=short_time(max(left)) if left else "~" if learning else "",
        disk=_disk(glance),
        disk_low=glance.free_bytes < max(_LOW_BYTES, glance.needed_bytes or 0),
        cpu=f"{glance.cpu_percent}%" if glance.cpu_percent is not None else "",
        workers=_workers(glance),
        **place,  # type: ignore[arg-type]
    )


def _disk(glance: Glance) -> str:
    needed = f", needs {_size(glance.needed_bytes)}" if glance.needed_bytes else ""
    return f"{_size(glance.free_bytes)}{needed}"


def _size(size_bytes: int) -> str:
    if size_bytes < 0.95e9:
        return f"{max(1, round(size_bytes / 1e7)) * 10} MB"
    return f"{size_bytes / 1e9:,.0f} GB" if size_bytes >= 10e9 else f"{size_bytes / 1e9:.1f} GB"


def _workers(glance: Glance) -> str:
    others = sum(worker != glance.own_worker for worker in glance.counts.workers) - glance.gone_workers
    words = f"workers {glance.workers}"
    if glance.daemon_pid is not None:
        words += f", daemon {glance.daemon_pid}"
    elif others:
        words += f", {others} elsewhere"
    return f"{words}, {glance.gone_workers} gone" if glance.gone_workers else words
