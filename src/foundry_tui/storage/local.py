"""A library in a folder: ``<root>/<Author>/<Title> {<Narrator>}/``, as Audiobookshelf and people read it.

An edition is built in ``<root>/.foundry/building/``, which media servers pass over, and put in its place by one rename,
so that a crash leaves the old edition or the new one. ``<root>/.foundry/editions/`` remembers where each production's
edition lies, so that a book whose title has changed is moved, not doubled.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from pathlib import Path
from uuid import uuid4

from foundry_tui.errors import ArtifactBroken
from foundry_tui.files import TEMP_MARK, swap_in, sync_folder, write_json, writing
from foundry_tui.storage.building import build
from foundry_tui.storage.library import Edition, Published
from foundry_tui.storage.names import author_folder, edition_folder, file_name
from foundry_tui.storage.receipt import RECEIPT, read_receipt

OWN = ".foundry"
_MOST_NAMESAKES = 1000
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}
_log = logging.getLogger(__name__)


class LocalLibrary:
    """The ``Library`` in a folder of this machine; ``root`` need not exist yet.

    Without a trash named by its caller it keeps what it replaces in ``<root>/.foundry/trash/``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, edition: Edition) -> Published:
        """See Library.publish. The same production's former edition moves to the trash with all it held."""
        sets = (path for files in edition.sets.values() for path in files.values())
        for path in (*edition.files.values(), *edition.chapter_files.values(), *sets):
            if not path.is_file():
                raise ArtifactBroken(f"{path.name} of the edition is missing.", details={"path": str(path)})
        trash = edition.trash or self._own_trash
        with writing(self.root):
            self._clear_leftovers(edition.audiobook_id, trash)
            before = self._place_of(edition.audiobook_id)
            staged = self._building(edition.audiobook_id)
            staged.mkdir(parents=True)
        made = staged.stat().st_ino
        with writing(staged):
            try:
                receipt = build(edition, staged, before)
                with writing(self.root / author_folder(edition.author)):
                    place, former = self._settle(edition, staged, before)
            except BaseException:
                # After an exchange the former edition lies where ours was built: that one is not ours to remove.
                if staged.exists() and staged.stat().st_ino == made:
                    shutil.rmtree(staged, ignore_errors=True)
                raise
            # Noted before the former edition goes: a crash from here on leaves only something to tidy up.
            moved_from = before if before != place else None
            self._write_note(edition.audiobook_id, place, moved_from)
            replaced = [_to_trash(former, trash, place.name)] if former is not None else []
            if moved_from is not None:
                replaced.extend(self._retire(edition.audiobook_id, moved_from, trash))
                self._write_note(edition.audiobook_id, place)
        _log.info("published an edition", extra={"audiobook_id": edition.audiobook_id, "files": len(receipt.audio)})
        return Published(edition.audiobook_id, place, receipt.audio, tuple(replaced))

    def published(self, audiobook_id: str, *, thorough: bool = False) -> Published | None:
        """See Library.published."""
        place = self._place_of(audiobook_id)
        receipt = read_receipt(place) if place is not None else None
        if place is None or receipt is None or not receipt.stands(place, thorough=thorough):
            return None
        return Published(audiobook_id, place, receipt.audio)

    def withdraw(self, audiobook_id: str, trash: Path | None = None) -> Path | None:
        """See Library.withdraw."""
        place = self._place_of(audiobook_id)
        if place is None:
            return None
        with writing(place):
            gone = self._retire(audiobook_id, place, trash or self._own_trash)
            self._note(audiobook_id).unlink(missing_ok=True)
        return gone[0] if gone else None

    @property
    def _own_trash(self) -> Path:
        return self.root / OWN / "trash"

    def _settle(self, edition: Edition, staged: Path, before: Path | None) -> tuple[Path, Path | None]:
        """Rename ``staged`` into the first place that is free or ours; (the place, where the former edition is now)."""
        author = self.root / author_folder(edition.author)
        author.mkdir(parents=True, exist_ok=True)
        sync_folder(self.root)
        names = (edition_folder(edition.title, edition.narrator, number) for number in range(1, _MOST_NAMESAKES))
        places = [author / name for name in names]
        if before in places:  # it stays where it is, though a better name may have become free
            places.insert(0, before)
        for place in places:
            if self._owns(place, edition.audiobook_id):
                return place, swap_in(staged, place)
            if os.path.lexists(place):
                continue
            try:
                # A rename onto a folder that holds anything fails: whoever comes second in a race takes the next name.
                staged.rename(place)
            except OSError as error:
                if error.errno in _TAKEN:
                    continue
                raise
            sync_folder(author)
            return place, None
        raise FileExistsError(errno.EEXIST, "too many editions of this name", str(author))

    def _owns(self, place: Path, audiobook_id: str) -> bool:
        receipt = read_receipt(place)
        return receipt is not None and receipt.audiobook_id == audiobook_id

    def _note(self, audiobook_id: str) -> Path:
        return self.root / OWN / "editions" / f"{file_name(audiobook_id, 'edition')}.json"

    def _write_note(self, audiobook_id: str, place: Path, moved_from: Path | None = None) -> None:
        note = {"folder": place.relative_to(self.root).as_posix()}
        if moved_from is not None:
            note["moved_from"] = moved_from.relative_to(self.root).as_posix()
        write_json(self._note(audiobook_id), note)

    def _retire(self, audiobook_id: str, place: Path, trash: Path) -> list[Path]:
        """Move what lies in ``place`` to the trash if it is this production's; where it lies now."""
        if not self._owns(place, audiobook_id):
            return []
        gone = _to_trash(place, trash, place.name)
        _remove_if_empty(place.parent)
        return [gone]

    def _noted(self, audiobook_id: str, what: str = "folder") -> Path | None:
        """Where the production's edition was last put (or ``moved_from``), if that is a place inside the library."""
        try:
            place = self.root / str(json.loads(self._note(audiobook_id).read_text(encoding="utf-8"))[what])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return place if place.resolve().is_relative_to(self.root.resolve()) else None

    def _place_of(self, audiobook_id: str) -> Path | None:
        """Where the production's edition lies, if it is there and its own."""
        place = self._noted(audiobook_id)
        return place if place is not None and self._owns(place, audiobook_id) else None

    def _building(self, audiobook_id: str) -> Path:
        return self.root / OWN / "building" / f"{file_name(audiobook_id, 'edition')}-{uuid4().hex[:12]}"

    def _clear_leftovers(self, audiobook_id: str, trash: Path) -> None:
        """Tidy what a crash left of this production.

        Half an edition goes; a whole one moves to the trash: it may be a former one with an operator's own files.
        """
        head = self._building(audiobook_id).name.rpartition("-")[0]
        for leftover in (self.root / OWN / "building").glob(f"{head}-*"):
            if (leftover / RECEIPT).is_file():
                _to_trash(leftover, trash, leftover.name)
            else:
                shutil.rmtree(leftover)
        noted, moved_from = self._noted(audiobook_id), self._noted(audiobook_id, "moved_from")
        if moved_from is not None:
            self._retire(audiobook_id, moved_from, trash)
        for aside in noted.parent.glob(f"{TEMP_MARK}*") if noted is not None else ():
            # Set aside by a swap on a filesystem that cannot exchange two folders.
            if self._owns(aside, audiobook_id):
                _to_trash(aside, trash, noted.name if noted is not None else aside.name)


def _to_trash(folder: Path, trash: Path, name: str) -> Path:
    """Move ``folder`` into ``trash`` under ``name``, or ``name (2)`` …; return where it lies now."""
    trash.mkdir(parents=True, exist_ok=True)
    target, number = trash / name, 2
    while os.path.lexists(target):
        target = trash / f"{name} ({number})"
        number += 1
    shutil.move(folder, target)
    return target


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
