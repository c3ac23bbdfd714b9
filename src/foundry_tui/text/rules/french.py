"""Speech rules of French."""

from __future__ import annotations

from foundry_tui.text.rules.build import Tables, build

RULES = build(
    Tables(
        "fra",
        abbreviations={
            "p. ex.": "par exemple", "p.ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "etc.": "et cetera", "N. B.": "nota bene", "J.-C.": "Jésus-Christ",
            "chap.": "chapitre", "vol.": "volume", "art.": "article", "éd.": "édition", "env.": "environ", "S. M.": "Sa Majesté", "S. A. R.": "Son Altesse Royale", "n°": "numéro", "nº": "numéro",
        },
        titles={
            "M.": "Monsieur", "MM.": "Messieurs", "Mme": "Madame", "Mmes": "Mesdames", "Mlle": "Mademoiselle", "Mlles": "Mesdemoiselles", "Mgr": "Monseigneur",
            "Me": "Maître", "Dr": "Docteur", "Vve": "Veuve", "Cie": "Compagnie", "St": "Saint", "Ste": "Sainte",
        },
        units={"km": "kilomètres", "kg": "kilogrammes", "cm": "centimètres", "mm": "millimètres", "h.": "heures", "fr.": "francs", "m.": "mètres"},
        signs={"%": "pour cent", "°": "degrés", "&": "et", "§": "paragraphe"},
        money={"$": "dollars", "€": "euros", "£": "livres"},
        fractions={"½": "demi", "¼": "un quart", "¾": "trois quarts", "⅓": "un tiers", "⅔": "deux tiers"},
        references=["chapitre", "Chapitre", "livre", "Livre", "tome", "Tome", "volume", "acte", "Acte", "scène", "chant", "article"],
        reigns=["Louis", "Henri", "Charles", "François", "Philippe", "Napoléon", "Jean", "Paul", "Pie", "Grégoire", "Léon", "Clément", "Innocent", "Benoît", "Alexandre", "Frédéric", "Guillaume", "Édouard", "Georges", "Jacques", "Catherine", "Pierre", "Nicolas", "Léopold", "Sixte", "Jules", "Urbain", "Boniface"],
        reign_style="french",
        ordinal=r"\b([0-9]{1,4})(?:e|ème|er|ère|re)\b",
        century=r"\b(?P<whole>(?P<roman>[XVI]{1,6})\s?(?:e|ème|ᵉ))(?=\s+(?:siècle|arrondissement|régiment|légion))",
        group=". ",
    )
)  # fmt: skip
