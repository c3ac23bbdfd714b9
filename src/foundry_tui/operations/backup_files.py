"""What a backup is made of: a manifest of checksums, and a folder or a tar file that holds what it names."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from foundry_tui.errors import NotFound, SourceError, UsageError
from foundry_tui.files import TEMP_MARK, sync_folder, writing

MANIFEST = "manifest.json"
DATABASE = "database.bak"
FORMAT = 1
_PIECE = 1024 * 1024
_CHOOSE = "Choose another backup."


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a backup; ``mode`` holds its permission bits."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    mode: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. ``tables`` are row counts; ``library`` is the folder the published files came from, if any.

    ``missing`` are files that rows named and that were not there when it was made: they are made again.
    """

    made_at: str
    foundry: str
    home: str
    tables: Mapping[str, int]
    library: str | None = None
    missing: tuple[str, ...] = ()
    files: Mapping[str, Entry] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As manifest.json holds it."""
        return {"format": FORMAT, **asdict(self)}

    def to_bytes(self) -> bytes:
        """The manifest as a file.

        In ASCII: a name that is not UTF-8 on the disk holds halves of characters, which have no bytes in UTF-8, but an
        escape in JSON that reads back as the same name.
        """
        return (json.dumps(self.to_json(), indent=1, sort_keys=True) + "\n").encode("ascii")

    @classmethod
    def from_json(cls, raw: bytes, where: Path) -> Manifest:
        """The manifest of ``where``; raises UsageError for one that is none, or whose names lead out of the backup."""
        try:
            told = json.loads(raw)
            if told.pop("format") != FORMAT:
                raise UsageError(f"The backup {where} is of another Foundry's kind.", next_action=_CHOOSE)
            files = {str(name): Entry(**entry) for name, entry in told.pop("files").items()}
            manifest = cls(**{**told, "missing": tuple(told["missing"])}, files=files)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"The manifest of {where} cannot be read: {error}.", next_action=_CHOOSE) from error
        for name in files:
            _refuse_way_out(name, where)
        return manifest


def _refuse_way_out(name: str, where: Path) -> None:
    path = PurePosixPath(name)
    inside = name == DATABASE or (len(path.parts) > 1 and path.parts[0] in {"home", "library"})
    if not inside or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise UsageError(f"The backup {where} names a file outside itself: {name!r}.", next_action=_CHOOSE)


class Sink(Protocol):
    """Where a backup goes."""

    def put(self, name: str, source: Path) -> Entry:
        """Take in ``source`` under ``name``; raises OSError where it cannot be read or written."""
        ...

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest last, and have the disk hold everything."""
        ...


class FolderSink:
    """A folder; a file that the previous backup holds just so becomes another name of the same bytes."""

    def __init__(self, folder: Path, previous: tuple[Path, Manifest] | None = None) -> None:
        self._folder = folder
        self._previous = previous
        self.linked = 0

    def put(self, name: str, source: Path) -> Entry:
        """Link or copy."""
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        entry = self._linked(name, source, target)
        if entry is not None:
            self.linked += 1
            return entry
        with source.open("rb") as origin, target.open("xb") as copy:
            entry = _copied(origin, copy, os.fstat(origin.fileno()))
            copy.flush()
            os.fsync(copy.fileno())
        target.chmod(entry.mode)
        os.utime(target, ns=(entry.mtime_ns, entry.mtime_ns))
        return entry

    def _linked(self, name: str, source: Path, target: Path) -> Entry | None:
        if self._previous is None or name == DATABASE:
            return None
        folder, manifest = self._previous
        before, now = manifest.files.get(name), source.stat()
        if before is None or (before.size_bytes, before.mtime_ns) != (now.st_size, now.st_mtime_ns):
            return None
        try:
            if (folder / name).stat().st_size != before.size_bytes:
                return None
            os.link(folder / name, target)
        except OSError:
            return None
        return before

    def finish(self, manifest: Manifest) -> None:
        """The manifest, then every folder's names."""
        with (self._folder / MANIFEST).open("xb") as file:
            file.write(manifest.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        for place, _, _ in os.walk(self._folder):
            sync_folder(Path(place))


class TarSink:
    """One tar file; sound does not get smaller, so it is not compressed."""

    def __init__(self, tar: tarfile.TarFile, file: IO[bytes]) -> None:
        self._tar = tar
        self._file = file

    def put(self, name: str, source: Path) -> Entry:
        """Append it."""
        with source.open("rb") as origin:
            stat = os.fstat(origin.fileno())
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = stat.st_size, stat.st_mode & 0o777, stat.st_mtime
            hashing = _Hashing(origin)
            self._tar.addfile(info, hashing)
        return Entry(hashing.sha256.hexdigest(), stat.st_size, stat.st_mtime_ns, stat.st_mode & 0o777)

    def finish(self, manifest: Manifest) -> None:
        """The manifest as the last member."""
        raw = manifest.to_bytes()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(raw)
        self._tar.addfile(info, io.BytesIO(raw))
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())


