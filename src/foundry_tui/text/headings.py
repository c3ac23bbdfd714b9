"""What a heading says: a keyword of some language, a numeral, a name such as Preface, or just a title."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from foundry_tui.text.numerals import CJK_NUMERAL, NUMBER_WORDS, ROMAN_WORDS, cjk, roman, value_of
from foundry_tui.text.section_names import APPARATUS, NAMED

_CHAPTER = (
    "chapter chap chapt chapitre chap kapitel kap capítulo capitulo cap capitolo глава гл hoofdstuk "
    "kapittel kapitola rozdział fejezet luku "
    "kafli caput capitol poglavlje розділ κεφαλαιον ĉapitro kapitlet capítol capituli bölüm"
)
_UNIT = (
    "letter lettre brief carta lettera письмо canto gesang chant zang песнь stave story tale fable "
    "lecture sermon lesson adventure "
    "night essay section § sektion sezione sección seção stanza psalm idyl idyll eclogue elegy "
    "satire ode sonnet fit fytte "
    "rhapsody dialogue conversation day giornata novella jornada veillée entretien abenteuer märchen erzählung "
    "историја рассказ vorlesung lektion epistle parable number no nr livraison episode episodio "
    "épisode incident record paper "
    "narrative statement evidence période period sketch voyage journey"
)
_PART = (
    "part book volume vol teil buch band abteilung abtheilung theil partie livre tome parte libro "
    "volumen tomo livro volume часть "
    "книга том deel boek osa del bog bok kniha část tom część księga könyv rész kirja liber pars "
    "cycle phase division series epoch époque epoche época epoca эпоха"
)
_ACT = "act acte akt aufzug acto atto ato действие bedrijf actus jednání felvonás näytös induction"
_SCENE = "scene scène szene auftritt escena scena cena явление сцена tooneel toneel kohtaus"
_KIND = {
    word: kind
    for kind, words in (("scene", _SCENE), ("act", _ACT), ("part", _PART), ("unit", _UNIT), ("chapter", _CHAPTER))
    for word in words.split()
}
_LONG_KEYWORDS = tuple(word for word in _KIND if len(word) >= 6)
_KEYWORD = "|".join(sorted((re.escape(word) for word in _KIND), key=len, reverse=True))
_NUMERAL = (
    r"[0-9]{1,4}(?:st|nd|rd|th|e|er|ème|º|ª|°|o|a)?(?![0-9\w])|[mdclxvi]{1,9}(?:e|er|ème|º|°)?(?!\w)|"
    + "|".join(sorted((re.escape(word) for word in NUMBER_WORDS), key=len, reverse=True))
)
_KEYWORD_FIRST = re.compile(
    rf"(?:the\s+|der\s+|die\s+|das\s+|le\s+|la\s+)?({_KEYWORD})\s*[.:]?\s*(?:the\s+|the\.\s*|no\.?\s*|n[.°º]\s*)?({_NUMERAL})(?!\w)\s*[.:;,)\]—–-]*\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_NUMERAL_FIRST = re.compile(
    rf"(?:the\s+|der\s+|die\s+|das\s+|le\s+|la\s+|il\s+|el\s+|o\s+|a\s+)?({_NUMERAL})(?!\w)\s*[.]?\s+({_KEYWORD})(?!\w)\s*[.:;,)\]—–-]*\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_BARE = re.compile(rf"[\[(—–-]*\s*([0-9]{{1,3}}|[MDCLXVI]{{1,9}}|[{CJK_NUMERAL}]{{1,5}})\s*[.:)\]—–°º-]*\s*")
_BARE_WORD = re.compile(r"\W*([^\W\d_]+(?:-[^\W\d_]+)?)\W*")
_NUMBERED = re.compile(
    r"[\[(§]?\s*([0-9]{1,3}|[MDCLXVI]{1,9})\s*(?:[.:)\]]+\s*[—–-]*|\s[—–-]+|[—–]+|--)\s*(\S.*)", re.DOTALL
)
_ROMAN_THEN_LINE = re.compile(r"([MDCLXVI]{1,9}|[0-9]{1,3})\s*\n\s*(\S.*)", re.DOTALL)
_ROMAN_THEN_TITLE = re.compile(r"([MDCLXVI]{2,9})\s+([^\W\d_].*)", re.DOTALL)
_CJK = re.compile(
    rf"第\s*([{CJK_NUMERAL}\d０-９]{{1,6}})\s*([回章節节部巻卷編编篇話话幕場折齣囘幅夜巻冊])\s*(.*)", re.DOTALL
)
_CJK_VOLUME = re.compile(rf"[卷巻]之?第?\s*([{CJK_NUMERAL}\d０-９上中下]{{1,4}})(?:$|[\s　、.．：:]+)(.*)", re.DOTALL)
_CJK_BARE = re.compile(
    rf"(?:其の|その)?[（(]?([{CJK_NUMERAL}]{{1,5}}|[上中下]|[０-９]{{1,3}})[)）]?[、.．　\s]*(.*)", re.DOTALL
)
_CJK_KINDS = {
    "部": "part",
    "巻": "part",
    "卷": "part",
    "編": "part",
    "编": "part",
    "篇": "part",
    "冊": "part",
    "幕": "act",
    "場": "scene",
    "節": "section",
    "节": "section",
}
_STRAY = re.compile(r"[\"“”‘’«»'*_\[\](){}]+")


@dataclass(frozen=True, slots=True)
class Parsed:
    """``kind``: chapter, unit, part, act, scene, numeral (nothing but a number), numbered (number and title), named,
    apparatus or plain. ``key`` is the keyword or the name's key, ``rest`` what follows keyword and number.
    """

    kind: str
    number: int | None = None
    rest: str = ""
    key: str = ""

    @property
    def bare(self) -> bool:
        """Nothing but a number, with or without its keyword: a title may stand in the next heading."""
        return self.number is not None and not self.rest

    @property
    def numbered(self) -> bool:
        """Whether it has its place in a count."""
        return self.number is not None


def fold(text: str) -> str:
    """Letters only, without accents and case: for comparing titles, never for speech."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        "".join(sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign)).split()
    )


