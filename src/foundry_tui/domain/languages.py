"""Language codes: ISO 639-2/T inside the house, whatever an operator types outside it."""

from __future__ import annotations

from foundry_tui.errors import UsageError

# (639-2/T, 639-1, other spellings, English name). The user's own documents write Spanish as "esp".
_TABLE: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("eng", "en", ("english",), "English"),
    ("spa", "es", ("esp", "spanish", "español"), "Spanish"),
    ("fra", "fr", ("fre", "french", "français"), "French"),
    ("deu", "de", ("ger", "german", "deutsch"), "German"),
    ("ita", "it", ("italian", "italiano"), "Italian"),
    ("por", "pt", ("portuguese", "português"), "Portuguese"),
    ("rus", "ru", ("russian", "русский"), "Russian"),
    ("jpn", "ja", ("japanese",), "Japanese"),
    ("zho", "zh", ("chi", "cmn", "chinese"), "Chinese"),
    ("nld", "nl", ("dut", "dutch"), "Dutch"),
    ("pol", "pl", ("polish",), "Polish"),
    ("ces", "cs", ("cze", "czech"), "Czech"),
    ("slk", "sk", ("slo", "slovak"), "Slovak"),
    ("dan", "da", ("danish",), "Danish"),
    ("swe", "sv", ("swedish",), "Swedish"),
    ("nor", "no", ("nob", "nno", "nb", "nn", "norwegian"), "Norwegian"),
    ("fin", "fi", ("finnish",), "Finnish"),
    ("isl", "is", ("ice", "icelandic"), "Icelandic"),
    ("hun", "hu", ("hungarian",), "Hungarian"),
    ("ell", "el", ("gre", "greek"), "Greek"),
    ("grc", "", ("ancient greek",), "Ancient Greek"),
    ("lat", "la", ("latin",), "Latin"),
    ("epo", "eo", ("esperanto",), "Esperanto"),
    ("cat", "ca", ("catalan",), "Catalan"),
    ("glg", "gl", ("galician",), "Galician"),
    ("eus", "eu", ("baq", "basque"), "Basque"),
    ("cym", "cy", ("wel", "welsh"), "Welsh"),
    ("gle", "ga", ("irish",), "Irish"),
    ("gla", "gd", ("scottish gaelic",), "Scottish Gaelic"),
    ("ron", "ro", ("rum", "romanian"), "Romanian"),
    ("bul", "bg", ("bulgarian",), "Bulgarian"),
    ("ukr", "uk", ("ukrainian",), "Ukrainian"),
    ("srp", "sr", ("serbian",), "Serbian"),
    ("hrv", "hr", ("croatian",), "Croatian"),
    ("slv", "sl", ("slovenian",), "Slovenian"),
    ("lit", "lt", ("lithuanian",), "Lithuanian"),
    ("lav", "lv", ("latvian",), "Latvian"),
    ("est", "et", ("estonian",), "Estonian"),
    ("tur", "tr", ("turkish",), "Turkish"),
    ("ara", "ar", ("arabic",), "Arabic"),
    ("heb", "he", ("iw", "hebrew"), "Hebrew"),
    ("fas", "fa", ("per", "persian"), "Persian"),
    ("hin", "hi", ("hindi",), "Hindi"),
    ("ben", "bn", ("bengali",), "Bengali"),
    ("tam", "ta", ("tamil",), "Tamil"),
    ("tel", "te", ("telugu",), "Telugu"),
    ("mar", "mr", ("marathi",), "Marathi"),
    ("urd", "ur", ("urdu",), "Urdu"),
    ("san", "sa", ("sanskrit",), "Sanskrit"),
    ("kor", "ko", ("korean",), "Korean"),
    ("vie", "vi", ("vietnamese",), "Vietnamese"),
    ("tha", "th", ("thai",), "Thai"),
    ("ind", "id", ("indonesian",), "Indonesian"),
    ("msa", "ms", ("may", "malay"), "Malay"),
    ("tgl", "tl", ("fil", "tagalog"), "Tagalog"),
    ("swa", "sw", ("swahili",), "Swahili"),
    ("afr", "af", ("afrikaans",), "Afrikaans"),
    ("sqi", "sq", ("alb", "albanian"), "Albanian"),
    ("mkd", "mk", ("mac", "macedonian"), "Macedonian"),
    ("hye", "hy", ("arm", "armenian"), "Armenian"),
    ("kat", "ka", ("geo", "georgian"), "Georgian"),
    ("bel", "be", ("belarusian",), "Belarusian"),
    ("mri", "mi", ("mao", "maori"), "Maori"),
    ("oci", "oc", ("occitan",), "Occitan"),
    ("fry", "fy", ("frisian",), "Western Frisian"),
    ("ang", "", ("old english",), "Old English"),
    ("enm", "", ("middle english",), "Middle English"),
    ("yid", "yi", ("yiddish",), "Yiddish"),
)
_BY_NAME = {name: row[0] for row in _TABLE for name in (row[0], row[1], *row[2]) if name}
_TO_2 = {row[0]: row[1] for row in _TABLE}
_ENGLISH = {row[0]: row[3] for row in _TABLE}


def understood(text: str) -> str:
    """ISO 639-2/T of any spelling (``en``, ``fr-FR``, ``ger``, ``esp``, ``English``).

    An unknown three-letter code is taken as it stands: any ISO 639-2 language parses. Raises UsageError otherwise.
    """
    name = text.strip().casefold().replace("_", "-")
    head = name.split("-")[0]
    found = _BY_NAME.get(name) or _BY_NAME.get(head)
    if found:
        return found
    if len(head) == 3 and head.isascii() and head.isalpha():
        return head
    raise UsageError(
        f"{text!r} is no language code Foundry understands.",
        next_action="Give an ISO 639 code such as eng, fra or de.",
    )


def two_letters(language: str) -> str:
    """ISO 639-1 of a 639-2/T code where it has one, else the code itself (for engines and file tags)."""
    return _TO_2.get(language) or language


def english_name(language: str) -> str:
    """The language's English name, or the code where we know none."""
    return _ENGLISH.get(language, language)
