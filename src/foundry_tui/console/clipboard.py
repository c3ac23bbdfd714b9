"""OSC 52: text to the clipboard of the terminal an operator sits at, through tmux and screen too."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

_MOST_BYTES = 74_994  # what the tightest common terminal takes
_SCREEN_CHUNK = 700  # GNU screen cuts longer device control strings


def osc52(text: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The sequence that carries ``text``; None where it is longer than terminals take."""
    env = os.environ if environ is None else environ
    data = text.encode("utf-8")
    if len(data) > _MOST_BYTES:
        return None
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\a"
    if env.get("TMUX"):
        return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    if env.get("TERM", "").startswith("screen"):
        chunks = [sequence[at : at + _SCREEN_CHUNK] for at in range(0, len(sequence), _SCREEN_CHUNK)]
        return "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
    return sequence
