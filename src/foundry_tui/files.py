"""Files that are whole or not there: temp name in the same folder, fsync, atomic replace; folders swapped whole.

Every room may use this; it needs only the standard library.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foundry_tui.errors import DiskFull, WriteFailed

TEMP_MARK = ".part_"
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while ``path`` is written into DiskFull or WriteFailed, naming the path."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> WriteFailed:
    """The error tree's word for ``error``."""
    details = {"path": str(path), "errno": error.errno}
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"No space is left to write {path}.", details=details)
    return WriteFailed(f"{path} could not be written: {error.strerror or error}.", details=details)


def temp_beside(path: Path) -> Path:
    """A name in the same folder, marked so that a sweep can tell it from finished work; it keeps the ending, by which
    some writers choose a format.
    """
    return path.with_name(f"{TEMP_MARK}{path.stem[-100:]}_{os.getpid()}_{secrets.token_hex(4)}{path.suffix}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temp path beside ``path``; when the block ends well it is fsynced and takes the place of ``path``.

    Raises DiskFull or WriteFailed; leaves the old file, or none, behind.
    """
    temp = temp_beside(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temp
            sync_file(temp)
            temp.replace(path)
            sync_folder(path.parent)
        finally:
            temp.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` whole or not at all."""
    with replacing(path) as temp:
        temp.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable JSON, whole or not at all."""
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8"))


@contextmanager
def unnamed_file(data: bytes = b"") -> Iterator[int]:
    """The descriptor of a file without a name that holds ``data``, in memory where the system can; at its beginning.

    For C libraries that read a file by themselves, but would call back into Python for every piece of a BytesIO: with
    many threads at work each call waits for its turn.
    """
    handle = os.memfd_create("foundry", os.MFD_CLOEXEC) if hasattr(os, "memfd_create") else _anonymous()
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


def _anonymous() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def sync_file(path: Path) -> None:
    """Wait until the file's bytes are on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the folder's names are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """SHA-256 of the file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for one process and thread at a time; released by the system when the holder dies."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def swap_in(staged: Path, place: Path) -> Path | None:
    """Put the finished folder ``staged`` in ``place``; return where the former one lies now, if there was one.

    One rename, so that a crash leaves the old folder or the new one; ``staged`` must be on the same filesystem.
    """
    with writing(place):
        sync_folder(staged)
        if not place.exists():
            staged.rename(place)
            sync_folder(place.parent)
            return None
        if not _exchange(staged, place):  # no renameat2 here: two renames, the old one kept beside until the end
            former = temp_beside(place)
            place.rename(former)
            staged.rename(place)
            sync_folder(place.parent)
            return former
        sync_folder(place.parent)
        return staged


def replace_folder(staged: Path, place: Path) -> None:
    """Like swap_in, and remove the former folder."""
    former = swap_in(staged, place)
    if former is not None:
        shutil.rmtree(former, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step (Linux renameat2 with RENAME_EXCHANGE); False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    done: int = renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    return done == 0
