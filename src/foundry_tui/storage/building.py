"""Build an edition's folder out of sight: its audio linked or copied, the files beside it, the receipt last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from foundry_tui.files import sync_file, sync_folder
from foundry_tui.storage.library import Edition, is_audio, is_m4b
from foundry_tui.storage.names import file_name, safe_name
from foundry_tui.storage.receipt import RECEIPT, Receipt, proof_of, read_receipt
from foundry_tui.storage.sidecar import sidecars

CHAPTER_FILES = "chapters"  # a media server would take them for the second half of the book
IGNORE = ".ignore"  # Audiobookshelf, from 2.2 on, passes over a folder that holds this file


def build(edition: Edition, staged: Path, former: Path | None) -> Receipt:
    """Fill the empty folder ``staged``; what others laid into ``former`` comes along. OSErrors pass through."""
    audio = _put_audio(edition, staged)
    beside = {**sidecars(edition), **_cover(edition)}
    for name, data in beside.items():
        (staged / name).write_bytes(data)
    proofs = {name: proof_of(staged / name) for name in audio}
    receipt = Receipt(edition.audiobook_id, audio, tuple(beside), proofs)
    if former is not None:
        _bring_along(former, staged)
    receipt.write(staged)
    for path in staged.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        elif path.is_file():
            sync_file(path)
    return receipt


def _put_audio(edition: Edition, staged: Path) -> dict[str, int]:
    whole = any(is_m4b(name) for name in edition.files)
    sizes: dict[str, int] = {}
    for folder, wanted, source in _all_files(edition):
        name = file_name(wanted, "audio")
        if not folder and whole and is_audio(name) and not is_m4b(name):
            folder = CHAPTER_FILES  # noqa: PLW2901 - it would double the book
        if folder:
            (staged / folder).mkdir(exist_ok=True)
            (staged / folder / IGNORE).touch()
            name = f"{folder}/{name}"
        name = _free(name, sizes)
        link_or_copy(source, staged / name)
        sizes[name] = (staged / name).stat().st_size
    return sizes


def _all_files(edition: Edition) -> Iterator[tuple[str, str, Path]]:
    """(folder or "", published name, file)."""
    for name, source in edition.files.items():
        yield "", name, source
    for name, source in edition.chapter_files.items():
        yield CHAPTER_FILES, name, source
    for folder, files in edition.sets.items():
        for name, source in files.items():
            yield safe_name(folder, "set"), name, source


def _free(name: str, taken: Mapping[str, int]) -> str:
    stem, dot, ending = name.rpartition(".")
    number, candidate = 2, name
    while candidate.casefold() in {other.casefold() for other in taken}:
        candidate = f"{stem} ({number}){dot}{ending}"
        number += 1
    return candidate


def _cover(edition: Edition) -> dict[str, bytes]:
    if edition.cover is None:
        return {}
    return {"cover.png" if edition.cover.startswith(b"\x89PNG") else "cover.jpg": edition.cover}


def _bring_along(former: Path, staged: Path) -> None:
    """Link what is in ``former`` but not ours into ``staged``: a booklet somebody laid there stays where it was."""
    receipt = read_receipt(former)
    if receipt is None:
        return
    folders = {CHAPTER_FILES, *(name.partition("/")[0] for name in receipt.audio if "/" in name)}
    ours = {RECEIPT, *(f"{folder}/{IGNORE}" for folder in folders), *receipt.audio, *receipt.beside}
    for path in sorted(former.rglob("*")):
        inside = path.relative_to(former)
        target = staged / inside
        if not path.is_file() or path.is_symlink() or inside.as_posix() in ours or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, target)


def link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, or a copy of it where the filesystems allow no link."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)  # says itself what is wrong, if a missing link was not all
