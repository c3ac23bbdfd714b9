"""The few MP4 boxes we touch ourselves: putting the index before the sound, and reading chapter marks by our own eyes.

Box layout after ISO/IEC 14496-12 and Apple's QuickTime File Format; ``chpl`` after Nero's convention.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from foundry_tui.errors import ArtifactBroken

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"edts", b"tref"}
_COPY_BYTES = 1 << 20
_UINT32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Atom:
    """A box: ``kind``, where it starts, its whole size and the size of its header, in bytes."""

    kind: bytes
    start: int
    size: int
    header: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.start + self.size


def top_atoms(file: BinaryIO) -> list[Atom]:
    """The file's outermost boxes; raises ArtifactBroken where they do not fill it exactly."""
    end = file.seek(0, 2)
    atoms, place = [], 0
    while place < end:
        file.seek(place)
        head = file.read(16)
        atom = _atom(head, place, end)
        atoms.append(atom)
        place = atom.end
    return atoms


def walk(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[Atom, int]]:
    """Every box in ``data``, containers before what they hold, with its depth."""
    yield from _walk(data, start, len(data) if end is None else end, 0)


def _walk(data: bytes, start: int, end: int, depth: int) -> Iterator[tuple[Atom, int]]:
    place = start
    while place + 8 <= end:
        atom = _atom(data[place : place + 16], place, end)
        yield atom, depth
        if atom.kind in _CONTAINERS:
            yield from _walk(data, place + atom.header, atom.end, depth + 1)
        place = atom.end


def _atom(head: bytes, place: int, end: int) -> Atom:
    if len(head) < 8:
        raise ArtifactBroken(f"Half a box at byte {place}.")
    size, kind, header = int.from_bytes(head[:4], "big"), head[4:8], 8
    if size == 1:
        size, header = int.from_bytes(head[8:16], "big"), 16
    elif size == 0:
        size = end - place
    if size < header or place + size > end:
        raise ArtifactBroken(f"Box {kind!r} at byte {place} reaches beyond its place.")
    return Atom(kind, place, size, header)


def read_moov(path: Path) -> bytes:
    """The index of a finished file, header included; raises ArtifactBroken."""
    try:
        with path.open("rb") as file:
            atom = _only(top_atoms(file), b"moov")
            file.seek(atom.start)
            return file.read(atom.size)
    except OSError as error:
        raise ArtifactBroken(f"{path.name} cannot be read: {error}.") from error


def moov_first(source: Path, target: Path) -> str:
    """Copy ``source`` to ``target`` with the index before the sound, so players start at once; gives its SHA-256.

    Where the shift would push a 32-bit offset over its end, the order stays as it is.
    """
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as out:
        atoms = [atom for atom in top_atoms(file) if atom.kind != b"free"]
        moov = _only(atoms, b"moov")
        file.seek(moov.start)
        index = _shifted(file.read(moov.size), _moves(atoms, moov))
        others = [atom for atom in atoms if atom is not moov]
        ordered: list[Atom | bytes] = [*atoms] if index is None else [others[0], index, *others[1:]]
        for part in ordered:
            for block in [part] if isinstance(part, bytes) else _blocks(file, part):
                digest.update(block)
                out.write(block)
    return digest.hexdigest()


def _moves(atoms: list[Atom], moov: Atom) -> list[tuple[int, int, int]]:
    """(start, end, shift) of every box of the old file that is followed by sound offsets."""
    moves, place = [], atoms[0].size + moov.size
    for atom in atoms[1:]:
        if atom is not moov:
            moves.append((atom.start, atom.end, place - atom.start))
            place += atom.size
    return moves


def _shifted(moov: bytes, moves: list[tuple[int, int, int]]) -> bytes | None:
    data = bytearray(moov)
    for atom, _depth in walk(moov):
        if atom.kind not in {b"stco", b"co64"}:
            continue
        width, code = (4, "I") if atom.kind == b"stco" else (8, "Q")
        start = atom.start + atom.header + 8
        (count,) = struct.unpack_from(">I", moov, start - 4)
        offsets = [_move(offset, moves) for offset in struct.unpack_from(f">{count}{code}", moov, start)]
        if width == 4 and offsets and max(offsets) > _UINT32:
            return None
        struct.pack_into(f">{count}{code}", data, start, *offsets)
    return bytes(data)


def _move(offset: int, moves: list[tuple[int, int, int]]) -> int:
    for start, end, shift in moves:
        if start <= offset < end:
            return offset + shift
    raise ArtifactBroken(f"The index points at byte {offset}, where no sound lies.")


def _blocks(file: BinaryIO, atom: Atom) -> Iterator[bytes]:
    file.seek(atom.start)
    left = atom.size
    while left:
        block = file.read(min(left, _COPY_BYTES))
        if not block:
            raise ArtifactBroken("The file ended while it was copied.")
        left -= len(block)
        yield block


def _only(atoms: list[Atom], kind: bytes) -> Atom:
    found = [atom for atom in atoms if atom.kind == kind]
    if len(found) != 1:
        raise ArtifactBroken(f"There are {len(found)} {kind.decode('ascii', 'replace')} boxes where one belongs.")
    return found[0]
