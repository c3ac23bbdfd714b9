"""Why a result must be made again, in an operator's words: two keys' parts beside each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

_BRIEF = 60
Words = Callable[[Any, Any], str]


def reasons(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """One clause for each part that changed, the known ones in words, in the order of their names."""
    old_parts, new_parts = _as_kept(before), _as_kept(after)
    told: list[str] = []
    for name in sorted(old_parts.keys() | new_parts.keys()):
        old, new = old_parts.get(name), new_parts.get(name)
        if old == new:
            continue
        if name in _NESTED:
            told += _nested(_NESTED[name], old or {}, new or {})
        elif name in _WORDS:
            told.append(_WORDS[name](old, new))
        else:
            told.append(_change(f"the {name.replace('_', ' ')}")(old, new))
    return told


def _as_kept(parts: Mapping[str, Any]) -> dict[str, Any]:
    """As a table gives them back: a tuple that was written is a list when it is read."""
    kept: dict[str, Any] = json.loads(json.dumps(dict(parts), default=str))
    return kept


def _said(sentence: str) -> Words:
    return lambda _old, _new: sentence


def _change(what: str) -> Words:
    def words(old: Any, new: Any) -> str:
        if old in (None, ""):
            return f"{what} is new: {_brief(new)}"
        if new in (None, ""):
            return f"{what} is gone: {_brief(old)}"
        return f"{what}: {_brief(old)} -> {_brief(new)}"

    return words


def _nested(label: str, old: Any, new: Any) -> list[str]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [_change(label)(old, new)]
    told = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            continue
        words = _WORDS.get(name) or _change(f"{label}, {name.replace('_', ' ')}")
        told.append(words(old.get(name), new.get(name)))
    return told


def _editions(old: Any, new: Any) -> str:
    before, after = set(old or ()), set(new or ())
    told = [f"{name} was ordered" for name in sorted(after - before)]
    told += [f"{name} is no longer ordered" for name in sorted(before - after)]
    return ", ".join(told) or "an edition changed"


def _decisions(old: Any, new: Any) -> str:
    more = len(new or ()) - len(old or ())
    if not more:
        return "the decisions about its sections changed"
    what = "a decision about its sections was" if abs(more) == 1 else f"{abs(more)} decisions about its sections were"
    return f"{what} {'made' if more > 0 else 'taken back'}"


def _retakes(old: Any, new: Any) -> str:
    before, after = old or {}, new or {}
    count = sum(before.get(place) != after.get(place) for place in before.keys() | after.keys())
    return "a chunk was to be taken again" if count == 1 else f"{count} chunks were to be taken again"


_WORDS: Mapping[str, Words] = {
    "source": _change("the source file"),
    "source_sha256": _said("the source file changed"),
    "parser": _said("the parser is newer"),
    "overrides": _decisions,
    "footnotes": _change("footnotes"),
    "rules_off": _change("speech rules switched off"),
    "sentences": _change("who finds the sentences"),
    "chapters": _said("the chapters were parsed anew"),
    "voice": _change("the narrator's voice"),
    "engine": _change("the narrator's engine"),
    "version": _change("the engine's version"),
    "retakes": _retakes,
    "corrections": _said("the lexicon or a chunk's own words changed"),
    "credits": _said("the credits changed"),
    "takes": _said("spoken chunks changed"),
    "coding": _said("the encoder or its settings changed"),
    "coded": _said("coded chapters changed"),
    "timing": _said("the timing changed"),
    "cover": _said("the cover changed"),
    "editions": _editions,
    "one_file": _said("it is cut into volumes differently"),
    "files": _said("the finished files changed"),
    "m4b": _said("the finished file changed"),
    "title": _change("the title"),
    "author": _change("the author"),
    "year_published": _change("the year"),
}
_NESTED: Mapping[str, str] = {
    "options": "parsing",
    "settings": "the voice's settings",
    "profile": "mastering",
    "tags": "tags",
    "facts": "the book's facts",
}


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF - 1]}…"
