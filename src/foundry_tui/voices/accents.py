"""Locales as engines write them, and accents as operators say them."""

from __future__ import annotations

from foundry_tui.domain.languages import two_letters, understood
from foundry_tui.errors import UsageError

# ISO 639-1 codes engines list that domain.languages has no need to know.
_MORE_LANGUAGES = {
    "am": "amh", "an": "arg", "as": "asm", "az": "aze", "ba": "bak", "bs": "bos", "cv": "chv", "fo": "fao", "gn": "grn",
    "gu": "guj", "ht": "hat", "ia": "ina", "io": "ido", "iu": "iku", "jv": "jav", "kk": "kaz", "kl": "kal", "km": "khm",
    "kn": "kan", "ku": "kur", "ky": "kir", "lb": "ltz", "lo": "lao", "ml": "mal", "mn": "mon", "mt": "mlt", "my": "mya",
    "ne": "nep", "om": "orm", "or": "ori", "pa": "pan", "ps": "pus", "py": "mis", "qu": "que", "sd": "snd", "si": "sin",
    "so": "som", "su": "sun", "ti": "tir", "tk": "tuk", "tn": "tsn", "tt": "tat", "ug": "uig", "uz": "uzb", "zu": "zul",
}  # fmt: skip

# Accent word -> BCP 47 tag in lower case. The first word of a tag is the one shown.
_ACCENTS = {
    "american": "en-us", "us": "en-us", "usa": "en-us", "general american": "en-us", "british": "en-gb",
    "english": "en-gb", "uk": "en-gb", "received pronunciation": "en-gb-x-rp", "rp": "en-gb-x-rp",
    "scottish": "en-gb-scotland",
    "irish": "en-ie", "australian": "en-au", "canadian": "en-ca", "new zealand": "en-nz", "indian": "en-in",
    "south african": "en-za", "caribbean": "en-029", "singaporean": "en-sg", "nigerian": "en-ng", "kenyan": "en-ke",
    "castilian": "es-es", "latin american": "es-419", "mexican": "es-mx", "argentinian": "es-ar",
    "colombian": "es-co", "chilean": "es-cl", "parisian": "fr-fr", "metropolitan": "fr-fr",
    "quebecois": "fr-ca", "québécois": "fr-ca", "belgian": "fr-be", "swiss": "de-ch", "austrian": "de-at",
    "brazilian": "pt-br", "european portuguese": "pt-pt", "flemish": "nl-be", "mandarin": "zh-cn", "taiwanese": "zh-tw",
    "cantonese": "zh-hk",
}  # fmt: skip

# A region's adjective, for an accent given by country under another language ("Swiss" French, "Canadian" French).
_REGIONS = {
    "american": "us", "british": "gb", "irish": "ie", "australian": "au", "canadian": "ca", "indian": "in",
    "mexican": "mx", "french": "fr", "belgian": "be", "swiss": "ch", "austrian": "at", "german": "de", "spanish": "es",
    "italian": "it", "portuguese": "pt", "brazilian": "br", "dutch": "nl", "flemish": "be", "chinese": "cn",
    "taiwanese": "tw", "japanese": "jp", "russian": "ru", "polish": "pl", "swedish": "se", "south african": "za",
}  # fmt: skip

# The locale a language is read in where the operator names none.
_USUAL = {
    "eng": "en-us", "spa": "es-es", "fra": "fr-fr", "deu": "de-de", "ita": "it-it", "por": "pt-br", "rus": "ru-ru",
    "jpn": "ja-jp", "zho": "zh-cn", "nld": "nl-nl", "pol": "pl-pl", "ara": "ar-eg", "kor": "ko-kr", "hin": "hi-in",
}  # fmt: skip


def language_of(locale: str) -> str:
    """ISO 639-2/T of a BCP 47 tag; a tag of a language we do not know keeps its own code."""
    tag = locale.replace("_", "-").casefold()
    head = tag.split("-", maxsplit=1)[0]
    if head in _MORE_LANGUAGES:
        return _MORE_LANGUAGES[head]
    try:
        return understood(head)
    except UsageError:
        return head


def locale_of_accent(accent: str, language: str) -> str | None:
    """The BCP 47 tag (lower case) an accent word or locale means under ``language``, None where it means nothing."""
    word = " ".join(accent.replace("_", "-").casefold().split()).removesuffix(" accent").removesuffix(" english")
    named = _ACCENTS.get(word)
    if named and language_of(named) == language:
        return named
    region = _REGIONS.get(word)
    if region is None and len(word) == 2 and word.isalpha():
        region = "gb" if word == "uk" else word
    if region:
        return f"{two_letters(language)}-{region}"
    if "-" in word and language_of(word) == language:
        return word
    return None


def accent_of(locale: str) -> str:
    """The word for a locale's accent (``British``), empty where there is none."""
    tag = locale.replace("_", "-").casefold()
    for word, known in _ACCENTS.items():
        if known == tag:
            return word.title()
    region = tag.split("-")[1] if "-" in tag else ""
    return next((word.title() for word, known in _REGIONS.items() if known == region), "")


def usual_locale(language: str) -> str | None:
    """The locale a language is read in where nothing else is asked for."""
    return _USUAL.get(language)


def bcp47(tag: str) -> str:
    """A tag in its usual letters: ``en-gb`` -> ``en-GB``, ``zh-hans-cn`` -> ``zh-Hans-CN``."""
    head, *rest = tag.replace("_", "-").split("-")
    parts = [head.lower()]
    for part in rest:
        if "x" in parts:  # private use has no usual letters
            parts.append(part.lower())
        elif len(part) == 2:
            parts.append(part.upper())
        elif len(part) == 4:
            parts.append(part.title())
        else:
            parts.append(part.lower())
    return "-".join(parts)
