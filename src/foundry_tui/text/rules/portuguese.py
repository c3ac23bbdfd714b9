"""Speech rules of Portuguese."""

from __future__ import annotations

import re

from foundry_tui.text.rules.build import Tables, build
from foundry_tui.text.rules.engine import Rule

RULES = (
    Rule(
        "dom_or_dona",
        re.compile(r"(?<!\w)D\.(?=\s+(\w+))"),
        lambda found: "Dona" if found[1].endswith("a") else "Dom",
        needs=("D.",),
        about="D. Maria, D. João",
    ),
    *build(
    Tables(
        "por",
        abbreviations={
            "p. ex.": "por exemplo", "p.ex.": "por exemplo", "etc.": "et cetera", "V. Ex.ª": "Vossa Excelência", "V. Exa.": "Vossa Excelência", "v. ex.ª": "vossa excelência", "V. S.ª": "Vossa Senhoria", "S. M.": "Sua Majestade", "núm.": "número", "n.º": "número", "nº": "número", "cap.": "capítulo", "vol.": "volume", "pág.": "página", "págs.": "páginas", "a. C.": "antes de Cristo", "d. C.": "depois de Cristo",
        },
        titles={"Sr.": "senhor", "sr.": "senhor", "Sra.": "senhora", "sra.": "senhora", "Srs.": "senhores", "Srta.": "senhorita", "Dr.": "doutor", "dr.": "doutor", "Dra.": "doutora", "Exmo.": "excelentíssimo", "Ex.mo": "excelentíssimo", "Ex.ma": "excelentíssima", "Fr.": "frei", "S.": "São", "Sto.": "santo", "Sta.": "santa", "Prof.": "professor", "Eng.": "engenheiro"},
        units={"km": "quilómetros", "kg": "quilogramas", "cm": "centímetros", "mm": "milímetros", "m.": "metros"},
        signs={"%": "por cento", "°": "graus", "&": "e", "§": "parágrafo"},
        money={"€": "euros", "£": "libras"},
        fractions={"½": "meio", "¼": "um quarto", "¾": "três quartos", "⅓": "um terço", "⅔": "dois terços"},
        references=["capítulo", "Capítulo", "capitulo", "livro", "Livro", "tomo", "Tomo", "volume", "acto", "ato", "cena", "parte", "canto"],
        reigns=["João", "Pedro", "Afonso", "Affonso", "Manuel", "Luís", "Luiz", "Carlos", "Sebastião", "Filipe", "Henrique", "José", "Miguel", "Fernando", "Sancho", "Dinis", "Pio", "Leão", "Napoleão", "Gregório", "Paulo", "Clemente"],
        reign_style="iberian",
        ordinal=r"\b([0-9]{1,2})\.?[ºª](?!\w)",
        century=r"\b[Ss]éculos?\s+(?P<whole>(?P<roman>[XVI]{1,6}))(?!\w)",
    )),
)  # fmt: skip
