"""What a source file says about its book: title, author, language, number, year. Fast, without a full parse."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from foundry_tui.domain.languages import understood
from foundry_tui.errors import UsageError
from foundry_tui.text.decode import clean_source, decode, one_line, refuse_other_kinds
from foundry_tui.text.headings import parse_heading
from foundry_tui.text.readers import format_of, load

_HEAD_BYTES = 96 * 1024
_TAG = re.compile(r"<[^>]*>")
_META = re.compile(r"<meta\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_LANG = re.compile(r"<html\b[^>]*?\b(?:xml:)?lang\s*=\s*[\"']?([A-Za-z-]{2,12})", re.IGNORECASE)
_FIELD = re.compile(
    r"^[ \t]*(Title|Author|Language|Release date|Translator|Illustrator|Posting date|Editor|Credits"
    r"|Original publication)[ \t]*:[ \t]*(.+(?:\n[ \t]{2,}\S.*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER = re.compile(r"\[\s*E-?(?:book|text)\s*#\s*(\d{1,7})\s*\]", re.IGNORECASE)
_NUMBER_ADDRESS = re.compile(r"gutenberg\.org/(?:files/|ebooks/|cache/epub/|etext/)?(\d{1,7})\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(1[4-9]\d\d|20[0-2]\d)\b")
_PG_TITLE = re.compile(
    r"^(?:The\s+)?Project Gutenberg(?:['’]s)?\s+(?:e-?book|e-?text)?\s*(?:of|,|:)?\s*", re.IGNORECASE
)
_PG_TAIL = re.compile(
    r"\s*(?:[|—–-]+\s*(?:A |The )?Project Gutenberg(?:['’]s)?(?:\s*e-?(?:book|text).*)?"
    r"|,?\s*a Project Gutenberg e-?book.*|\(Project Gutenberg\))\s*\.?$",
    re.IGNORECASE,
)
_BY = re.compile(r"^(.{2,}?),?\s+(?:by|von|par|di|por|de|door|av|af)\s+(\S.{2,80})$", re.IGNORECASE)
_BY_LINE = re.compile(r"^\s*(?:by|written by|von|par|por|di|door|av|af|от)\b[\s:]+(.{3,80}?)\s*\.?$", re.IGNORECASE)
_BY_ALONE = re.compile(r"^\s*(by|von|par|por|di|de|door|av|af)\s*:?\s*$", re.IGNORECASE)
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_PARTICLE = re.compile(r"de|del|della|di|da|du|des|la|le|van|von|der|den|ter|te|y|e|zu|zur|d'|of|and", re.IGNORECASE)
_ARTICLE = re.compile(r"an?|the|der|die|das|eine?|les?|la|une?|el|l[ao]s|lo|il|gli|i|un[ao]|os?|as|um", re.IGNORECASE)
_HEADING = re.compile(r"<h([1-3])\b[^>]*>(.*?)</h\1\s*>", re.IGNORECASE | re.DOTALL)
_OR = re.compile(r"\W*(?:or|ou|oder|o|ossia|ovvero|или|of)\b", re.IGNORECASE)
_LINES = re.compile(r"<(?:br|/p|/div|/h\d|p|div)\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SourceMetadata:
    """What the file says; empty fields are None. ``language`` is ISO 639-2/T, ``cover`` the bytes of a cover picture
    inside the file and ``cover_type`` its media type.
    """

    title: str | None = None
    author: str | None = None
    language: str | None = None
    gutenberg_id: int | None = None
    year_published: int | None = None
    subjects: tuple[str, ...] = ()
    summary: str | None = None
    cover: bytes | None = None
    cover_type: str | None = None


def source_metadata(source: Path) -> SourceMetadata:
    """What ``source`` says about itself; raises the same errors as reading it does."""
    kind = format_of(source)
    data = load(source)
    refuse_other_kinds(data, source.name)
    if data.startswith(b"PK\x03\x04"):
        if kind == "docx":
            from foundry_tui.text.read_docx import docx_metadata

            return docx_metadata(data)
        from foundry_tui.text.read_epub import epub_metadata

        return epub_metadata(data)
    text, _ = decode(data, language=None)
    return html_metadata(text) if kind == "html" else plain_metadata(text)


def html_metadata(text: str) -> SourceMetadata:
    """What an HTML file's head, its distributor's header and its first headings say."""
    head = text[:_HEAD_BYTES]
    body = clean_source(text[: _HEAD_BYTES * 4])
    start = re.search(r"<body\b[^>]*>", body, re.IGNORECASE)
    opening = (body[start.end() :] if start else body)[: _HEAD_BYTES // 2]
    names = _meta(head)
    lines = _LINES.sub("\n", opening)
    plain = html.unescape(_TAG.sub("", lines))
    fields = _fields(plain[:12000])
    titled = _TITLE.search(head)
    page_title, page_author = _split_title(html.unescape(_TAG.sub("", titled[1])) if titled else "")
    language = _language(
        names.get("dc.language") or fields.get("language") or _first(_LANG.findall(head)) or names.get("language")
    )
    heading, author_heading = _title_headings(opening)
    title = names.get("dc.title") or fields.get("title") or names.get("og:title") or page_title or heading
    if title and heading and _says_more(heading, _tidy(title) or "", language):
        title = heading
    author = (
        names.get("dc.creator")
        or fields.get("author")
        or names.get("author")
        or page_author
        or _by_line(plain)
        or author_heading
    )
    return SourceMetadata(
        title=_tidy(title),
        author=_author(author),
        language=language,
        gutenberg_id=_number(plain[:12000], names),
        year_published=_year(names.get("dc.date") or fields.get("original publication") or "", plain),
        subjects=tuple(one_line(word) for word in (names.get("dc.subject") or "").split(";") if word.strip())[:20],
        summary=one_line(names.get("description") or names.get("dc.description") or "", 4000) or None,
    )


def plain_metadata(text: str) -> SourceMetadata:
    """What a text file's header or its first lines say."""
    head = clean_source(text[:_HEAD_BYTES])
    fields = _fields(head[:12000])
    title, author = fields.get("title"), fields.get("author")
    if not title:
        title, author = _title_lines(head)
    return SourceMetadata(
        title=_tidy(title),
        author=_author(author),
        language=_language(fields.get("language")),
        gutenberg_id=_number(head[:12000], {}),
        year_published=_year(fields.get("original publication") or "", head),
    )


