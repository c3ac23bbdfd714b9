"""A file that only takes up space beside the database, thrown overboard when the disk is full.

Without it a full disk could not even be written down: the step that met it would neither fail nor be requeued.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

SIZE_BYTES = 4 * 1024 * 1024
_ROOM_FACTOR = 4  # it is laid only where this many times its size is free


class Ballast:
    """The file at ``path``; ``lay`` before work begins, ``drop`` when a write found no room."""

    def __init__(self, path: Path, size_bytes: int = SIZE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def lay(self) -> None:
        """Take up the space, if it is not taken and there is plenty; a place that cannot be written is left alone."""
        with suppress(OSError):
            if self._path.is_file() and self._path.stat().st_size == self._size_bytes:
                return
            if shutil.disk_usage(self._path.parent).free < _ROOM_FACTOR * self._size_bytes:
                return
            handle = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)
            try:
                os.posix_fallocate(handle, 0, self._size_bytes)
            finally:
                os.close(handle)

    def drop(self) -> bool:
        """Give the space back; True when there was any to give."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
