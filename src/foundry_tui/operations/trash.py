"""The trash: nothing an operator may want back is deleted; it moves to <home>/trash/<date>/ under its own path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from foundry_tui.files import TEMP_MARK, writing


def trash_folder(home: Path, moment: datetime) -> Path:
    """Today's folder of the trash (UTC); it need not exist yet."""
    return home / "trash" / moment.astimezone(UTC).strftime("%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class Move:
    """A file or folder, and where in the trash it goes."""

    place: Path
    target: Path


def planned(home: Path, moment: datetime, places: Iterable[Path]) -> list[Move]:
    """Where in today's trash each of ``places`` that exists goes, under its own path and over nothing."""
    trash = trash_folder(home, moment)
    moves: list[Move] = []
    taken: set[Path] = set()
    for place in places:
        if os.path.lexists(place):
            inside = place.relative_to(home) if place.is_relative_to(home) else Path(place.name)
            target = _free(trash / inside, taken)
            taken.add(target)
            moves.append(Move(place, target))
    return moves


def move_all(moves: Sequence[Move]) -> None:
    """Move what is still in its place; safe to repeat after it was cut off. Raises WriteFailed, DiskFull."""
    for move in moves:
        if not os.path.lexists(move.place):
            continue
        with writing(move.target):
            move.target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(move.target):  # a copy to another filesystem that was cut off, or a later removal
                _into(move.place, _free(move.target, set()))
            else:
                _into(move.place, move.target)


def trashed(home: Path, moment: datetime, places: Iterable[Path]) -> list[Path]:
    """Move ``places`` to today's trash; where they lie now."""
    moves = planned(home, moment, places)
    move_all(moves)
    return [move.target for move in moves]


def _into(place: Path, target: Path) -> None:
    """One rename where both lie on the same filesystem; a library elsewhere is copied whole before it is removed."""
    if place.lstat().st_dev == target.parent.stat().st_dev:
        place.rename(target)
        return
    part = target.with_name(f"{TEMP_MARK}{target.name}")
    if part.is_dir():
        shutil.rmtree(part)  # of a copy that was cut off
    if place.is_dir() and not place.is_symlink():
        shutil.copytree(place, part, symlinks=True)
        part.rename(target)
        shutil.rmtree(place)
    else:
        shutil.copy2(place, part, follow_symlinks=False)
        part.rename(target)
        place.unlink()


def tidy(places: Iterable[Path], below: Path) -> None:
    """Remove folders between the moved ``places`` and ``below`` that are empty now."""
    for place in places:
        folder = place.parent
        while folder != below and folder.is_relative_to(below):
            try:
                folder.rmdir()
            except OSError:
                break
            folder = folder.parent


def _free(path: Path, taken: set[Path]) -> Path:
    """``path``, or the first of ``path_2``, ``path_3`` … that is not taken."""
    candidate, number = path, 2
    while os.path.lexists(candidate) or candidate in taken:
        candidate = path.with_name(f"{path.stem}_{number}{path.suffix}")
        number += 1
    return candidate
