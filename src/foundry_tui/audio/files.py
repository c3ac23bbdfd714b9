"""Atomic files: a reader sees the old file or the new one, never half of one, and a disk error has a name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from foundry_tui.errors import DiskFull, WriteFailed

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


def write_failed(path: Path, error: OSError) -> WriteFailed:
    """The error of our own tree that ``error``, met while writing ``path``, stands for."""
    reason = error.strerror or str(error)
    message = f"Writing {path.name} failed: {reason}."
    details = {"path": str(path), "errno": error.errno}
    kind = DiskFull if error.errno in _NO_SPACE else WriteFailed
    return kind(message, details=details)


@contextmanager
def replacing(path: Path, *, suffix: str | None = None) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; when the block ends well it is synced and takes the name ``path``.

    The temporary name begins with a dot and ends with ``.tmp`` plus ``suffix`` (or the ending of ``path``, by which
    some writers choose a format). On any error it is removed, and OSErrors become WriteFailed or DiskFull.
    """
    temporary = path.with_name(f".{uuid4().hex}.tmp{path.suffix if suffix is None else suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise write_failed(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to a fresh file, all of it; OSErrors pass through for :func:`replacing` to translate."""
    with path.open("wb") as file:
        file.write(data)


def sync_file(path: Path) -> None:
    """Have the file's bytes on the disk before anything refers to them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have a rename inside ``folder`` on the disk; file systems that cannot sync folders are left in peace."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