@lru_cache(maxsize=8192)
def parse_heading(text: str) -> Parsed:
    r"""What the words of a heading say (its lines joined by ``\\n``)."""
    text = text.strip()
    if not text or len(text) > 400:
        return Parsed("plain", rest=text)
    name = _name(text)
    if name:
        return name
    return _by_keyword(text) or _by_number(text) or Parsed("plain", rest=text)


def _name(text: str) -> Parsed | None:
    folded = fold(text)
    if not folded:
        return None
    for table, kind in ((APPARATUS, "apparatus"), (NAMED, "named")):
        key = table.get(folded) or table.get(folded.replace(" ", "") if _spaced_out(text) else "")
        if key:
            return Parsed(kind, key=key, rest=text)
    head = folded.split()
    for length in (4, 3, 2, 1):
        if len(head) > length:
            start = " ".join(head[:length])
            if start in NAMED and (
                length > 1 or _breaks_after(text, head[0]) or (len(head) <= 7 and head[1] in _LINKS)
            ):
                return Parsed("named", key=NAMED[start], rest=text)
            if start in APPARATUS and length >= 2 and len(head) <= length + 6:
                return Parsed("apparatus", key=APPARATUS[start], rest=text)
    if 1 < len(head) <= 5:
        for word in head:
            if NAMED.get(word) in _ANYWHERE:
                return Parsed("named", key=NAMED[word], rest=text)
    return None


_ANYWHERE = frozenset({"preface", "prologue", "foreword", "epilogue"})  # names that say what a short heading is
_LINKS = frozenset(
    [
        "to",
        "by",
        "of",
        "the",
        "del",
        "de",
        "du",
        "des",
        "di",
        "do",
        "da",
        "al",
        "à",
        "a",
        "au",
        "aux",
        "zum",
        "zur",
        "von",
        "van",
        "tot",
        "к",
        "от",
        "della",
        "dello",
        "dell",
    ]
)


def _spaced_out(text: str) -> bool:
    """P R E F A C E"""
    return all(len(word) == 1 for word in text.split())


def _breaks_after(text: str, word: str) -> bool:
    """A colon, stop, dash or line break follows the first word."""
    rest = text.lstrip('"“‘«[(*_ ')[len(word) :]
    return rest[:1] in ".:;—–\n" or rest[:2] == "--"


