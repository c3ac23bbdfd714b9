"""Where sound comes out: decided once from the environment, and always said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Quiet, without a window, ending by themselves; the file's path comes last, and is never a shell's business.
PLAYERS: Mapping[str, tuple[str, ...]] = {
    "mpv": ("mpv", "--no-video", "--really-quiet", "--no-terminal", "--"),
    "ffplay": ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet", "-i"),
    "afplay": ("afplay",),
    "paplay": ("paplay",),
    "aplay": ("aplay", "-q"),
}
KINDS = ("player", "link", "off")


@dataclass(frozen=True, slots=True)
class Sink:
    """``kind`` is player, link or off; ``said`` is how the pane tells it; ``command`` starts a player."""

    kind: str
    said: str
    command: tuple[str, ...] = ()
    hint: str = ""


def choose_sink(
    environ: Mapping[str, str] | None = None,
    which: Callable[[str], str | None] = shutil.which,
    *,
    wanted: str | None = None,
) -> Sink:
    """The sink for this seat: a local player, sound forwarded by Pulse, else a link over the SSH connection."""
    env = os.environ if environ is None else environ
    wanted = wanted or env.get("FOUNDRY_SOUND") or None
    remote = bool(env.get("SSH_CONNECTION") or env.get("SSH_TTY"))
    forwarded = bool(env.get("PULSE_SERVER"))
    if wanted == "off":
        return Sink("off", "off")
    names = ("paplay", "mpv", "ffplay") if forwarded and remote else tuple(PLAYERS)
    found = next((name for name in names if which(name)), None)
    if wanted != "link" and found and (wanted == "player" or not remote or forwarded):
        said = "forwarded by Pulse" if remote and forwarded else "this host"
        return Sink("player", f"{said} ({found})", PLAYERS[found])
    if wanted == "link" or remote:
        return Sink("link", "browser link")
    return Sink(
        "link",
        "browser link",
        hint="No player is installed here (mpv, ffplay, afplay, paplay, aplay): a link is offered instead.",
    )
