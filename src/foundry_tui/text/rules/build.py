"""The rules many languages share, made from each language's own tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from foundry_tui.text.rules.engine import Rule, any_of, of_table
from foundry_tui.text.rules.numbers import digits, roman_value, spell


@dataclass(frozen=True, slots=True)
class Tables:
    """What a language gives: abbreviations and titles with their spoken forms, the words for signs, how years, reigns
    and centuries are numbered. ``references`` are words a Roman numeral follows; ``reigns`` names of rulers;
    ``reign_style`` how their number is said; ``ordinal`` a pattern whose first group is the number.
    """

    language: str
    abbreviations: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    signs: Mapping[str, str] = field(default_factory=dict)
    money: Mapping[str, str] = field(default_factory=dict)
    fractions: Mapping[str, str] = field(default_factory=dict)
    references: Sequence[str] = ()
    reigns: Sequence[str] = ()
    reign_style: str = "cardinal"
    ordinal: str = ""
    century: str = ""
    group: str = "."  # between thousands
    years_as: str = "cardinal"


def build(tables: Tables) -> tuple[Rule, ...]:
    """The rules of a language, in their order."""
    rules: list[Rule] = []
    if tables.abbreviations:
        pattern = re.compile(rf"(?<![\w.])(?:{any_of(tuple(tables.abbreviations))})(?!\w)", re.IGNORECASE)
        rules.append(
            Rule(
                "abbreviation",
                pattern,
                of_table(dict(tables.abbreviations)),
                needs=_either_case(tables.abbreviations),
                about="words cut short",
            )
        )
    if tables.titles:
        pattern = re.compile(rf"(?<!\w)(?:{any_of(tuple(tables.titles))})(?=[\s—,;:’]|$)")
        rules.append(
            Rule("title", pattern, of_table(dict(tables.titles)), about="forms of address", needs=tuple(tables.titles))
        )
    rules += _numbers(tables)
    for sign, said in tables.signs.items():
        rules.append(_sign(sign, said))
    return tuple(rules)


def _either_case(table: Mapping[str, str]) -> tuple[str, ...]:
    """The words of a table as they stand and with a capital."""
    return tuple(dict.fromkeys(form for word in table for form in (word, word[:1].upper() + word[1:])))


def _sign(sign: str, said: str) -> Rule:
    name = {"%": "percent", "°": "degree", "&": "ampersand", "§": "section_sign"}.get(sign, "sign")
    before = r"(?<=[0-9])\s?" if sign in "%°" else r"\s*"

    def say(found: re.Match[str]) -> str:
        following = found.string[found.end() : found.end() + 1]
        return f" {said} " if following.isalnum() else f" {said}"

    return Rule(name, re.compile(rf"{before}{re.escape(sign)}\s*(?=(.)|$)"), say, needs=(sign,), about=sign)


def _numbers(tables: Tables) -> list[Rule]:
    language, rules = tables.language, []

    def whole(found: re.Match[str]) -> str | None:
        number = digits(found[0])
        return spell(number, language) if number is not None else None

    def ordinal(found: re.Match[str]) -> str | None:
        return spell(int(found[1]), language, "ordinal")

    def century(found: re.Match[str]) -> str | None:
        number = roman_value(found["roman"])
        style = "cardinal" if tables.reign_style == "iberian" and (number or 0) > 10 else "ordinal"
        said = spell(number, language, style) if number else None
        return found[0].replace(found["whole"], said) if said else None

    def reign(found: re.Match[str]) -> str | None:
        return _reign(found, tables)

    def reference(found: re.Match[str]) -> str | None:
        number = roman_value(found[2])
        said = spell(number, language) if number else None
        return f"{found[1]} {said}" if said else None

    def money(found: re.Match[str]) -> str | None:
        number = digits(found["whole"])
        said = spell(number, language) if number is not None else None
        return f"{said} {tables.money[found['sign']]}" if said else None

    def year(found: re.Match[str]) -> str | None:
        return spell(int(found[0]), language, tables.years_as)

    def fraction(found: re.Match[str]) -> str:
        said = tables.fractions[found[2]]
        return f"{found[1]} {tables.signs.get('&', '')} {said}" if found[1] else said

    if tables.century:
        rules.append(
            Rule(
                "century",
                re.compile(tables.century),
                century,
                needs=("X", "V", "I"),
                about="centuries in Roman numerals",
            )
        )
    if tables.reigns:
        pattern = re.compile(
            rf"\b({any_of(tuple(tables.reigns))})\s+([XVI]{{2,6}}|[VX]|I(?=[.,;:!?’)])|Ier)(\.?)(?![\w’])"
        )
        rules.append(
            Rule(
                "regnal_number",
                pattern,
                reign,
                needs=tuple(tables.reigns),
                about="numbers of rulers",
            )
        )
    if tables.references:
        pattern = re.compile(rf"\b({any_of(tuple(tables.references))})\s+([IVXLC]{{1,7}})(?![\w’])")
        rules.append(
            Rule(
                "numbered_reference",
                pattern,
                reference,
                needs=("AA", *(f"{word} " for word in tables.references if word[:1].isupper())),
                about="chapter XIV",
            )
        )
    if tables.money:
        pattern = re.compile(
            rf"(?P<whole>[0-9]+(?:[{tables.group}\s][0-9]{{3}})*)\s?(?P<sign>{any_of(tuple(tables.money))})(?!\w)"
        )
        rules.append(Rule("currency", pattern, money, needs=("#",), about="sums of money"))
    if tables.ordinal:
        rules.append(Rule("ordinal", re.compile(tables.ordinal), ordinal, needs=("#",), about="ordinal numbers"))
    large = rf"(?<![\w.,])[0-9]{{1,3}}(?:[{tables.group}\u00a0][0-9]{{3}})+(?![\w,.]*[0-9])"
    rules.append(Rule("large_number", re.compile(large), whole, needs=("#",), about="numbers written in groups"))
    rules.append(
        Rule("year", re.compile(r"(?<![\w.,:/-])1[1-9][0-9]{2}(?![\w:]|[.,][0-9])"), year, needs=("#",), about="years")
    )
    if tables.fractions:
        pattern = re.compile(rf"([0-9]+)?\s?([{''.join(tables.fractions)}])")
        rules.append(Rule("fraction", pattern, fraction, needs=tuple(tables.fractions), about="fractions"))
    if tables.units:
        pattern = re.compile(rf"(?<=[0-9]\s)(?:{any_of(tuple(tables.units))})(?!\w)")
        rules.append(Rule("unit", pattern, of_table(dict(tables.units)), needs=("#",), about="units after a number"))
    return rules


def _reign(found: re.Match[str], tables: Tables) -> str | None:
    number = 1 if found[2] == "Ier" else roman_value(found[2])
    if not number:
        return None
    stop = found[3] if tables.reign_style != "german" or found.end() == len(found.string) else ""
    if tables.reign_style in {"german", "german_dutch"}:
        said = spell(number, tables.language, "ordinal")
        article = "der" if tables.reign_style == "german" else "de"
        return f"{found[1]} {article} {said.capitalize()}{stop}" if said else None
    if tables.reign_style == "french":
        said = "premier" if number == 1 else spell(number, tables.language)
    elif tables.reign_style == "iberian":
        said = spell(number, tables.language, "ordinal") if number <= 10 else spell(number, tables.language)
    else:
        said = spell(number, tables.language, tables.reign_style)
    return f"{found[1]} {said}{stop}" if said else None
