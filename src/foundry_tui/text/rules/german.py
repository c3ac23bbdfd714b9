"""Speech rules of German."""

from __future__ import annotations

from foundry_tui.text.rules.build import Tables, build

RULES = build(
    Tables(
        "deu",
        abbreviations={
            "z. B.": "zum Beispiel", "z.B.": "zum Beispiel", "d. h.": "das heißt", "d.h.": "das heißt", "u. s. w.": "und so weiter", "u.s.w.": "und so weiter", "usw.": "und so weiter",
            "u. a.": "unter anderem", "u.a.": "unter anderem", "bzw.": "beziehungsweise", "d. i.": "das ist", "d.i.": "das ist", "z. T.": "zum Teil", "z.T.": "zum Teil", "ca.": "circa", "etc.": "et cetera",
            "vgl.": "vergleiche", "evtl.": "eventuell", "Nr.": "Nummer", "Bd.": "Band", "Kap.": "Kapitel", "S. M.": "Seine Majestät", "v. Chr.": "vor Christus", "n. Chr.": "nach Christus", "o. ä.": "oder ähnlich", "m. E.": "meines Erachtens", "sog.": "sogenannt", "resp.": "respektive", "Jh.": "Jahrhundert", "geb.": "geboren",
        },
        titles={"Hr.": "Herr", "Hrn.": "Herrn", "Fr.": "Frau", "Frl.": "Fräulein", "Dr.": "Doktor", "Prof.": "Professor", "St.": "Sankt", "Ew.": "Euer", "kgl.": "königlich", "hl.": "heilige"},
        units={"km": "Kilometer", "kg": "Kilogramm", "cm": "Zentimeter", "mm": "Millimeter", "Mk.": "Mark", "Pf.": "Pfennig", "m": "Meter"},
        signs={"%": "Prozent", "°": "Grad", "&": "und", "§": "Paragraph"},
        money={"$": "Dollar", "€": "Euro", "£": "Pfund"},
        fractions={"½": "ein halb", "¼": "ein Viertel", "¾": "drei Viertel", "⅓": "ein Drittel", "⅔": "zwei Drittel"},
        references=["Kapitel", "Band", "Teil", "Akt", "Szene", "Buch", "Gesang", "Aufzug", "Auftritt"],
        reigns=["Wilhelm", "Friedrich", "Ludwig", "Karl", "Heinrich", "Otto", "Franz", "Joseph", "Leopold", "Maximilian", "Ferdinand", "Rudolf", "Philipp", "Georg", "Pius", "Leo", "Gregor", "Napoleon", "Peter", "Katharina", "Nikolaus", "Alexander", "Gustav", "Christian", "Eduard", "Johann", "Albrecht", "Konrad"],
        reign_style="german",
        years_as="year",
    )
)  # fmt: skip
