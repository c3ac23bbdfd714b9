"""Bytes of a book file to clean text: the declared encoding is tried, never believed."""

from __future__ import annotations

import codecs
import re
import unicodedata

from foundry_tui.errors import SourceUnreadable

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)|set encoding:\s*([A-Za-z0-9_-]+)""", re.IGNORECASE
)
# Files that say Latin-1 or ASCII were written with Windows' punctuation more often than not (text of WHATWG Encoding).
_WINDOWS = {"ascii", "us-ascii", "iso-8859-1", "iso8859-1", "latin-1", "latin1", "iso-latin-1", "ansi_x3.4-1968"}
_BY_LANGUAGE = {
    "rus": ("cp1251", "koi8-r"),
    "ukr": ("cp1251", "koi8-u"),
    "bul": ("cp1251",),
    "jpn": ("cp932", "euc_jp"),
    "zho": ("gb18030", "big5"),
    "kor": ("cp949",),
    "pol": ("cp1250",),
    "ces": ("cp1250",),
    "hun": ("cp1250",),
    "ell": ("cp1253",),
    "tur": ("cp1254",),
    "heb": ("cp1255",),
    "ara": ("cp1256",),
}
_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
_TO_SPACE = "\x0b\x0c\u0085\u2028\u2029"
_NONCHARACTER_REFERENCE = re.compile(
    r"&#(?:x0*fd[de][0-9a-f]|0*649[7-9]\d|0*6500[0-7]|x0*2028|0*8232);?", re.IGNORECASE
)
_PDF, _ZIP, _GZIP = b"%PDF-", b"PK\x03\x04", b"\x1f\x8b"


def decode(data: bytes, *, language: str | None = None) -> tuple[str, str]:
    """(text, encoding) of a text file; raises SourceUnreadable where the bytes are no text at all.

    Order: byte order mark, strict UTF-8, the declared encoding, the usual ones of ``language``, Windows-1252.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, "replace").lstrip("\ufeff"), name
    guess = _wide(data)
    if guess:
        return data.decode(guess, "replace"), guess
    if data.count(0) > len(data) // 1000:
        raise SourceUnreadable(
            "The file is binary: it holds no readable text.",
            next_action="Put the book's HTML, EPUB or text in its place.",
        )
    declared = _declared(data)
    if declared.startswith(("iso2022", "iso-2022")):
        return data.decode(declared, "replace"), declared
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as broken:
        if _utf8_but_for_a_few(data, broken):
            return _mended(data), "utf-8"
    for name in (declared, *_BY_LANGUAGE.get(language or "", ())):
        if name and name not in _WINDOWS and not name.startswith("utf"):
            try:
                return data.decode(name), name
            except (UnicodeDecodeError, LookupError):
                continue
    return _windows(data), "cp1252"


def _declared(data: bytes) -> str:
    found = _DECLARED.search(data, 0, 8192)
    if not found:
        return ""
    name = (found[1] or found[2]).decode("ascii", "replace").lower()
    try:
        codecs.lookup(name)
    except LookupError:
        return ""
    return name


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: every other byte of Western text is zero."""
    head = data[:2000]
    if len(head) < 8 or head.count(0) < len(head) // 3:
        return ""
    if head[1::2].count(0) > len(head) // 3:
        return "utf-16-le"
    return "utf-16-be" if head[0::2].count(0) > len(head) // 3 else ""


def _utf8_but_for_a_few(data: bytes, broken: UnicodeDecodeError) -> bool:
    """Whether a file is UTF-8 with a handful of stray bytes, rather than another encoding."""
    del broken
    lost = data.decode("utf-8", "replace").count("\ufffd")
    good = len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]+", data))
    return good > 20 * lost


def _mended(data: bytes) -> str:
    """UTF-8 where the bytes that are none are read as Windows-1252."""
    codecs.register_error("foundry.cp1252", _as_windows)
    return data.decode("utf-8", "foundry.cp1252")


def _as_windows(broken: UnicodeError) -> tuple[str, int]:
    assert isinstance(broken, UnicodeDecodeError)
    return _windows(broken.object[broken.start : broken.end]), broken.end


def _windows(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(_CP1252.get(byte, chr(byte)) for byte in data)


_CP1252 = {byte: bytes([byte]).decode("cp1252") for byte in range(256) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}


def clean_source(text: str) -> str:
    """Text of a whole file without what no reader sees; letters composed (NFC), never folded (no NFKC)."""
    if "&#" in text:
        text = _NONCHARACTER_REFERENCE.sub(" ", text)
    if _ODD.search(text):
        text = _ODD.sub(_replace, text)
    return text if text.isascii() or unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def clean_line(text: str) -> str:
    """The same for a piece of text that came out of entities; the marks of document.cut() are left alone."""
    text = _ENTITY_ODD.sub(_replace, text)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


_ENTITY_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff\ufffe\uffff]"
)


def has_odd(text: str) -> bool:
    """Whether clean_line() would change ``text`` by more than composing letters."""
    return _ENTITY_ODD.search(text) is not None


def _replace(match: re.Match[str]) -> str:
    sign = match[0]
    if sign in _TO_SPACE:
        return " "
    return _CP1252.get(ord(sign), "") if "\x80" <= sign <= "\x9f" else ""


def one_line(text: str, limit: int = 500) -> str:
    """A title or name from outside as one printable line of at most ``limit`` characters."""
    return " ".join("".join(" " if sign in "\t\n\r" else sign for sign in clean_source(text)).split())[:limit].strip()


def refuse_other_kinds(data: bytes, name: str) -> None:
    """Raise SourceUnreadable where a file that should be text or a book is something else by its first bytes."""
    if data[:1024].lstrip().startswith(_PDF):
        raise SourceUnreadable(
            f"{name} is a PDF, whatever its name says.",
            next_action="Convert it to EPUB or HTML first, for example with Calibre, then requeue the step.",
        )
    if data.startswith(_GZIP):
        raise SourceUnreadable(
            f"{name} is a gzip archive.", next_action="Unpack it with gunzip, then requeue the step."
        )
