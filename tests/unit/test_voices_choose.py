from __future__ import annotations

import random

import pytest

from foundry_tui.errors import UsageError, VoiceMissing
from foundry_tui.voices.accents import accent_of, bcp47, language_of, locale_of_accent
from foundry_tui.voices.choose import choose_voice
from foundry_tui.voices.protocol import Voice, VoiceSettings


def voice(name: str, gender: str, rank: int = 20) -> Voice:
    locale = name.rpartition("-")[0]
    return Voice("test", name, name, language_of(locale), locale, gender, accent_of(locale), rank)


VOICES = [
    voice("en-US-Ana", "female", 90),
    voice("en-US-Andrew", "male", 0),
    voice("en-US-Emma", "female", 3),
    voice("en-GB-Ryan", "male", 4),
    voice("en-GB-Sonia", "female", 5),
    voice("en-AU-William", "male"),
    voice("en-GB-scotland-Mac", "male"),
    voice("es-ES-Alvaro", "male"),
    voice("es-MX-Dalia", "female"),
    voice("fr-FR-Denise", "female"),
    voice("fr-CH-Ariane", "female"),
    voice("fr-CA-Jean", "male"),
    voice("pt-PT-Raquel", "female"),
    voice("pt-BR-Antonio", "male"),
    voice("zh-CN-Xiaoxiao", "female"),
]


@pytest.mark.parametrize(
    ("language", "accent", "gender", "chosen"),
    [
        ("eng", None, None, "en-US-Andrew"),
        ("en", "British", None, "en-GB-Ryan"),
        ("eng", "british", "female", "en-GB-Sonia"),
        ("eng", "British accent", "F", "en-GB-Sonia"),
        ("eng", "Scottish", "female", "en-GB-scotland-Mac"),
        ("eng", "australian", "female", "en-AU-William"),
        ("eng", "en-GB", "male", "en-GB-Ryan"),
        ("eng", "UK", "male", "en-GB-Ryan"),
        ("eng", "Martian", "female", "en-US-Emma"),
        ("eng", "brazilian", None, "en-US-Andrew"),
        ("esp", None, None, "es-ES-Alvaro"),
        ("spa", "Mexican", "male", "es-MX-Dalia"),
        ("fra", "swiss", None, "fr-CH-Ariane"),
        ("fra", "canadian", None, "fr-CA-Jean"),
        ("fra", None, "male", "fr-CA-Jean"),
        ("por", None, None, "pt-BR-Antonio"),
        ("por", "European Portuguese", "male", "pt-PT-Raquel"),
        ("zh-CN", None, "other", "zh-CN-Xiaoxiao"),
    ],
)
def test_the_same_voice_whatever_the_order(language: str, accent: str | None, gender: str | None, chosen: str) -> None:
    shuffled = list(VOICES)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert choose_voice(shuffled, language=language, accent=accent, gender=gender).voice == chosen


@pytest.mark.parametrize("language", ["xyz", "klingon", "fin"])
def test_an_unknown_language_lists_some(language: str) -> None:
    with pytest.raises(VoiceMissing, match=r"English, Spanish, French") as raised:
        choose_voice(VOICES, language=language, accent=None, gender=None)
    assert raised.value.details["languages"] == ["eng", "fra", "por", "spa", "zho"]


def test_an_engine_without_voices() -> None:
    with pytest.raises(VoiceMissing):
        choose_voice([], language="eng", accent=None, gender=None)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en_GB", "eng"),
        ("cmn", "zho"),
        ("fil-PH", "tgl"),
        ("kk", "kaz"),
        ("nb-NO", "nor"),
        ("yue", "yue"),
        ("xx", "xx"),
    ],
)
def test_locales_have_languages(tag: str, language: str) -> None:
    assert language_of(tag) == language


def test_tags_and_accents() -> None:
    assert [bcp47(tag) for tag in ("en-gb", "zh-hans-CN", "EN_us", "en-gb-x-rp")] == ["en-GB", "zh-Hans-CN", "en-US", "en-GB-x-rp"]  # fmt: skip
    assert accent_of("en-GB") == "British"
    assert accent_of("fr-CH") == "Swiss"
    assert not accent_of("eo")
    assert locale_of_accent("castilian", "spa") == "es-es"
    assert locale_of_accent("castilian", "eng") is None


def test_settings_come_from_a_narrators_row() -> None:
    settings = VoiceSettings.from_mapping({"rate": "1.1", "pitch_percent": -5.0, "stability": None, "take": 2})
    assert settings == VoiceSettings(rate=1.1, pitch_percent=-5, take=2)
    assert settings.to_mapping() == {"rate": 1.1, "pitch_percent": -5, "take": 2}
    assert VoiceSettings.from_mapping(None) == VoiceSettings()
    assert VoiceSettings.from_mapping({"rate": 1}).to_mapping() == {}
    assert VoiceSettings.from_mapping(settings.to_mapping()) == settings


@pytest.mark.parametrize(
    "wrong",
    [{"speed": 1}, {"rate": "fast"}, {"rate": 9}, {"rate": float("nan")}, {"take": 1.5}, {"take": True}, {"instructions": 3}, {"volume": -1}, {"stability": 2}],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        VoiceSettings.from_mapping(wrong)
