"""Speech rules of Russian. Case and gender hang on the sentence, so only what needs neither is spelled out."""

from __future__ import annotations

from foundry_tui.text.rules.build import Tables, build

_SKIPPED = {"year", "large_number", "regnal_number", "numbered_reference"}  # they would need the sentence's case

RULES = tuple(
    rule
    for rule in build(
        Tables(
            "rus",
            abbreviations={
                "т. е.": "то есть",
                "т.е.": "то есть",
                "т. д.": "так далее",
                "т.д.": "так далее",
                "т. п.": "тому подобное",
                "т.п.": "тому подобное",
                "т. к.": "так как",
                "т.к.": "так как",
                "и др.": "и другие",
                "и пр.": "и прочее",
                "т. н.": "так называемый",
                "напр.": "например",
                "см.": "смотри",
                "ср.": "сравни",
                "стр.": "страница",
                "гл.": "глава",
                "н. э.": "нашей эры",
            },
            titles={
                "г-н": "господин",
                "г-жа": "госпожа",
                "г-на": "господина",
                "г-жи": "госпожи",
                "г-ну": "господину",
                "г-же": "госпоже",
                "Г-н": "Господин",
                "Г-жа": "Госпожа",
            },
            units={
                "км": "километров",
                "кг": "килограммов",
                "руб.": "рублей",
                "коп.": "копеек",
                "тыс.": "тысяч",
                "млн": "миллионов",
            },
            signs={"%": "процентов", "°": "градусов", "§": "параграф", "№": "номер"},
        )
    )
    if rule.name not in _SKIPPED
)
