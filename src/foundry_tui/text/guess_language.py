"""The language of a text, by its commonest small words and its script; good enough to choose rules and a voice."""

from __future__ import annotations

import re
from collections import Counter

_SMALL_WORDS = {
    "eng": "the of and to in that he was it his with as had for not but her you is at on she be which him they",
    "fra": "de la et le les des que il un une en du qui ne pas dans est ce je se vous sur elle au par lui",
    "deu": "und die der ich nicht sie das zu den in er es ist ein mit sich so dem war auf wie wir eine daß dass auch",
    "spa": "de que la y el en no los se por las lo con un su una le para es al como más del era yo",
    "ita": "di che e la il non un in per una si le con è da i del gli come più lo ma nel della al",
    "por": "de que e a o não se do um os da uma com em as para por ao na era mais no lhe como",
    "nld": "de en het van een dat in ik niet te is hij op met zijn was voor die aan er maar om",
    "rus": "и в не на что он я с как а его по это но она к у же так из от",
    "swe": "och i att det som en på är av för med den till inte han hade hon var jag ett om",
    "dan": "og i at det er en til på som af den for med de ikke han jeg et var der",
    "fin": "ja on ei hän että oli se mutta niin kun kuin hänen minä en ne joka",
    "isl": "og að í á hann var sem til er ekki það en við þá af fyrir hún",
    "pol": "i w nie na się że to z do jest co jak ale po tak za był",
    "ces": "a se v na je že to s z do i jsem ale jak po by",
    "hun": "a az és hogy nem is egy volt meg csak de már mint ez ha",
    "lat": "et in est non ad ut cum quod sed qui a ex si per quae",
    "epo": "la kaj de en al li estas ne mi ke kun por sed pri el",
}
_SETS = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")


def guess_language(text: str) -> str | None:
    """ISO 639-2/T of ``text``, or None where there is too little to tell."""
    kana = len(re.findall("[\u3040-\u30ff]", text))
    ideographs = len(re.findall("[\u4e00-\u9fff]", text))
    if kana + ideographs > len(text) // 4:
        return "jpn" if kana * 20 > ideographs else "zho"
    words = [word.lower() for word in _WORD.findall(text[:20_000])]
    if len(words) < 20:
        return None
    counts = Counter(words)
    scores = {language: sum(counts[word] for word in small) for language, small in _SETS.items()}
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] * 12 >= len(words) else None


def common_words(language: str) -> frozenset[str]:
    """The commonest small words of a language, or none."""
    return _SETS.get(language, frozenset())
