"""A chapter's AAC packets in one file of our own: payload, table of sizes, a header in JSON, and a fixed ending.

``magic | payload | sizes (uint16, little endian) | header JSON | length of the header (4 bytes) | magic``. The header
carries the SHA-256 of payload and sizes, so a file is proven while it is streamed into a book.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foundry_tui.errors import ArtifactBroken, AudioError
from foundry_tui.files import replacing

_MAGIC = b"FDRYAAC1"


@dataclass(frozen=True, slots=True)
class PacketFile:
    """An opened packet file: ``packets`` of ``payload_bytes`` in all, and the ``header`` its writer gave it."""

    path: Path
    size_bytes: int
    packets: int
    payload_bytes: int
    sha256: str
    header: Mapping[str, Any]


def write_packets(path: Path, packets: Iterable[bytes], header: Mapping[str, Any] | None = None) -> PacketFile:
    """Stream ``packets`` into ``path`` atomically; ``header`` is read after the last packet, so it may be filled late.

    Raises WriteFailed or DiskFull, and AudioError for a packet of 64 KiB or more.
    """
    digest = hashlib.sha256()
    sizes: list[int] = []
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(_MAGIC)
        for packet in packets:
            if len(packet) > 0xFFFF:
                raise AudioError(f"A packet of {len(packet)} bytes is no AAC frame.")
            sizes.append(len(packet))
            digest.update(packet)
            file.write(packet)
        table = np.array(sizes, dtype="<u2").tobytes()
        digest.update(table)
        meta = dict(header or {}) | {"packets": len(sizes), "payload_bytes": sum(sizes), "sha256": digest.hexdigest()}
        encoded = json.dumps(meta, ensure_ascii=False, sort_keys=True).encode("utf-8")
        file.write(table + encoded + len(encoded).to_bytes(4, "little") + _MAGIC)
        file.flush()
        size_bytes = file.tell()
    return PacketFile(path, size_bytes, len(sizes), sum(sizes), digest.hexdigest(), meta)


def open_packets(path: Path) -> PacketFile:
    """Read the header and hold it against the file's size; raises ArtifactBroken. The payload is proven when read."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if size < 2 * len(_MAGIC) + 4 or file.read(len(_MAGIC)) != _MAGIC:
                raise _broken(path, "it does not begin as a packet file")
            file.seek(size - len(_MAGIC) - 4)
            ending = file.read()
            if ending[4:] != _MAGIC:
                raise _broken(path, "its ending is missing")
            length = int.from_bytes(ending[:4], "little")
            start = size - len(_MAGIC) - 4 - length
            if start < len(_MAGIC):
                raise _broken(path, "its header is longer than the file")
            file.seek(start)
            header = json.loads(file.read(length))
        packets, payload = int(header["packets"]), int(header["payload_bytes"])
        if len(_MAGIC) + payload + 2 * packets != start:
            raise _broken(path, "its size is not what its header says")
        return PacketFile(path, size, packets, payload, str(header["sha256"]), header)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(path, str(error)) from error


def packets_valid(path: Path, sha256: str | None = None, *, deep: bool = False) -> bool:
    """Whether the file is whole (and the one with that ``sha256``); ``deep`` proves every byte of the payload."""
    try:
        file = open_packets(path)
        if sha256 is not None and file.sha256 != sha256:
            return False
        if deep:
            for _packet in read_packets(file):
                pass
    except ArtifactBroken:
        return False
    return True


def read_packets(file: PacketFile) -> Iterator[bytes]:
    """All packets in order; raises ArtifactBroken, at the latest after the last one, if any byte changed."""
    digest = hashlib.sha256()
    try:
        with file.path.open("rb") as table_file, file.path.open("rb") as stream:
            table_file.seek(len(_MAGIC) + file.payload_bytes)
            table = table_file.read(2 * file.packets)
            stream.seek(len(_MAGIC))
            for size in np.frombuffer(table, dtype="<u2").tolist():
                packet = stream.read(size)
                digest.update(packet)
                yield packet
            digest.update(table)
    except OSError as error:
        raise _broken(file.path, str(error)) from error
    if digest.hexdigest() != file.sha256:
        raise _broken(file.path, "its bytes are not those that were written")


def _broken(path: Path, reason: str) -> ArtifactBroken:
    return ArtifactBroken(f"{path.name} cannot be used: {reason}.", details={"path": str(path)})