class _Hashing:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.sha256.update(piece)
        return piece


def _copied(origin: IO[bytes], copy: IO[bytes], stat: os.stat_result) -> Entry:
    hashing, size = _Hashing(origin), 0
    while piece := hashing.read(_PIECE):
        copy.write(piece)
        size += len(piece)
    return Entry(hashing.sha256.hexdigest(), size, stat.st_mtime_ns, stat.st_mode & 0o777)


@contextmanager
def making(target: Path, previous: tuple[Path, Manifest] | None) -> Iterator[Sink]:
    """A sink for ``target`` (a folder, or a file ending in .tar), which appears under its name when the block ends."""
    part = target.with_name(f"{TEMP_MARK}{target.name}_{os.getpid()}")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if target.suffix == ".tar":
                with part.open("xb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    yield TarSink(tar, file)
            else:
                part.mkdir()
                yield FolderSink(part, previous)
            part.rename(target)
            sync_folder(target.parent)
        finally:
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def read_manifest(backup: Path) -> Manifest:
    """The manifest of a backup; raises NotFound where there is none, UsageError for one that makes no sense."""
    if not backup.exists():
        raise NotFound(f"There is no backup {backup}.", next_action=_CHOOSE)
    try:
        if backup.is_dir():
            return Manifest.from_json((backup / MANIFEST).read_bytes(), backup)
        with tarfile.open(backup, "r:") as tar:
            member = tar.extractfile(MANIFEST)
            assert member is not None
            return Manifest.from_json(member.read(), backup)
    except (OSError, KeyError, tarfile.TarError, AssertionError) as error:
        said = f"{backup} is no backup of Foundry, or one that was never finished: it has no {MANIFEST}."
        raise UsageError(said, next_action=_CHOOSE) from error


def content_of(backup: Path, name: str) -> bytes:
    """One small file of ``backup``, not proved; raises SourceError where it is missing."""
    with nullcontext() if backup.is_dir() else tarfile.open(backup, "r:") as tar, _opened(backup, tar, name) as file:
        return file.read()


def unpack(backup: Path, manifest: Manifest, into: Path) -> None:
    """Copy every file of ``backup`` below ``into``, each proved by its checksum.

    Raises SourceError naming the first that is missing or damaged, WriteFailed or DiskFull.
    """
    tar = None if backup.is_dir() else tarfile.open(backup, "r:")  # noqa: SIM115 - closed below
    try:
        for name, entry in manifest.files.items():
            with _opened(backup, tar, name) as origin:
                _unpack_one(origin, into / name, entry, f"{name} of the backup {backup}")
    finally:
        if tar is not None:
            tar.close()


@contextmanager
def _opened(backup: Path, tar: tarfile.TarFile | None, name: str) -> Iterator[IO[bytes]]:
    try:
        file: IO[bytes] | None = (backup / name).open("rb") if tar is None else tar.extractfile(name)
        assert file is not None, "a member that is no file"
    except (OSError, KeyError, tarfile.TarError, AssertionError) as error:
        said = f"The backup {backup} has lost {name}."
        raise SourceError(said, next_action=_CHOOSE) from error
    with file:
        yield file


def _unpack_one(origin: IO[bytes], target: Path, entry: Entry, what: str) -> None:
    hashing = _Hashing(origin)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as copy:
            target.chmod(entry.mode & 0o777)
            while piece := hashing.read(_PIECE):
                copy.write(piece)
        os.utime(target, ns=(entry.mtime_ns, entry.mtime_ns))
    if hashing.sha256.hexdigest() != entry.sha256:
        raise SourceError(f"{what} is damaged: its checksum is another.", next_action=_CHOOSE)
