"""How large a helper process has grown: one that leaks is replaced between two requests."""

from __future__ import annotations

import psutil

EVERY = 16  # replies between two looks, each some 20 microseconds
MOST_GROWTH_BYTES = 512 * 1024 * 1024


class Growth:
    """Watches one process; what it holds after its first replies (a model, its buffers) is its own size."""

    def __init__(self, pid: int, most_bytes: int = MOST_GROWTH_BYTES, every: int = EVERY) -> None:
        self.too_much = False
        self._pid = pid
        self._most_bytes = most_bytes
        self._every = every
        self._replies = 0
        self._first_bytes: int | None = None

    def replied(self) -> None:
        """A reply came: look now and then."""
        self._replies += 1
        if self._replies % self._every:
            return
        try:
            now_bytes = int(psutil.Process(self._pid).memory_info().rss)
        except psutil.Error:
            return  # it has ended, and is started again anyway
        if self._first_bytes is None:
            self._first_bytes = now_bytes
        self.too_much = now_bytes - self._first_bytes > self._most_bytes
