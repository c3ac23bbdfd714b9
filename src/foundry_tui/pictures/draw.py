"""Draw a cover from title and author: type on a coloured ground, over a band of sound.

Colours and the band come from a hash of the words, so a book keeps its cover and its neighbours get others; the same
input gives the same bytes on the same machine.
"""

from __future__ import annotations

import colorsys
import hashlib
import unicodedata
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from foundry_tui.pictures.fonts import Typeface, typeface_for
from foundry_tui.pictures.usable import jpeg_bytes

LONGEST_TITLE = 240
BARS = 45
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]
_PAPER: Colour = (250, 246, 236)
# (ground, accent): every accent reads on its ground with a contrast of 6 to 1 or better.
_PAIRS: tuple[tuple[Colour, Colour], ...] = (
    ((24, 42, 74), (240, 196, 110)),  # navy, brass
    ((72, 24, 38), (240, 184, 168)),  # burgundy, rose
    ((18, 60, 58), (246, 190, 140)),  # teal, apricot
    ((30, 56, 38), (214, 222, 150)),  # forest, lichen
    ((56, 32, 72), (170, 216, 196)),  # aubergine, mint
    ((92, 40, 24), (250, 206, 130)),  # rust, straw
    ((34, 38, 44), (150, 204, 232)),  # slate, sky
    ((20, 52, 80), (244, 170, 150)),  # sea, coral
    ((60, 46, 30), (226, 204, 160)),  # walnut, sand
    ((44, 40, 92), (232, 200, 240)),  # indigo, lilac
)
_SIMPLE = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "ß": "ss", "æ": "ae", "Æ": "AE"}
    | {"œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ð": "d", "þ": "th"}
)


@dataclass(frozen=True, slots=True)
class _Box:
    """A band of the cover, in fractions of its side: text is set as large as fits, between the two sizes."""

    top: float
    bottom: float
    largest: float
    smallest: float
    most_lines: int


_TITLE = _Box(0.13, 0.56, 0.125, 0.036, 7)
_AUTHOR = _Box(0.585, 0.69, 0.05, 0.026, 2)
_NARRATOR = _Box(0.875, 0.925, 0.034, 0.022, 1)
_SIDE = 0.12
_LEADING = 1.22


def draw_cover(title: str, author: str | None, *, narrator: str | None = None, size_px: int = 1400) -> bytes:
    """A square JPEG of ``size_px`` with the title, the author and (small, at the foot) the narrator.

    Words no font on this machine can draw are left out, and the band of sound takes their place.
    """
    title, author, narrator = _clean(title), _clean(author or ""), _clean(narrator or "")
    seed = hashlib.sha256(f"{title}\0{author}".encode()).digest()
    ground, shade, accent = _colours(seed)
    picture = Image.new("RGB", (size_px, size_px), ground)
    pen = ImageDraw.Draw(picture)
    _frame(pen, size_px, accent)
    titled = _set(pen, title, _TITLE, size_px, _PAPER)
    _set(pen, author, _AUTHOR, size_px, accent)
    _set(pen, narrator, _NARRATOR, size_px, accent)
    middle, height = (0.785, 0.12) if titled else (0.42, 0.46)
    _sound(pen, seed, size_px, middle, height, shade, accent)
    return jpeg_bytes(picture)


def _clean(text: str) -> str:
    """``text`` on one line, without control, format and unassigned characters (bidi overrides among them)."""
    spaced = " ".join(text.split())
    kept = "".join(letter for letter in spaced if unicodedata.category(letter)[0] != "C")
    whole = unicodedata.normalize("NFC", kept)
    return whole if len(whole) <= LONGEST_TITLE else whole[: LONGEST_TITLE - 3].rstrip() + "..."


def _colours(seed: bytes) -> tuple[Colour, Colour, Colour]:
    """Ground, a shade of it for every third bar, and the accent: one of the pairs, tuned a little by the book."""
    ground, accent = _PAIRS[seed[0] % len(_PAIRS)]
    return _tuned(ground, seed[1], 1.0), _tuned(ground, seed[1], 1.7), accent


