"""Choosing a voice for a narrator who names none: by language, accent and gender, the same one every time."""

from __future__ import annotations

from collections.abc import Sequence

from foundry_tui.domain.languages import english_name, understood
from foundry_tui.errors import UsageError, VoiceMissing
from foundry_tui.voices.accents import locale_of_accent, usual_locale
from foundry_tui.voices.protocol import Voice


def choose_voice(voices: Sequence[Voice], *, language: str, accent: str | None, gender: str | None) -> Voice:
    """The voice of ``language`` that fits best; the order of ``voices`` does not matter.

    Accent counts before gender, and both are wishes: where no voice has them the nearest one is taken. The language is
    a must: VoiceMissing lists some languages there are.
    """
    try:
        wanted = understood(language)
    except UsageError:
        wanted = language
    speaking = [voice for voice in voices if voice.language == wanted]
    if not speaking:
        raise _no_language(voices, wanted)
    locale = locale_of_accent(accent, wanted) if accent else None
    sex = _sex(gender)

    def order(voice: Voice) -> tuple[int, int, int, int, str]:
        other_accent = _distance(voice, locale, accent) if accent else 0
        other_gender = int(bool(sex) and voice.gender != sex)
        unusual = _distance(voice, usual_locale(wanted), None)
        return other_accent, other_gender, unusual, voice.rank, voice.voice

    return min(speaking, key=order)


def _distance(voice: Voice, locale: str | None, accent: str | None) -> int:
    """0 for the locale itself, 1 for a variety of it or the like, 2 for another."""
    tag = voice.locale.casefold()
    if accent and voice.accent.casefold() == accent.strip().casefold():
        return 0
    if locale is None:
        return 2 if accent else 0
    if tag == locale:
        return 0
    if tag.startswith(f"{locale}-") or locale.startswith(f"{tag}-"):
        return 1
    return 2


def _sex(gender: str | None) -> str:
    word = (gender or "").strip().casefold()
    if word in {"f", "female", "woman", "feminine"}:
        return "female"
    return "male" if word in {"m", "male", "man", "masculine"} else ""


def _no_language(voices: Sequence[Voice], language: str) -> VoiceMissing:
    engine = voices[0].engine if voices else "The engine"
    known = sorted({voice.language for voice in voices})
    usual = [code for code in ("eng", "spa", "fra", "deu", "ita", "por", "nld", "rus", "zho", "jpn") if code in known]
    some = (usual + [code for code in known if code not in usual])[:12]
    more = f" and {len(known) - len(some)} more" if len(known) > len(some) else ""
    return VoiceMissing(
        f"{engine} has no voice for {english_name(language)}. "
        f"It speaks {', '.join(english_name(code) for code in some) or 'no language here'}{more}.",
        details={"language": language, "languages": known},
    )
