"""Small pages to parse: prose that never repeats, and the shortest way from a page to its outline."""

from __future__ import annotations

import itertools
from pathlib import Path

from foundry_tui.text.parse import ParsedBook, ParseOptions, parse_novel

_WORDS = {
    "eng": [
        "the",
        "old",
        "house",
        "stood",
        "by",
        "a",
        "quiet",
        "river",
        "and",
        "nobody",
        "in",
        "our",
        "town",
        "remembered",
        "who",
        "had",
        "built",
        "it",
        "or",
        "why",
    ],
    "fra": [
        "la",
        "vieille",
        "maison",
        "était",
        "au",
        "bord",
        "de",
        "la",
        "rivière",
        "et",
        "personne",
        "dans",
        "le",
        "pays",
        "ne",
        "savait",
        "qui",
        "l'avait",
        "bâtie",
    ],
    "deu": [
        "das",
        "alte",
        "Haus",
        "stand",
        "an",
        "einem",
        "stillen",
        "Fluss",
        "und",
        "niemand",
        "in",
        "der",
        "Stadt",
        "wusste",
        "noch",
        "wer",
        "es",
        "gebaut",
        "hatte",
    ],
    "spa": [
        "la",
        "casa",
        "vieja",
        "estaba",
        "junto",
        "al",
        "río",
        "tranquilo",
        "y",
        "nadie",
        "en",
        "el",
        "pueblo",
        "recordaba",
        "quién",
        "la",
        "había",
        "hecho",
    ],
    "ita": [
        "la",
        "vecchia",
        "casa",
        "stava",
        "sulla",
        "riva",
        "del",
        "fiume",
        "e",
        "nessuno",
        "nel",
        "paese",
        "sapeva",
        "più",
        "chi",
        "l'avesse",
        "costruita",
    ],
    "por": [
        "a",
        "casa",
        "velha",
        "ficava",
        "junto",
        "do",
        "rio",
        "e",
        "ninguém",
        "na",
        "vila",
        "se",
        "lembrava",
        "de",
        "quem",
        "a",
        "tinha",
        "construído",
    ],
    "rus": [
        "старый",
        "дом",
        "стоял",
        "у",
        "тихой",
        "реки",
        "и",
        "никто",
        "в",
        "городе",
        "не",
        "помнил",
        "кто",
        "его",
        "построил",
        "и",
        "зачем",
    ],
    "nld": [
        "het",
        "oude",
        "huis",
        "stond",
        "aan",
        "een",
        "stille",
        "rivier",
        "en",
        "niemand",
        "in",
        "de",
        "stad",
        "wist",
        "nog",
        "wie",
        "het",
        "gebouwd",
        "had",
    ],
}
_CJK = {
    "jpn": "古い家は静かな川のそばに立っていて町の誰もそれを覚えていなかった",
    "zho": "那座老房子立在安靜的河邊鎮上沒有人記得是誰把它蓋起來的",
}
_counter = itertools.count(1)


def prose(paragraphs: int = 3, language: str = "eng", sentences: int = 5) -> str:
    """HTML paragraphs of prose; no two sentences are alike."""
    return "\n".join(f"<p>{text}</p>" for text in plain(paragraphs, language, sentences))


def plain(paragraphs: int = 3, language: str = "eng", sentences: int = 5) -> list[str]:
    """Paragraphs of prose as text."""
    made = []
    for _ in range(paragraphs):
        lines = []
        for _ in range(sentences):
            number = next(_counter)
            if language in _CJK:
                turn = number % len(_CJK[language])
                lines.append(f"{_CJK[language][turn:]}{_CJK[language][:turn]}。")
            else:
                words = _WORDS[language]
                turn = number % len(words)
                line = " ".join(words[turn:] + words[:turn])
                lines.append(f"{line[:1].upper()}{line[1:]}.")
        made.append(("" if language in _CJK else " ").join(lines))
    return made


def page(body: str, title: str = "A Quiet River", author: str = "Ann Author", lang: str = "en") -> str:
    """A whole HTML file."""
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{title}, by {author}</title></head>'
        f"<body>{body}</body></html>"
    )


def parse(
    tmp_path: Path,
    body: str,
    *,
    name: str = "book.html",
    language: str = "eng",
    options: ParseOptions | None = None,
    **head: str,
) -> ParsedBook:
    """Parse a page's body (HTML) or a whole text (other endings)."""
    source = tmp_path / name
    text = page(body, **head) if name.endswith(".html") and "<html" not in body.lower() else body
    source.write_text(text, encoding="utf-8")
    return parse_novel(source, book_id="book", language=language, options=options or ParseOptions())


def titles(parsed: ParsedBook) -> list[str]:
    """Chapter titles in order."""
    return [chapter.title for chapter in parsed.chapters]


def text_of(parsed: ParsedBook) -> str:
    """Everything narrated, chunk by chunk."""
    return "\n".join(chunk.text for chapter in parsed.chapters for chunk in chapter.chunks)
