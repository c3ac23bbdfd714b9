"""Strings from outside as data: what may be shown on a terminal of a title, a file name or an engine's error.

A terminal obeys what it is sent. ECMA-48 control sequences can move the cursor, clear the screen, set the window's
title or (OSC 52) write the clipboard; Unicode's bidirectional controls can make a line read as another one.
"""

from __future__ import annotations

import re

# ECMA-48: CSI (with parameters and a final byte), the string controls OSC, DCS, SOS, PM and APC up to their
# terminator, and two- or three-byte escapes; each in its 7-bit (ESC [) and 8-bit (0x9B) form.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=\n)|$)"
    r"|\x1b[ -/]*[0-~]?"
)
# C0, DEL and C1 controls, Unicode's line separators, and the controls of direction, joining and tagging that have
# no width of their own. U+200C and U+200D stay: Persian, Hindi and emoji are misspelt without them.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u206f\u2028\u2029\ufeff\ufff9-\ufffb]"
    "|[\U000e0000-\U000e007f]"
)
_SPACES = re.compile(r"\s+")


def plain(text: object, longest: int | None = None) -> str:
    """``text`` on one line with nothing in it a terminal would obey; cut to ``longest`` characters with an ellipsis."""
    line = _SPACES.sub(" ", _one_line(str(text))).strip()
    if longest is not None and len(line) > longest:
        return f"{line[: max(longest - 1, 0)]}…"
    return line


def plain_lines(text: object) -> str:
    """Like ``plain``, but line breaks and runs of spaces stay: for a table, a summary or a report."""
    return "\n".join(_one_line(line).rstrip() for line in str(text).splitlines())


def without_controls(text: str) -> str:
    """``text`` as it is, but for what a terminal would obey: for a line that is still being typed."""
    return _one_line(text)


def _one_line(text: str) -> str:
    return _CONTROLS.sub(_space_or_nothing, _ESCAPES.sub("", text))


def _space_or_nothing(found: re.Match[str]) -> str:
    return " " if found.group() in "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029" else ""