def _tuned(colour: Colour, turn: int, lighter: float) -> Colour:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + (turn - 128) / 128 * 0.015) % 1, lightness * lighter, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _frame(pen: ImageDraw.ImageDraw, size_px: int, accent: Colour) -> None:
    outer, inner = round(size_px * 0.045), round(size_px * 0.056)
    pen.rectangle((outer, outer, size_px - outer, size_px - outer), outline=accent, width=max(2, size_px // 350))
    pen.rectangle((inner, inner, size_px - inner, size_px - inner), outline=accent, width=1)


def _sound(
    pen: ImageDraw.ImageDraw, seed: bytes, size_px: int, middle: float, height: float, shade: Colour, accent: Colour
) -> None:
    """A row of rounded bars, as a player draws a voice; ``middle`` and ``height`` are fractions of the side."""
    left, width = size_px * 0.16, size_px * 0.68
    pitch = width / BARS
    levels = hashlib.sha512(seed).digest()
    for bar in range(BARS):
        swell = 1 - abs(2 * bar / (BARS - 1) - 1) ** 2.2
        tall = size_px * height * (0.08 + 0.92 * swell * (0.25 + 0.75 * levels[bar] / 255)) / 2
        centre = left + pitch * (bar + 0.5)
        box = (centre - pitch * 0.3, size_px * middle - tall, centre + pitch * 0.3, size_px * middle + tall)
        pen.rounded_rectangle(box, radius=pitch * 0.3, fill=accent if bar % 3 else shade)


def _set(pen: ImageDraw.ImageDraw, text: str, box: _Box, size_px: int, colour: Colour) -> bool:
    """Set ``text`` centred in ``box``, as large as fits; False where there is no text or no font for it."""
    face = typeface_for(text)
    if face is None:
        text = _plain(text)
        face = typeface_for(text)
    if not text or face is None:
        return False
    width = round(size_px * (1 - 2 * _SIDE))
    font, lines, line_px = _largest(face, text, box, width, size_px)
    top = size_px * (box.top + box.bottom) / 2 - line_px * len(lines) / 2
    for place, line in enumerate(lines):
        pen.text((size_px / 2, top + line_px * (place + 0.5)), line, font=font, fill=colour, anchor="mm")
    return True


def _plain(text: str) -> str:
    """``text`` in the letters Pillow's own font has, for a machine without fonts: accents and ligatures go."""
    simple = text.translate(_SIMPLE)
    return "".join(letter for letter in unicodedata.normalize("NFKD", simple) if not unicodedata.combining(letter))


def _largest(face: Typeface, text: str, box: _Box, width: int, size_px: int) -> tuple[Font, list[str], float]:
    """(font, lines, line height) of the largest size that fits the box; the smallest, cut short, where none does."""
    tall = (box.bottom - box.top) * size_px
    smallest = max(8, round(box.smallest * size_px))
    # Words stay whole, unless one is too wide even in the smallest size or the script breaks anywhere.
    breakable = _breaks_anywhere(text) or not _words_fit(text, face.at(smallest), width)

    def fits(size: int) -> bool:
        font = face.at(size)
        lines = len(_fill(text, font, width))
        whole = breakable or _words_fit(text, font, width)
        return whole and lines <= box.most_lines and lines * size * _LEADING <= tall

    low, high = smallest, max(smallest, round(box.largest * size_px)) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    font = face.at(low)
    lines = _wrap(text, font, width)
    fitting = max(1, min(box.most_lines, int(tall / (low * _LEADING))))
    if len(lines) > fitting:
        lines = [*lines[: fitting - 1], _shortened(lines[fitting - 1], font, width)]
    return font, lines, low * _LEADING


def _breaks_anywhere(text: str) -> bool:
    """Whether lines may break between any two letters, as in Chinese and Japanese."""
    return any(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def _words_fit(text: str, font: Font, width: int) -> bool:
    return all(font.getlength(word) <= width for word in text.split())


def _wrap(text: str, font: Font, width: int) -> list[str]:
    """Lines of at most ``width``, evenly filled; broken at spaces, and inside a word only where it is wider itself."""
    greedy = _fill(text, font, width)
    if len(greedy) < 2:
        return greedy
    # The narrowest width that keeps the number of lines gives an even block instead of a lonely last word.
    low, high = width // 2, width
    while high - low > 8:
        middle = (low + high) // 2
        if len(_fill(text, font, middle)) == len(greedy) and _words_fit(text, font, middle):
            high = middle
        else:
            low = middle
    return _fill(text, font, high)


def _fill(text: str, font: Font, width: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if font.getlength(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = ""
        for letter in word:
            if line and font.getlength(line + letter) > width:
                lines.append(line)
                line = letter
            else:
                line += letter
    return [*lines, line] if line else lines


def _shortened(line: str, font: Font, width: int) -> str:
    while line and font.getlength(line + "...") > width:
        line = line[:-1]
    return line.rstrip() + "..."