def _title_lines(text: str) -> tuple[str | None, str | None]:
    """(title, author) of the first lines of a text without a header."""
    body = re.split(r"\*\*\*\s*START OF[^\n]*\n", text, maxsplit=1)[-1]
    lines = [
        " ".join(line.strip("#*_ ").replace("*", "").split())
        for line in body.split("\n")
        if line.strip() and not line.strip().startswith("[")
    ]
    if not lines:
        return None, None
    title: list[str] = []
    for place, line in enumerate(lines[:12]):
        if (found := _BY_LINE.match(line)) and title:
            return " ".join(title), found[1]
        if _BY_ALONE.match(line) and place + 1 < len(lines) and title:
            return " ".join(title), lines[place + 1]
        if len(line) > 90 or len(title) >= 4:
            break
        title.append(line)
    return lines[0][:200], None


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        found.setdefault(name.lower(), " ".join(value.split()))
    return found


def _meta(head: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for tag in _META.findall(head):
        attributes = {
            key.lower(): html.unescape(one or two or three) for key, one, two, three in _ATTRIBUTE.findall(tag)
        }
        name = (attributes.get("name") or attributes.get("property") or "").lower().replace("dcterms.", "dc.")
        content = attributes.get("content", "").strip()
        if name and content:
            names.setdefault(name, content)
    return names


def _split_title(text: str) -> tuple[str | None, str | None]:
    """(title, author) of a page title such as "The Project Gutenberg eBook of X, by Y"."""
    whole = _PG_TAIL.sub("", _PG_TITLE.sub("", " ".join(text.split()))).strip(" .,|—–-")
    if not whole:
        return None, None
    found = _BY.match(whole)
    if found and (re.search(r",\s+\w+\s+\S", whole) or " by " in whole):
        return found[1].strip(" ,"), found[2]
    return whole, None


def _title_headings(text: str) -> tuple[str | None, str | None]:
    """(the book's title with its subtitle, the heading after it where that is a person's name) of a page's opening."""
    found = [
        (int(level), " ".join(html.unescape(_TAG.sub(" ", words)).split()))
        for level, words in _HEADING.findall(text)[:8]
    ]
    found = [(level, words) for level, words in found if words and not _PG_TITLE.match(words)]
    if not found:
        return None, None
    at = next((place for place, (level, _) in enumerate(found) if level == 1), 0)
    title, rest = found[at][1], found[at + 1 :]
    while rest and (title.endswith((";", ":", ",")) or _OR.match(rest[0][1])):
        title = f"{title} {rest.pop(0)[1]}"
    if not rest:
        return title, None
    level, words = rest[0]
    # Chapters come in numbers, an author once.
    alone = all(other != level for other, _ in rest[1:])
    return title, words if alone and _names_a_person(words) else None


def _names_a_person(text: str) -> bool:
    """Whether a heading without "by" reads as a name: no chapter's heading, no sentence, nothing with an article."""
    words = text.split()
    if parse_heading(text).kind != "plain" or re.search(r"[\d?!:;]", text) or len(text) > 60:
        return False
    if not text.isascii() and not any(_LATIN.match(word) for word in words):
        return len(text) <= 20
    names = [word for word in words if not _PARTICLE.fullmatch(word)]
    return (
        2 <= len(words) <= 6
        and len(names) >= 2
        and not _ARTICLE.fullmatch(words[0])
        and all(word[0].isupper() for word in names)
    )


def _says_more(heading: str, title: str, language: str | None) -> bool:
    """Whether the printed title goes on where the given one stops, or is in the book's own script."""
    short, long = _letters(title), _letters(heading)
    if short and short != long and long.startswith(short) and _OR.search(heading[len(title) - 2 :]):
        return True
    return (
        language in {"jpn", "zho", "rus", "ell", "kor", "heb", "ara"}
        and title.isascii()
        and not heading.isascii()
        and len(heading) < 80
    )


def _letters(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _by_line(text: str) -> str | None:
    lines = [line.strip() for line in text.split("\n") if line.strip()][:60]
    for place, line in enumerate(lines):
        found = _BY_LINE.match(line)
        if found:
            return found[1]
        if _BY_ALONE.match(line) and place + 1 < len(lines):
            return lines[place + 1]
    return None


def _number(text: str, names: dict[str, str]) -> int | None:
    found = _NUMBER.search(text) or _NUMBER_ADDRESS.search(
        " ".join(names.get(name, "") for name in ("dc.source", "og:url", "dc.identifier"))
    )
    return int(found[1]) if found else None


def _year(published: str, text: str) -> int | None:
    found = _YEAR.search(published)
    if found:
        return int(found[1])
    copyright_line = re.search(r"(?:copyright|©|published)[^\n]{0,60}?\b(1[4-9]\d\d)\b", text[:30000], re.IGNORECASE)
    return int(copyright_line[1]) if copyright_line else None


def _language(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return understood(text.split(",")[0].split(" ")[0].strip(" ."))
    except UsageError:
        return None


def _tidy(text: str | None) -> str | None:
    if not text:
        return None
    return one_line(_PG_TAIL.sub("", _PG_TITLE.sub("", text)).strip(" ,;|")) or None


def _author(text: str | None) -> str | None:
    tidy = _tidy(text)
    if not tidy:
        return None
    if tidy == tidy.upper() and tidy != tidy.lower():
        tidy = " ".join(word.capitalize() if word.isalpha() and len(word) > 1 else word for word in tidy.split(" "))
    turned = re.fullmatch(r"([^,()\d]+), ([^,()\d]+?)(?:,?\s*\(?\d{4}.*)?", tidy)
    return (
        f"{turned[2].strip()} {turned[1].strip()}"
        if turned and " and " not in tidy
        else re.sub(r",\s*\d{4}\??-\d{0,4}\??$", "", tidy)
    )


def _first(found: Iterable[str]) -> str | None:
    return next(iter(found), None)
