"""Look for a cover next to a book's source file."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from foundry_tui.pictures.usable import usable_cover

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif")
PAGES = (".html", ".xhtml", ".htm")
HEAD_BYTES = 256 * 1024  # a cover is named in the head or stands before the first chapter
LARGEST_FILE = 40 * 1024 * 1024


def find_cover_beside(source: Path) -> bytes | None:
    """The first usable of: ``images/cover.*``, ``cover.*`` beside ``source``, what its HTML calls its cover; else None.

    A page names its cover by ``<link type="image/x-cover">``, ``rel="cover"`` or an image with "cover" in its id,
    class, alt text or file name. Only files inside the source's own folder are read, whatever the page says.
    """
    folder = source.parent
    for path in (*_by_name(folder / "images"), *_by_name(folder), *_by_page(source)):
        cover = _read(path)
        if cover is not None:
            return cover
    return None


def _by_name(folder: Path) -> list[Path]:
    return [path for ending in ENDINGS if (path := folder / f"cover{ending}").is_file()]


def _by_page(source: Path) -> Iterator[Path]:
    if source.suffix.lower() not in PAGES or not source.is_file():
        return
    finder = _CoverFinder()
    try:
        with source.open("rb") as file:
            finder.feed(file.read(HEAD_BYTES).decode("utf-8", "replace"))
    except OSError:
        return
    home = source.parent.resolve()
    for link in (*finder.declared, *finder.likely):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or not parts.path or "\0" in unquote(parts.path):
            continue
        path = (home / unquote(parts.path)).resolve()
        if path.is_relative_to(home) and path.suffix.lower() in ENDINGS and path.is_file():
            yield path


def _read(path: Path) -> bytes | None:
    try:
        return usable_cover(path.read_bytes()) if path.stat().st_size <= LARGEST_FILE else None
    except OSError:
        return None


class _CoverFinder(HTMLParser):
    """Collects the links a page declares as its cover, then the images that look like one, in the page's order."""

    def __init__(self) -> None:
        super().__init__()
        self.declared: list[str] = []
        self.likely: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what concerns a cover."""
        named = {name: value or "" for name, value in attrs}
        if tag == "link" and (named.get("type") == "image/x-cover" or "cover" in named.get("rel", "").lower().split()):
            self.declared.append(named.get("href", ""))
        elif tag == "img" and any("cover" in named.get(name, "").lower() for name in ("id", "class", "alt", "src")):
            self.likely.append(named.get("src", ""))
