"""Which file a book is made from."""

from __future__ import annotations

from pathlib import Path

from foundry_tui.errors import SourceAmbiguous, SourceNotFound
from foundry_tui.text.readers import ENDINGS


def find_source(
    book_folder: Path, book_id: str, source_path: Path | None = None, language_folder: str | None = None
) -> Path:
    """The source of ``book_id``: <book_id>.<ending> (in the language's folder first), else ``source_path``, else the
    only file with the id in its name.

    Raises SourceNotFound with every place looked at, SourceAmbiguous with every file that could be meant.
    """
    folders = [book_folder / language_folder] if language_folder else []
    folders.append(book_folder)
    looked: list[str] = []
    for folder in folders:
        for ending in ENDINGS:
            wanted = folder / f"{book_id}{ending}"
            looked.append(str(wanted))
            if wanted.is_file():
                return wanted
    if source_path is not None:
        looked.append(str(source_path))
        if source_path.is_file():
            return source_path
    for folder in folders:
        looked.append(str(folder / f"*{book_id}*"))
        found = _named(folder, book_id)
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.name for path in found)
            raise SourceAmbiguous(
                f"{len(found)} files in {folder} could be the source of {book_id}: {names}.",
                details={"found": [str(path) for path in found]},
            )
    raise SourceNotFound(
        f"There is no source for {book_id}. Looked for: {'; '.join(looked)}.", details={"looked_for": looked}
    )


def _named(folder: Path, book_id: str) -> list[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return []
    return [
        path
        for path in inside
        if book_id in path.name and path.suffix.lower() in ENDINGS and path.is_file() and not path.name.startswith(".")
    ]
