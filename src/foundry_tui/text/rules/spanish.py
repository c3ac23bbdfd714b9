"""Speech rules of Spanish."""

from __future__ import annotations

from foundry_tui.text.rules.build import Tables, build

RULES = build(
    Tables(
        "spa",
        abbreviations={
            "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "etc.": "etcétera", "Ud.": "usted", "Uds.": "ustedes", "Vd.": "usted", "Vds.": "ustedes", "V. M.": "Vuestra Merced", "núm.": "número", "n.º": "número", "nº": "número", "cap.": "capítulo", "vol.": "volumen",
            "pág.": "página", "págs.": "páginas", "a. de C.": "antes de Cristo", "d. de C.": "después de Cristo", "S. M.": "Su Majestad", "EE. UU.": "Estados Unidos", "EE.UU.": "Estados Unidos", "q. e. p. d.": "que en paz descanse", "1.º": "primero", "2.º": "segundo", "3.º": "tercero",
        },
        titles={"Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores", "Sras.": "señoras", "D.": "don", "Dña.": "doña", "D.ª": "doña", "Dr.": "doctor", "Dra.": "doctora", "Excmo.": "excelentísimo", "Excma.": "excelentísima", "Ilmo.": "ilustrísimo", "Fr.": "fray", "Sto.": "santo", "Sta.": "santa", "Gral.": "general", "Prof.": "profesor"},
        units={"km": "kilómetros", "kg": "kilogramos", "cm": "centímetros", "mm": "milímetros", "ptas.": "pesetas", "m.": "metros"},
        signs={"%": "por ciento", "°": "grados", "&": "y", "§": "párrafo"},
        money={"$": "dólares", "€": "euros", "£": "libras"},
        fractions={"½": "medio", "¼": "un cuarto", "¾": "tres cuartos", "⅓": "un tercio", "⅔": "dos tercios"},
        references=["capítulo", "Capítulo", "libro", "Libro", "tomo", "Tomo", "volumen", "acto", "Acto", "escena", "parte", "canto"],
        reigns=["Felipe", "Carlos", "Fernando", "Alfonso", "Isabel", "Enrique", "Pedro", "Juan", "Luis", "Napoleón", "Sancho", "Jaime", "Pío", "León", "Gregorio", "Pablo", "Amadeo", "Francisco", "Jorge", "Guillermo", "Eduardo", "Ramiro", "Clemente", "Inocencio", "Alejandro"],
        reign_style="iberian",
        ordinal=r"\b([0-9]{1,2})\.?[ºª](?!\w)",
        century=r"\b[Ss]iglos?\s+(?P<whole>(?P<roman>[XVI]{1,6}))(?!\w)",
    )
)  # fmt: skip
