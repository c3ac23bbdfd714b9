"""Chapter marks as they stand in a finished MP4, read box by box without FFmpeg, so its word is not the only one."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from foundry_tui.audio.mp4_atoms import Atom, read_moov, walk
from foundry_tui.errors import ArtifactBroken

_NERO_TICKS = 10_000_000  # chpl counts in units of 100 ns


@dataclass(frozen=True, slots=True)
class Mark:
    """A chapter mark: ``start_s`` exact seconds from the beginning."""

    start_s: Fraction
    title: str


def quicktime_marks(path: Path) -> list[Mark]:
    """Marks of the text track that players of QuickTime descent read; empty without one. Raises ArtifactBroken."""
    moov = read_moov(path)
    try:
        for track in _tracks(moov):
            boxes = {atom.kind: atom for atom, _depth in walk(moov, track.start + track.header, track.end)}
            handler = boxes.get(b"hdlr")
            if handler and moov[handler.start + handler.header + 8 :][:4] == b"text":
                return _text_samples(path, moov, boxes)
    except (struct.error, KeyError, IndexError, UnicodeDecodeError) as error:
        raise ArtifactBroken(f"The chapter track of {path.name} cannot be read: {error}.") from error
    return []


def nero_marks(path: Path) -> list[Mark]:
    """Marks of the ``chpl`` list (at most 255); empty without one. Raises ArtifactBroken."""
    moov = read_moov(path)
    marks: list[Mark] = []
    try:
        for atom, _depth in walk(moov, 8):
            if atom.kind != b"chpl":
                continue
            place = atom.start + atom.header + 9
            for _index in range(moov[place - 1]):
                (ticks,) = struct.unpack_from(">Q", moov, place)
                size = moov[place + 8]
                title = moov[place + 9 : place + 9 + size].decode("utf-8")
                marks.append(Mark(Fraction(ticks, _NERO_TICKS), title))
                place += 9 + size
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ArtifactBroken(f"The chapter list of {path.name} cannot be read: {error}.") from error
    return marks


def _tracks(moov: bytes) -> list[Atom]:
    return [atom for atom, depth in walk(moov, 8) if atom.kind == b"trak" and depth == 0]


def _text_samples(path: Path, moov: bytes, boxes: dict[bytes, Atom]) -> list[Mark]:
    clock = boxes[b"mdhd"]
    version = moov[clock.start + clock.header]
    (timescale,) = struct.unpack_from(">I", moov, clock.start + clock.header + (20 if version else 12))
    starts, now = [], 0
    for count, duration in struct.iter_unpack(">II", _table(moov, boxes[b"stts"], 8)):
        for _index in range(count):
            starts.append(now)
            now += duration
    places = _places(moov, boxes, len(starts))
    marks = []
    with path.open("rb") as file:
        for start, place in zip(starts, places, strict=True):
            file.seek(place)
            size = int.from_bytes(file.read(2), "big")
            marks.append(Mark(Fraction(start, timescale), file.read(size).decode("utf-8")))
    return marks


def _places(moov: bytes, boxes: dict[bytes, Atom], samples: int) -> list[int]:
    """Where each sample lies in the file, from chunk offsets, samples per chunk and sample sizes."""
    wide = boxes.get(b"co64")
    offsets = [value for (value,) in struct.iter_unpack(">Q", _table(moov, wide, 8))] if wide else []
    if not wide:
        offsets = [value for (value,) in struct.iter_unpack(">I", _table(moov, boxes[b"stco"], 4))]
    box = boxes[b"stsz"]
    (fixed,) = struct.unpack_from(">I", moov, box.start + box.header + 4)
    place = box.start + box.header + 12
    sizes = [fixed] * samples if fixed else list(struct.unpack_from(f">{samples}I", moov, place))
    runs = list(struct.iter_unpack(">III", _table(moov, boxes[b"stsc"], 12)))
    places: list[int] = []
    for chunk, offset in enumerate(offsets, start=1):
        count = next(run[1] for run in reversed(runs) if run[0] <= chunk)
        for _index in range(count):
            places.append(offset)
            offset += sizes[len(places) - 1]  # noqa: PLW2901 - samples of a chunk lie one after the other
    return places


def _table(moov: bytes, atom: Atom, row_bytes: int) -> bytes:
    start = atom.start + atom.header + 8
    (count,) = struct.unpack_from(">I", moov, start - 4)
    return moov[start : start + count * row_bytes]
