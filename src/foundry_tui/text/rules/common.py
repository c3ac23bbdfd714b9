"""Rules that hold in every language: line ends, dashes, ellipses, emphasis marks, capitals, addresses."""

from __future__ import annotations

import re

from foundry_tui.text.headings import parse_heading
from foundry_tui.text.rules.engine import Rule, plain
from foundry_tui.text.rules.numbers import roman_value, spell

_CAPITAL = r"[^\W\d_a-zß-öø-ÿа-я]"
_CAPITAL_WORD = rf"{_CAPITAL}(?:{_CAPITAL}|[’'-](?={_CAPITAL}))*"
_ROMAN_WORD = re.compile(r"\b[MDCLXVI]+\b")
_VOWEL = re.compile(r"[AEIOUYÀ-ÖØ-ÝАЕЁИОУЫЭЮЯ]")
# Short words in capitals that are spelled out or said as they stand.
_SPELLED = frozenset(
    [
        "USA",
        "UK",
        "BBC",
        "FBI",
        "CIA",
        "NY",
        "HMS",
        "SOS",
        "RSVP",
        "PS",
        "NB",
        "AD",
        "BC",
        "AM",
        "PM",
        "TV",
        "DNA",
        "MP",
        "JP",
        "QED",
        "INRI",
        "SPQR",
        "VIP",
        "IOU",
        "OK",
        "ID",
    ]
)
# Short words that are only loud, never spelled.
_LOUD = frozenset(
    [
        "YOU",
        "NOT",
        "ALL",
        "WAS",
        "ARE",
        "HAS",
        "HAD",
        "DID",
        "CAN",
        "MAY",
        "THE",
        "AND",
        "BUT",
        "WHO",
        "WHY",
        "HOW",
        "YES",
        "NOW",
        "HIM",
        "HER",
        "HIS",
        "SHE",
        "OUT",
        "ONE",
        "TWO",
        "OUR",
        "ANY",
        "NO",
        "SO",
    ]
)


def _line_end(found: re.Match[str]) -> str:
    return f"{found[1]} " if found[1] in ",;:.!?…—–-" else f"{found[1]}, "


def _title_case(text: str) -> str:
    return re.sub(r"[^\W\d_]+(?:[’'][^\W\d_]+)*", lambda word: word[0][:1].upper() + word[0][1:].lower(), text)


def _dash(found: re.Match[str]) -> str:
    """Spaces around a dash between words, none before a closing mark."""
    following = found.string[found.end() : found.end() + 1]
    return " — " if following.isalnum() or (following in '“"‘«(' and following) else "—"


def _opening(found: re.Match[str]) -> str | None:
    """IT is a truth, COLONEL FITZWILLIAM'S manners: small capitals that open a chapter."""
    words = found[2].split()
    if len(words) == 1 and (len(words[0]) == 1 or (_ROMAN_WORD.fullmatch(words[0]) and len(words[0]) > 1)):
        return None
    return found[1] + _title_case(found[2])


def _loud(found: re.Match[str]) -> str | None:
    """Words in capitals inside a sentence are words, not letters to be spelled."""
    word = found[0]
    if word in _SPELLED or "." in word or not _VOWEL.search(word):
        return None
    if " " not in word and (roman_value(word) or (len(word) < 4 and word not in _LOUD)):
        return None
    parts = [part if part in _SPELLED or roman_value(part) else _title_case(part) for part in re.split(r"(\s+)", word)]
    return "".join(parts)


def heading_rule(language: str) -> Rule:
    """CHAPTER XIV. THE RETURN is said as Chapter fourteen. The Return."""

    def say(found: re.Match[str]) -> str | None:
        text = " ".join(found[0].split())
        parsed = parse_heading(text)
        loud = text == text.upper() and text != text.lower()
        if parsed.number is None:
            return _title_case(text) if loud and len(text) > 3 else None
        numeral = _ROMAN_WORD.search(text[: max(1, len(text) - len(parsed.rest))])
        said = spell(parsed.number, language) or str(parsed.number)
        if parsed.kind == "numeral":
            return (
                f"{said[:1].upper()}{said[1:]}."
                if roman_value(text.strip(" .")) or text.strip(" .").isdigit()
                else None
            )
        spoken = text
        if numeral and (parsed.kind != "numbered" or numeral.start() == 0) and roman_value(numeral[0]) == parsed.number:
            spoken = f"{text[: numeral.start()]}\0{text[numeral.end() :]}"
        if loud:
            spoken = _title_case(spoken)
        if parsed.kind == "numbered":
            said = said[:1].upper() + said[1:]
        return spoken.replace("\0", said)

    return Rule(
        "heading", re.compile(r".+", re.DOTALL), say, place="heading", about="numerals and capitals of headings"
    )


FIRST = (
    Rule(
        "web_address",
        re.compile(r"\b(?:https?://|www\.)[^\s<>\"”]+[\w/]"),
        plain(" "),
        needs=("http", "www."),
        about="web addresses are not spelled out",
    ),
)
LAST = (
    Rule("verse_line", re.compile(r"(\S)\n"), _line_end, needs=("\n",), about="a short rest at a line's end"),
    Rule(
        "opening_capitals",
        re.compile(rf"^([\"“‘«„¿¡—–-]*\s*)({_CAPITAL_WORD}(?:\s+{_CAPITAL_WORD}){{0,5}})(?=[\s,;:.!?’'—-]|$)"),
        _opening,
        needs=("AA",),
        place="opening",
        about="small capitals that open a chapter",
    ),
    Rule(
        "loud_words",
        re.compile(
            rf"(?<![\w.]){_CAPITAL}{{2,}}(?:[’'-]{_CAPITAL}+)*(?:\s+{_CAPITAL}{{2,}}(?:[’'-]{_CAPITAL}+)*)*(?!\w|\.\w)"
        ),
        _loud,
        needs=("AA",),
        about="words in capitals",
    ),
    Rule(
        "blanked_name",
        re.compile(r"(?<=\b[A-Z])(?:—{2,}|-{4,}|_{2,}|\*{3,})(?=\W|$)"),
        plain(""),
        needs=("——", "----", "__", "***"),
        about="Mr. B—— is said as Mr. B",
    ),
    Rule(
        "long_dash",
        re.compile(r"\s*(?:-{2,3}(?!-)|—{2,})\s*"),
        _dash,
        needs=("--", "——"),
        about="two hyphens are a dash",
    ),
    Rule(
        "ellipsis",
        re.compile(r"\s?\.(?:\s\.){2,}|\.{4,}|…\s?\.+|(?:…\s?){2,}"),
        lambda found: "… " if found[0][-1:].isspace() else "…",
        needs=(". .", "....", "……", "….", "… …"),
        about="one rest for any row of points",
    ),
    Rule(
        "emphasis_mark",
        re.compile(r"(?<!\w)_(?=\w)|(?<=\w)_(?!\w)"),
        plain(""),
        needs=("_",),
        about="underscores around a word",
    ),
)
