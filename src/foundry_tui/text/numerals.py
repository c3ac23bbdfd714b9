"""Numbers as headings write them: Roman, digits, words in our languages, ideographs."""

from __future__ import annotations

import re

_ROMAN = re.compile(r"(?=[MDCLXVI])M{0,4}(CM|CD|D?C{0,4})(XC|XL|L?X{0,4})(IX|IV|V?I{0,4})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
# Valid Roman numerals that are words; only a heading keyword before them makes them numbers.
ROMAN_WORDS = frozenset(
    {
        "MIX",
        "DI",
        "MI",
        "DIM",
        "CIVIC",
        "LIVID",
        "VIVID",
        "MILD",
        "DIX",
        "LI",
        "CI",
        "VI",
        "MM",
        "CD",
        "DC",
        "MD",
        "DIL",
        "MIC",
        "LID",
        "MID",
        "VIM",
    }
)

_WORDS = {
    "eng": (
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen twenty"
    ),
    "eng#": (
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
        "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
    ),
    "fra": (
        "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
        "dix-sept dix-huit dix-neuf vingt"
    ),
    "fra#": (
        "premier deuxième troisième quatrième cinquième sixième septième huitième neuvième dixième "
        "onzième douzième treizième quatorzième quinzième seizième dix-septième dix-huitième "
        "dix-neuvième vingtième"
    ),
    "fra##": "première seconde",
    "deu": (
        "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
        "sechzehn siebzehn achtzehn neunzehn zwanzig"
    ),
    "deu#": (
        "erst zweit dritt viert fünft sechst siebent acht neunt zehnt elft zwölft dreizehnt vierzehnt "
        "fünfzehnt sechzehnt siebzehnt achtzehnt neunzehnt zwanzigst einundzwanzigst zweiundzwanzigst "
        "dreiundzwanzigst vierundzwanzigst fünfundzwanzigst sechsundzwanzigst siebenundzwanzigst "
        "achtundzwanzigst neunundzwanzigst dreißigst"
    ),
    "spa": (
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
        "diecisiete dieciocho diecinueve veinte"
    ),
    "spa#": "primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo",
    "spa##": "primera segunda tercera cuarta quinta sexta séptima octava novena décima",
    "spa###": "primer segundo tercer",
    "ita": (
        "uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici "
        "sedici diciassette diciotto diciannove venti"
    ),
    "ita#": "primo secondo terzo quarto quinto sesto settimo ottavo nono decimo undecimo duodecimo",
    "ita##": "prima seconda terza quarta quinta sesta settima ottava nona decima",
    "por": (
        "um dois três quatro cinco seis sete oito nove dez onze doze treze quatorze quinze dezesseis "
        "dezessete dezoito dezenove vinte"
    ),
    "por#": "primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono décimo",
    "por##": "primeira segunda terceira quarta quinta sexta sétima oitava nona décima",
    "rus": "один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать",
    "rus#": (
        "первая вторая третья четвертая пятая шестая седьмая восьмая девятая десятая одиннадцатая "
        "двенадцатая тринадцатая четырнадцатая пятнадцатая шестнадцатая семнадцатая восемнадцатая "
        "девятнадцатая двадцатая"
    ),
    "rus##": "первый второй третий четвертый пятый шестой седьмой восьмой девятый десятый",
    "rus###": "первое второе третье четвертое пятое шестое седьмое восьмое девятое десятое",
    "nld": (
        "een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien "
        "zeventien achttien negentien twintig"
    ),
    "nld#": (
        "eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde dertiende "
        "veertiende vijftiende zestiende zeventiende achttiende negentiende twintigste"
    ),
    "lat": "primus secundus tertius quartus quintus sextus",
}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_ORDINAL_TENS = {"twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60}


def _number_words() -> dict[str, int]:
    words: dict[str, int] = {}
    for language, listed in _WORDS.items():
        for value, word in enumerate(listed.split(), 1):
            if language == "deu#":
                for ending in ("e", "er", "es", "en"):
                    words.setdefault(word + ending, value)
            else:
                words.setdefault(word, value)
    for ten, value in _TENS.items():
        words[ten] = value
        for unit in range(1, 10):
            for name in (_WORDS["eng"].split()[unit - 1], _WORDS["eng#"].split()[unit - 1]):
                words[f"{ten}-{name}"] = value + unit
    words.update(_ORDINAL_TENS)
    words.update(
        {
            "dernier": 99,
            "dernière": 99,
            "letzter": 99,
            "letztes": 99,
            "last": 99,
            "последняя": 99,
            "siebte": 7,
            "siebter": 7,
            "siebtes": 7,
            "четвёртая": 4,
            "четвёртый": 4,
            "seconde": 2,
            "second": 2,
        }
    )
    return words


NUMBER_WORDS = _number_words()
_CJK_DIGITS = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {
    "零": 0,
    "○": 0,
    "◯": 0,
    "兩": 2,
    "两": 2,
    "壹": 1,
    "貳": 2,
    "參": 3,
    "廿": 20,
    "卅": 30,
    "元": 1,
    "初": 1,
}
_CJK_UNITS = {"十": 10, "百": 100, "千": 1000}
CJK_NUMERAL = "〇一二三四五六七八九十百千零○◯廿卅兩两"


def roman(text: str) -> int | None:
    """The value of a Roman numeral in capitals (additive forms such as IIII too), or None."""
    if not text or _ROMAN.fullmatch(text) is None:
        return None
    total = 0
    for sign, following in zip(text, text[1:] + " ", strict=True):
        value = _VALUES[sign]
        total += -value if following != " " and value < _VALUES[following] else value
    return total


def cjk(text: str) -> int | None:
    """The value of a numeral in ideographs, 一百二十 as well as 一二〇, or None."""
    if text.isdigit() and text[:1].isdecimal():
        return int(text)
    total, current = 0, 0
    positional = not any(sign in _CJK_UNITS for sign in text)
    for sign in text:
        if sign in _CJK_UNITS:
            total += (current or 1) * _CJK_UNITS[sign]
            current = 0
        elif sign in _CJK_DIGITS:
            value = _CJK_DIGITS[sign]
            if value >= 10 and not positional:
                total += value
            elif value >= 10:
                total, current = total + value, 0
                positional = False
            else:
                current = current * 10 + value if positional else value
        else:
            return None
    return total + current


def value_of(text: str) -> int | None:
    """The number a heading's numeral stands for, however it is written, or None."""
    bare = text.strip(" .:;,—-–")
    if bare.isascii() and bare.isdigit():
        return int(bare) if len(bare) <= 4 else None
    found = roman(bare) or (roman(bare.upper()) if bare == bare.lower() and len(bare) > 0 else None)
    if found:
        return found
    folded = bare.casefold()
    if folded in NUMBER_WORDS:
        return NUMBER_WORDS[folded]
    if bare and all(sign in CJK_NUMERAL or sign in _CJK_DIGITS for sign in bare):
        return cjk(bare)
    return None
