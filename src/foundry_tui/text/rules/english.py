"""Speech rules of English."""

from __future__ import annotations

import re

from foundry_tui.text.rules.engine import Rule, any_of, of_table
from foundry_tui.text.rules.numbers import digits, roman_value, spell

LANGUAGE = "eng"

TITLES = {
    "Mr.": "Mister",
    "Mrs.": "Missus",
    "Messrs.": "Messieurs",
    "Dr.": "Doctor",
    "Prof.": "Professor",
    "Rev.": "Reverend",
    "Hon.": "Honourable",
    "Capt.": "Captain",
    "Col.": "Colonel",
    "Gen.": "General",
    "Lieut.": "Lieutenant",
    "Lt.": "Lieutenant",
    "Sgt.": "Sergeant",
    "Maj.": "Major",
    "Gov.": "Governor",
    "Sen.": "Senator",
    "Mme.": "Madame",
    "Mlle.": "Mademoiselle",
    "Jr.": "Junior",
    "Sr.": "Senior",
    "Esq.": "Esquire",
    "Bart.": "Baronet",
    "Mt.": "Mount",
}
ABBREVIATIONS = {
    "i.e.": "that is",
    "i. e.": "that is",
    "e.g.": "for example",
    "e. g.": "for example",
    "viz.": "namely",
    "etc.": "et cetera",
    "&c.": "et cetera",
    "vs.": "versus",
    "cf.": "compare",
    "A. M.": "a.m.",
    "P. M.": "p.m.",
    "A.M.": "a.m.",
    "P.M.": "p.m.",
    "Bros.": "Brothers",
    "Co.": "Company",
    "Ltd.": "Limited",
    "vol.": "volume",
    "vols.": "volumes",
    "chap.": "chapter",
    "MS.": "manuscript",
    "MSS.": "manuscripts",
    "ult.": "last month",
    "inst.": "this month",
}
UNITS = {
    "ft.": "feet",
    "lb.": "pounds",
    "lbs.": "pounds",
    "oz.": "ounces",
    "yds.": "yards",
    "cwt.": "hundredweight",
    "hrs.": "hours",
    "mins.": "minutes",
    "secs.": "seconds",
    "cm.": "centimetres",
    "mm.": "millimetres",
    "km.": "kilometres",
    "kg.": "kilograms",
    "in.": "inches",
    "cm": "centimetres",
    "mm": "millimetres",
    "km": "kilometres",
    "kg": "kilograms",
}
REGNAL = [
    "Henry",
    "Edward",
    "Richard",
    "George",
    "William",
    "James",
    "Charles",
    "Louis",
    "Philip",
    "Napoleon",
    "Elizabeth",
    "Pius",
    "Paul",
    "Leo",
    "Gregory",
    "Alexander",
    "Nicholas",
    "Frederick",
    "Innocent",
    "Clement",
    "Benedict",
    "Urban",
    "Boniface",
    "Julius",
    "Sixtus",
    "Francis",
    "Ferdinand",
    "Christian",
    "Gustavus",
    "Peter",
    "Catherine",
    "Otto",
    "Leopold",
    "Joseph",
    "Albert",
    "Victor",
    "Emmanuel",
    "Alfonso",
    "Mary",
    "Robert",
    "David",
    "Malcolm",
    "Ramses",
    "Ptolemy",
    "Constantine",
]
_FRACTIONS = {
    "½": "a half",
    "⅓": "a third",
    "⅔": "two thirds",
    "¼": "a quarter",
    "¾": "three quarters",
    "⅛": "an eighth",
    "⅜": "three eighths",
    "⅝": "five eighths",
    "⅞": "seven eighths",
}


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MONTH = any_of((*_MONTHS, "Jan.", "Feb.", "Mar.", "Apr.", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."))
_SHORT = {month[:3]: month for month in _MONTHS}


def _saint_or_street(found: re.Match[str]) -> str:
    before = found.string[: found.start()].rstrip().rpartition(" ")[2]
    street = (
        len(before) > 2 and before[:1].isupper() and before.isalpha() and " " in found.string[: found.start()].strip()
    )
    return "Street" if street or (before[:1].isdigit() and before[-2:] in {"st", "nd", "rd", "th"}) else "Saint"


def _date(found: re.Match[str]) -> str | None:
    """1st May, 24 February 1815, May 3rd: a day is an ordinal."""
    day = int(found["day"] or found["after"])
    said = spell(day, LANGUAGE, "ordinal") if 1 <= day <= 31 else None
    if said is None:
        return None
    month = _SHORT[(found["month"] or found["first"])[:3]]
    if found["after"]:
        return f"{month} {said}"
    return f"{'' if found['the'] else 'the '}{found['the'] or ''}{said} of {month}"


def _year(found: re.Match[str]) -> str | None:
    number = int(found[1])
    if found[2]:
        decade = spell(number, LANGUAGE, "year")
        return f"{decade[:-1]}ies" if decade and decade.endswith("y") else f"{decade}s" if decade else None
    return spell(number, LANGUAGE, "year")


def _ordinal(found: re.Match[str]) -> str | None:
    number = digits(found[1])
    return spell(number, LANGUAGE, "ordinal") if number is not None else None


def _big(found: re.Match[str]) -> str | None:
    number = digits(found[0])
    return spell(number, LANGUAGE) if number is not None else None


def _old_money(found: re.Match[str]) -> str | None:
    pounds, shillings, pence = found["pounds"], found["shillings"], found["pence"]
    parts = []
    if pounds:
        value = digits(pounds)
        parts.append(f"{spell(value or 0, LANGUAGE)} pound{'' if value == 1 else 's'}")
    if shillings:
        parts.append(f"{spell(int(shillings), LANGUAGE)} shilling{'' if shillings == '1' else 's'}")
    if pence:
        parts.append(f"{spell(int(pence), LANGUAGE)} {'penny' if pence == '1' else 'pence'}")
    return " ".join(parts) if parts else None


def _money(found: re.Match[str]) -> str | None:
    whole, cents, scale = digits(found["whole"]), found["cents"], found["scale"]
    if whole is None:
        return None
    one, many, small = {
        "$": ("dollar", "dollars", "cents"),
        "£": ("pound", "pounds", "pence"),
        "€": ("euro", "euros", "cents"),
        "¢": ("cent", "cents", ""),
    }[found["sign"]]
    said = spell(whole, LANGUAGE)
    if scale:
        return f"{said} {scale.strip()} {many}"
    said = f"{said} {one if whole == 1 else many}"
    return f"{said} and {spell(int(cents), LANGUAGE)} {small}" if cents and int(cents) else said


def _regnal(found: re.Match[str]) -> str | None:
    number = roman_value(found[2])
    said = spell(number, LANGUAGE, "ordinal") if number else None
    return f"{found[1]} the {said.capitalize()}" if said else None


def _reference(found: re.Match[str]) -> str | None:
    number = roman_value(found[2].upper())
    return f"{found[1]} {spell(number, LANGUAGE)}" if number else None


def _fraction(found: re.Match[str]) -> str:
    said = _FRACTIONS[found[2]]
    return f"{found[1]} and {said}" if found[1] else said


def _blanked_year(found: re.Match[str]) -> str | None:
    said = spell(int(found[1]), LANGUAGE)
    return f"{said} hundred and something" if said else None


RULES = (
    Rule(
        "abbreviation",
        re.compile(rf"(?<![\w.])(?:{any_of(tuple(ABBREVIATIONS))})(?!\w)"),
        of_table(ABBREVIATIONS),
        needs=tuple(ABBREVIATIONS),
        about="i.e., e.g., etc.",
    ),
    Rule(
        "title",
        re.compile(rf"(?<!\w)(?:{any_of(tuple(TITLES))})(?=[\s—,;:’'”]|$)"),
        of_table(TITLES),
        needs=tuple(TITLES),
        about="Mr., Dr., Capt.",
    ),
    Rule(
        "saint_or_street",
        re.compile(r"(?<![\w.])St\.(?=\s+[A-Z])"),
        _saint_or_street,
        needs=("St.",),
        about="St. before a name is Saint",
    ),
    Rule(
        "number_sign",
        re.compile(r"\bNos?\.(?=\s*[0-9])"),
        lambda found: "Numbers" if found[0].startswith("Nos") else "Number",
        needs=("No.", "Nos."),
        about="No. 7",
    ),
    Rule(
        "old_money",
        re.compile(
            r"(?:£\s?(?P<pounds>[0-9][0-9,]*)\.?\s+)?(?P<shillings>[0-9]{1,2})s\.(?:\s*(?P<pence>[0-9]{1,2})d\.?)?(?!\w)"
        ),
        _old_money,
        needs=("#",),
        about="£2 10s. 6d.",
    ),
    Rule(
        "currency",
        re.compile(
            r"(?P<sign>[$£€])\s?(?P<whole>[0-9][0-9,]*)(?:\.(?P<cents>[0-9]{2})(?![0-9]))?(?P<scale>\s(?:million"
            r"|billion|thousand|hundred)\b)?"
        ),
        _money,
        needs=("$", "£", "€"),
        about="$5, £1,000",
    ),
    Rule("blanked_year", re.compile(r"\b(1[0-9])(?:--+|—+|__+)(?!\w)"), _blanked_year, needs=("#",), about="17—"),
    Rule(
        "date",
        re.compile(
            rf"(?P<the>\b[Tt]he\s+)?\b(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})(?!\w)|\b(?P<first>{_MONTH})\s+(?P<after>[0-9]{{1,2}})(?:st|nd|rd|th)?(?![\w:]|[.,][0-9])"
        ),
        _date,
        needs=("#",),
        about="1st May, May 3",
    ),
    Rule("ordinal", re.compile(r"\b([0-9][0-9,]*)(?:st|nd|rd|th)\b"), _ordinal, needs=("#",), about="3rd"),
    Rule(
        "year",
        re.compile(
            r"(?<![\w.,:$£#/-])(1[1-9][0-9]{2})(s?)(?![\w:]|,[0-9]|\.[0-9]|-[0-9]|\s?(?:feet|miles|men"
            r"|pounds|dollars|yards|francs|tons|horses|people|souls|acres|pages))"
        ),
        _year,
        needs=("#",),
        about="1815, the 1870s",
    ),
    Rule(
        "large_number",
        re.compile(r"(?<![\w.,$£])[0-9]{1,3}(?:,[0-9]{3})+(?![\w,.]*[0-9])"),
        _big,
        needs=("#",),
        about="1,000",
    ),
    Rule("fraction", re.compile(r"([0-9]+)?\s?([½⅓⅔¼¾⅛⅜⅝⅞])"), _fraction, needs=tuple(_FRACTIONS), about="2½"),
    Rule(
        "unit",
        re.compile(rf"(?<=[0-9]\s)(?:{any_of(tuple(UNITS))})(?!\w)"),
        of_table(UNITS),
        needs=("#",),
        about="6 ft.",
    ),
    Rule(
        "percent",
        re.compile(r"(?<=[0-9])\s?(?:%|per cent\.)"),
        lambda _: " per cent",
        needs=("%", "per cent."),
        about="5%",
    ),
    Rule("degree", re.compile(r"(?<=[0-9])\s?°(?!\w)"), lambda _: " degrees", needs=("°",), about="32°"),
    Rule("ampersand", re.compile(r"\s*&\s*"), lambda _: " and ", needs=("&",), about="&"),
    Rule("section_sign", re.compile(r"§+\s*"), lambda _: "section ", needs=("§",), about="§ 4"),
    Rule(
        "regnal_number",
        re.compile(rf"\b({any_of(tuple(REGNAL))})\s+([XVI]{{2,6}}|[VX]|I(?=[.,;:!?’)]|\s+of\b))(?![\w’])"),
        _regnal,
        needs=tuple(REGNAL),
        about="Louis XIV",
    ),
    Rule(
        "numbered_reference",
        re.compile(
            r"\b([Cc]hapter|[Bb]ook|[Vv]olume|[Pp]art|[Aa]ct|[Ss]cene|[Cc]anto|[Pp]late|[Ss]ection"
            r"|[Ll]etter)\s+([IVXLC]{1,7})(?![\w’])"
        ),
        _reference,
        needs=("AA", "hapter ", "Book ", "Part ", "Act ", "Volume "),
        about="Chapter XIV",
    ),
)
