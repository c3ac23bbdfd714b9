"""Pictures that are read: a heading drawn as an image, a drop cap whose letter is only in its alternative text."""

from __future__ import annotations

import re
from typing import Any

from foundry_tui.text.decode import one_line
from foundry_tui.text.html_roles import roles

_LETTER = re.compile(r"[\"“‘«„'(\[¿¡—-]*\s*(\w)\s*[.\"”’'’]?")
_NAMED_LETTER = re.compile(
    r"(?:.*\b(?:letter|capital|initial|drop.?cap|lettrine|initiale|letra|lettera|буква)\W+)[\"“‘']?(\w)\b[\"”’']?\W*",
    re.IGNORECASE | re.DOTALL,
)
_FILE_NAME = re.compile(
    r"\S+\.(?:jpe?g|png|gif|svg|webp|bmp)\b.*|.*\(\d+K\)|image\w*|illustration|\W*", re.IGNORECASE | re.DOTALL
)
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


def speak_images(root: Any) -> int:
    """Put the words of spoken pictures into the tree as text; how many there were."""
    spoken = 0
    for image in root.iter("img"):
        alternative = one_line(image.get("alt") or "")
        if not alternative:
            continue
        words = _drop_cap(image, alternative) or _heading(image, alternative)
        if words:
            image.tail = words + (image.tail or "")
            spoken += 1
    return spoken


def _drop_cap(image: Any, alternative: str) -> str:
    """The letter of a drawn initial that the following text goes on with."""
    named = _NAMED_LETTER.fullmatch(alternative)
    single = _LETTER.fullmatch(alternative)
    if not named and not single:
        return ""
    parent = image.getparent()
    names = f"{image.get('class') or ''} {parent.get('class') or '' if parent is not None else ''}"
    marked = "dropcap" in roles(names)[1]
    following = (image.tail or _text_after(image)).lstrip("\r\n\t ")[:1]
    if not following or not (marked or following.isalpha()):
        return ""
    if single:
        return alternative.strip()
    assert named is not None
    return named[1].upper()


def _text_after(image: Any) -> str:
    """The text that follows the picture within its paragraph."""
    element = image
    for _ in range(4):
        if element.tail and element.tail.strip():
            return str(element.tail)
        following = element.getnext()
        if following is not None and following.tag != "img":
            return "".join(following.itertext())
        element = element.getparent()
        if element is None or element.tag in {"p", "div", "body"}:
            return ""
    return ""


def _heading(image: Any, alternative: str) -> str:
    """The alternative text of a picture that stands where a heading's words would be."""
    if _FILE_NAME.fullmatch(alternative) or alternative.lower().startswith("[illustration"):
        return ""
    heading = next((above for above in image.iterancestors() if above.tag in _HEADINGS), None)
    if heading is None:
        return ""
    return "" if _has_words(heading) else alternative


def _has_words(heading: Any) -> bool:
    """Whether a heading says something besides page numbers and captions."""
    for element in heading.iter():
        if not isinstance(element.tag, str):
            continue
        if roles(element.get("class") or "")[0]:
            continue
        inside_cut = any(
            roles(above.get("class") or "")[0]
            for above in element.iterancestors()
            if above is not heading and heading in above.iterancestors()
        )
        if not inside_cut and element.text and any(sign.isalnum() for sign in element.text):
            return True
        if element is not heading and element.tail and any(sign.isalnum() for sign in element.tail):
            return True
    return False
