"""Speech rules of Dutch."""

from __future__ import annotations

from foundry_tui.text.rules.build import Tables, build

RULES = build(
    Tables(
        "nld",
        abbreviations={
            "bijv.": "bijvoorbeeld",
            "b.v.": "bijvoorbeeld",
            "bv.": "bijvoorbeeld",
            "d. w. z.": "dat wil zeggen",
            "d.w.z.": "dat wil zeggen",
            "enz.": "enzovoort",
            "m. a. w.": "met andere woorden",
            "m.a.w.": "met andere woorden",
            "o.a.": "onder andere",
            "nl.": "namelijk",
            "blz.": "bladzijde",
            "hfdst.": "hoofdstuk",
            "a.u.b.": "alstublieft",
            "z.g.": "zogenaamd",
            "no.": "nummer",
            "nr.": "nummer",
        },
        titles={
            "dhr.": "de heer",
            "Dhr.": "De heer",
            "mevr.": "mevrouw",
            "Mevr.": "Mevrouw",
            "mej.": "mejuffrouw",
            "Mej.": "Mejuffrouw",
            "Mr.": "Meester",
            "Dr.": "Doctor",
            "dr.": "doctor",
            "Prof.": "Professor",
            "prof.": "professor",
            "Ds.": "Dominee",
            "ds.": "dominee",
            "jhr.": "jonkheer",
            "St.": "Sint",
        },
        units={"km": "kilometer", "kg": "kilogram", "cm": "centimeter", "mm": "millimeter", "M.": "meter"},
        signs={"%": "procent", "°": "graden", "&": "en", "§": "paragraaf"},
        money={"ƒ": "gulden", "€": "euro", "£": "pond"},
        fractions={"½": "een half", "¼": "een kwart", "¾": "driekwart", "⅓": "een derde", "⅔": "twee derde"},
        references=["hoofdstuk", "Hoofdstuk", "deel", "Deel", "boek", "Boek", "bedrijf", "tooneel"],
        reigns=[
            "Willem",
            "Lodewijk",
            "Karel",
            "Filips",
            "Hendrik",
            "Napoleon",
            "Frederik",
            "Leopold",
            "Maximiliaan",
            "Pius",
            "Leo",
            "Jan",
        ],
        reign_style="german_dutch",
        ordinal=r"\b([0-9]{1,3})(?:e|de|ste)\b",
        years_as="year",
    )
)