def _by_keyword(text: str) -> Parsed | None:
    found = _CJK.match(text)
    if found:
        kind = _CJK_KINDS.get(found[2], "chapter")
        digits = unicodedata.normalize("NFKC", found[1])
        return Parsed(kind if kind != "section" else "unit", cjk(digits), found[3].strip(), found[2])
    found = _CJK_VOLUME.fullmatch(text)
    if found and len(text) <= 60:
        places = {"上": 1, "中": 2, "下": 3}
        number = places.get(found[1]) or cjk(unicodedata.normalize("NFKC", found[1]))
        if number is not None:
            return Parsed("part", number, found[2].strip(), "卷")
    flat = _STRAY.sub(" ", text).strip(" .—–-\n")
    found = _KEYWORD_FIRST.match(flat)
    if found:
        number = value_of(
            re.sub(r"(?<=[0-9mdclxvi])(st|nd|rd|th|er|ème|e|º|ª|°|o|a)$", "", found[2], flags=re.IGNORECASE) or found[2]
        )
        if number is None:
            number = value_of(found[2])
        if number is not None and _stands_alone(found[1], found[2], flat, found[3]):
            return Parsed(_KIND[found[1].lower()], number, found[3].strip(), found[1].lower())
    found = _NUMERAL_FIRST.match(flat)
    if found and found[1].lower() not in {"a", "c", "d", "l", "m", "v", "x"}:
        number = value_of(found[1])
        if number is not None:
            return Parsed(_KIND[found[2].lower()], number, found[3].strip(), found[2].lower())
    return _misspelt(flat)


def _stands_alone(keyword: str, numeral: str, text: str, rest: str) -> bool:
    """Prose that happens to begin so ("Part one of them ...", "No one") is no keyword heading."""
    if keyword[:1].islower():
        return False
    if numeral.islower() and not numeral[:1].isdigit() and rest and (numeral not in NUMBER_WORDS or rest[:1].islower()):
        return False
    if (
        keyword.lower() in {"no", "nr", "number", "day", "section", "§", "cap", "band", "del", "tom"}
        and numeral.lower() in NUMBER_WORDS
        and re.search(r"\bthe\b", text[: len(keyword) + 6], re.IGNORECASE) is None
    ):
        return False
    return not (len(rest) > 250 or (rest.endswith((".", "!", "?", "”")) and len(text) > 160))


def _misspelt(text: str) -> Parsed | None:
    """CAPIULO CXXIV, CHAPTERXXVII: one letter or the space may be wrong."""
    found = re.match(r"([^\W\d_]{6,11}?)\s*([MDCLXVI]{1,9}|[0-9]{1,3})\b\s*[.:)—–-]*\s*(.*)", text, re.DOTALL)
    if not found or not found[1][:1].isupper():
        return None
    word = fold(found[1])
    for keyword in _LONG_KEYWORDS:
        if _KIND[keyword] in {"chapter", "part"} and _near(word, fold(keyword)):
            number = value_of(found[2])
            if number is not None:
                return Parsed(_KIND[keyword], number, found[3].strip(), keyword)
    return None


def _near(one: str, other: str) -> bool:
    """At most one letter apart."""
    if one == other:
        return True
    if abs(len(one) - len(other)) > 1:
        return False
    at = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return one[at + 1 :] == other[at + 1 :] or one[at + 1 :] == other[at:] or one[at:] == other[at + 1 :]


def _by_number(text: str) -> Parsed | None:
    found = _BARE.fullmatch(text)
    if found:
        number = value_of(found[1])
        if number is not None and (found[1] not in ROMAN_WORDS or len(found[1]) <= 2):
            return Parsed("numeral", number)
    found = _BARE_WORD.fullmatch(text)
    if found and found[1].casefold() in NUMBER_WORDS and found[1][:1].isupper():
        return Parsed("numeral", NUMBER_WORDS[found[1].casefold()])
    for pattern in (_NUMBERED, _ROMAN_THEN_LINE, _ROMAN_THEN_TITLE):
        found = pattern.fullmatch(text)
        if found and found[1] not in ROMAN_WORDS - {"VI", "LI", "CI", "MI", "DI"}:
            number = int(found[1]) if found[1].isdigit() else roman(found[1])
            if number is not None and (pattern is not _ROMAN_THEN_TITLE or found[1] not in ROMAN_WORDS):
                return Parsed("numbered", number, found[2].strip())
    found = _CJK_BARE.fullmatch(text)
    if found and len(text) <= 30:
        places = {"上": 1, "中": 2, "下": 3}
        number = places.get(found[1]) or cjk(unicodedata.normalize("NFKC", found[1]))
        separated = not found[2] or text[found.end(1) : found.start(2)].strip("）)") != ""
        if number is not None and separated:
            return Parsed("numbered" if found[2] else "numeral", number, found[2].strip())
    return None
