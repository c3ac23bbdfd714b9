"""Find a font that can draw a text: Pillow's own, else one of the system's that has every glyph of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

MOST_FONTS = 600  # as many files as are opened in search of one rare script
_ENDINGS = (".ttf", ".otf", ".ttc", ".otc")
# Tried first, in this order: families that cover much and read well on a cover.
_FAMILIES = ("notosans", "notoserif", "dejavusans", "sourcehan", "wqy", "ipa", "unifont")
_ODD_FACES = ("bold", "italic", "oblique", "mono", "emoji", "symbol", "math", "condensed", "light", "thin")
_PROBE_PX = 24
_MISSING = "\U0010fffe"  # a noncharacter: every font draws its "no such glyph" box for it


class Typeface:
    """A font file (or Pillow's own where ``path`` is None) that can be had in any size."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def at(self, size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        """The face in ``size_px``; raises OSError where the file is no font FreeType reads."""
        if self.path is None:
            return ImageFont.load_default(size_px)
        return ImageFont.truetype(self.path, size_px)

    def draws(self, text: str) -> bool:
        """Whether the face has a glyph for every visible character of ``text``."""
        try:
            font = self.at(_PROBE_PX)
            missing = _picture(font, _MISSING)
            return all(
                _picture(font, letter) != missing for letter in set(text) if letter.isprintable() and letter != " "
            )
        except (OSError, ValueError):
            return False


def _picture(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, letter: str) -> tuple[object, bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def typeface_for(text: str) -> Typeface | None:
    """The first face that draws all of ``text``, in a fixed order, or None where this machine has none."""
    return _typeface_for("".join(sorted(set(text))))


@lru_cache(maxsize=256)
def _typeface_for(letters: str) -> Typeface | None:
    own = Typeface(None)
    if own.draws(letters):
        return own
    for path in _system_fonts():
        face = Typeface(path)
        if face.draws(letters):
            return face
    return None


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[Path, ...]:
    """Font files of the system, the likeliest first; the order depends on their names alone."""
    found = {path for folder in _font_folders() for path in _fonts_under(folder)}
    return tuple(sorted(found, key=_rank)[:MOST_FONTS])


def _fonts_under(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith(_ENDINGS):
                yield Path(place) / name


def _font_folders() -> tuple[Path, ...]:
    home = Path("~").expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path(data) / "fonts" if data else home / ".local/share/fonts",
        home / ".fonts",
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        home / "Library/Fonts",
        Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",
    )


def _rank(path: Path) -> tuple[int, int, str]:
    name = path.name.lower().replace("-", "").replace("_", "")
    family = next((place for place, head in enumerate(_FAMILIES) if name.startswith(head)), len(_FAMILIES))
    odd = sum(word in name for word in _ODD_FACES)
    return odd, family, str(path)
