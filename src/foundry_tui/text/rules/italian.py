"""Speech rules of Italian."""

from __future__ import annotations

from foundry_tui.text.rules.build import Tables, build

RULES = build(
    Tables(
        "ita",
        abbreviations={
            "ecc.": "eccetera", "p. es.": "per esempio", "p.es.": "per esempio", "cap.": "capitolo", "vol.": "volume", "pag.": "pagina", "pagg.": "pagine", "sec.": "secolo", "n.": "numero", "nº": "numero", "n°": "numero", "a.C.": "avanti Cristo", "d.C.": "dopo Cristo", "S. M.": "Sua Maestà", "V. S.": "Vossignoria", "i. e.": "cioè", "cfr.": "confronta",
        },
        titles={"Sig.": "signor", "sig.": "signor", "Sig.ra": "signora", "sig.ra": "signora", "Sig.na": "signorina", "Sigg.": "signori", "Dott.": "dottor", "dott.": "dottor", "Prof.": "professor", "prof.": "professor", "Avv.": "avvocato", "Cav.": "cavalier", "Comm.": "commendator", "On.": "onorevole", "Mons.": "monsignor", "Ing.": "ingegner", "S.": "San", "Egr.": "egregio"},
        units={"km": "chilometri", "kg": "chilogrammi", "cm": "centimetri", "mm": "millimetri", "m.": "metri"},
        signs={"%": "per cento", "°": "gradi", "&": "e", "§": "paragrafo"},
        money={"$": "dollari", "€": "euro", "£": "sterline"},
        fractions={"½": "mezzo", "¼": "un quarto", "¾": "tre quarti", "⅓": "un terzo", "⅔": "due terzi"},
        references=["capitolo", "Capitolo", "libro", "Libro", "tomo", "Tomo", "volume", "atto", "Atto", "scena", "canto", "Canto", "parte"],
        reigns=["Vittorio", "Emanuele", "Umberto", "Carlo", "Alberto", "Amedeo", "Pio", "Leone", "Gregorio", "Paolo", "Giovanni", "Clemente", "Innocenzo", "Luigi", "Enrico", "Filippo", "Napoleone", "Federico", "Ferdinando", "Francesco", "Giulio", "Sisto", "Urbano", "Bonifacio", "Guglielmo", "Edoardo", "Giorgio", "Alessandro"],
        reign_style="ordinal",
        ordinal=r"\b([0-9]{1,3})[º°ª](?!\w)",
        century=r"\b(?:[Ss]ecoli?|sec\.)\s+(?P<whole>(?P<roman>[XVI]{1,6}))(?!\w)",
    )
)  # fmt: skip
