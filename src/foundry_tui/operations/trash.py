"""The trash: nothing an operator may want back is deleted; it moves to <home>/trash/<date>/ under its own path."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from foundry_tui.files import writing

_log = logging.getLogger(__name__)


def trash_folder(home: Path, moment: datetime) -> Path:
    """Today's folder of the trash (UTC); it need not exist yet."""
    return home / "trash" / moment.astimezone(UTC).strftime("%Y-%m-%d")


class Removal:
    """Files and folders moved to the trash, and back again where the rest of the removal fails."""

    def __init__(self, home: Path, moment: datetime) -> None:
        self._home = home
        self._trash = trash_folder(home, moment)
        self.moved: list[tuple[Path, Path]] = []

    def take(self, places: Iterable[Path]) -> None:
        """Move every one of ``places`` that exists; raises WriteFailed with all of them back where they were."""
        try:
            for place in places:
                if place.exists() or place.is_symlink():
                    self._move(place)
        except BaseException:
            self.undo()
            raise

    def _move(self, place: Path) -> None:
        inside = place.relative_to(self._home) if place.is_relative_to(self._home) else Path(place.name)
        target = _free(self._trash / inside)
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            # One rename where both lie on the same filesystem; a library elsewhere is copied, then removed.
            shutil.move(place, target)
        self.moved.append((place, target))

    def undo(self) -> None:
        """Put everything back."""
        while self.moved:
            place, target = self.moved.pop()
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(target, place)
            except OSError:
                _log.exception("could not move %s back to %s", target, place)

    def tidy(self, below: Path) -> None:
        """Remove folders between the moved places and ``below`` that are empty now."""
        for place, _ in self.moved:
            folder = place.parent
            while folder != below and folder.is_relative_to(below):
                try:
                    folder.rmdir()
                except OSError:
                    break
                folder = folder.parent


def _free(path: Path) -> Path:
    """``path``, or the first of ``path_2``, ``path_3`` … that is not taken."""
    candidate, number = path, 2
    while os.path.lexists(candidate):
        candidate = path.with_name(f"{path.stem}_{number}{path.suffix}")
        number += 1
    return candidate
