"""What opening and closing credits say where the operator says nothing: templates, a line a breath, by language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from foundry_tui.errors import UsageError

FIELDS = ("title", "author", "narrator", "year")
FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class CreditTexts:
    """A language's credits: the titles of their chapters, and a line each of what is said."""

    opening_title: str
    opening: str
    closing_title: str
    closing: str


ENGLISH = CreditTexts(
    "Opening Credits",
    "{title}.\nWritten by {author}.\nNarrated by {narrator}.",
    "Closing Credits",
    "This has been {title}.\nWritten by {author}.\nNarrated by {narrator}.\nThe end.",
)
NEUTRAL = CreditTexts("Opening Credits", "{title}.\n{author}.\n{narrator}.", "Closing Credits", "{title}.\n{author}.")
TEXTS: Mapping[str, CreditTexts] = {
    "eng": ENGLISH,
    "fra": CreditTexts(
        "Générique de début",
        "{title}.\nÉcrit par {author}.\nLu par {narrator}.",
        "Générique de fin",
        "Vous venez d’écouter {title}.\nÉcrit par {author}.\nLu par {narrator}.\nFin.",
    ),
    "deu": CreditTexts(
        "Vorspann",
        "{title}.\nVon {author}.\nGelesen von {narrator}.",
        "Abspann",
        "Sie hörten {title}.\nVon {author}.\nGelesen von {narrator}.\nEnde.",
    ),
    "spa": CreditTexts(
        "Créditos iniciales",
        "{title}.\nEscrito por {author}.\nNarrado por {narrator}.",
        "Créditos finales",
        "Ha escuchado {title}.\nEscrito por {author}.\nNarrado por {narrator}.\nFin.",
    ),
    "ita": CreditTexts(
        "Titoli di testa",
        "{title}.\nScritto da {author}.\nLetto da {narrator}.",
        "Titoli di coda",
        "Avete ascoltato {title}.\nScritto da {author}.\nLetto da {narrator}.\nFine.",
    ),
    "por": CreditTexts(
        "Créditos iniciais",
        "{title}.\nEscrito por {author}.\nNarrado por {narrator}.",
        "Créditos finais",
        "Acabou de ouvir {title}.\nEscrito por {author}.\nNarrado por {narrator}.\nFim.",
    ),
    "nld": CreditTexts(
        "Openingstitels",
        "{title}.\nGeschreven door {author}.\nVoorgelezen door {narrator}.",
        "Aftiteling",
        "Dit was {title}.\nGeschreven door {author}.\nVoorgelezen door {narrator}.\nEinde.",
    ),
    "rus": CreditTexts(
        "Вступительные титры",
        "{title}.\nАвтор: {author}.\nЧитает {narrator}.",
        "Заключительные титры",
        "Вы прослушали: {title}.\nАвтор: {author}.\nЧитал голос: {narrator}.\nКонец.",
    ),
    "jpn": CreditTexts(
        "オープニングクレジット",
        "{title}。\n著者、{author}。\n朗読、{narrator}。",
        "エンディングクレジット",
        "{title}をお聞きいただきました。\n著者、{author}。\n朗読、{narrator}。\n終わり。",
    ),
    "zho": CreditTexts(
        "片头",
        "{title}。\n作者：{author}。\n朗读：{narrator}。",
        "片尾",
        "您刚才收听的是{title}。\n作者：{author}。\n朗读：{narrator}。\n全书完。",
    ),
}


def checked_template(text: str, where: str) -> str:
    """``text`` if every field in it is one of FIELDS; raises UsageError naming ``where``."""
    for name in FIELD.findall(text):
        if name not in FIELDS:
            raise UsageError(
                f"{where} has the field {{{name}}}.",
                next_action=f"Known fields: {', '.join(f'{{{field}}}' for field in FIELDS)}.",
            )
    return text
