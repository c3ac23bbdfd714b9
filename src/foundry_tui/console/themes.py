"""Themes, and the styles lists are painted with: status is told by glyph and word first, by colour last."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

# Style names cells use; every theme has all of them.
STYLES = ("", "dim", "bold", "ok", "busy", "bad", "warn", "off", "accent")


def _theme(name: str, colors: Mapping[str, str], *, dark: bool = True) -> Theme:
    return Theme(
        name=name,
        primary=colors["accent"],
        secondary=colors["busy"],
        warning=colors["warn"],
        error=colors["bad"],
        success=colors["ok"],
        accent=colors["accent"],
        foreground=colors["fg"],
        background=colors["bg"],
        surface=colors["surface"],
        panel=colors["panel"],
        dark=dark,
        variables={
            "block-cursor-foreground": colors["cursor_fg"],
            "block-cursor-background": colors["cursor_bg"],
            "border": colors["accent"],
            "border-blurred": colors["line"],
            "footer-key-foreground": colors["accent"],
        },
    )


COLORS: Mapping[str, Mapping[str, str]] = {
    "dark": {
        "bg": "#14171c", "fg": "#d9dee5", "surface": "#14171c", "panel": "#1d222a", "line": "#3c4653",
        "dim": "#95a0af", "ok": "#7fce91", "busy": "#74b7ff", "bad": "#ff8a84", "warn": "#ecc069",
        "off": "#95a0af", "accent": "#74b7ff", "cursor_bg": "#2b4a6f", "cursor_fg": "#ffffff",
    },
    "light": {
        "bg": "#fbfbf9", "fg": "#1b2026", "surface": "#fbfbf9", "panel": "#eeeeea", "line": "#b8bcc2",
        "dim": "#57606b", "ok": "#17622a", "busy": "#0a4f9c", "bad": "#a81d16", "warn": "#7a4a00",
        "off": "#57606b", "accent": "#0a4f9c", "cursor_bg": "#cfe2f8", "cursor_fg": "#0b1116",
    },
    "high-contrast": {
        "bg": "#000000", "fg": "#ffffff", "surface": "#000000", "panel": "#000000", "line": "#ffffff",
        "dim": "#d8d8d8", "ok": "#6fff6f", "busy": "#6fdcff", "bad": "#ff9a9a", "warn": "#ffff66",
        "off": "#d8d8d8", "accent": "#ffff66", "cursor_bg": "#ffffff", "cursor_fg": "#000000",
    },
    # Blue, orange and white: no pair of red and green anywhere.
    "deuteranopia": {
        "bg": "#10141a", "fg": "#e6e9ee", "surface": "#10141a", "panel": "#1a202a", "line": "#46505f",
        "dim": "#9aa5b5", "ok": "#6fb2ff", "busy": "#ffffff", "bad": "#ff9f3b", "warn": "#ffd08a",
        "off": "#9aa5b5", "accent": "#6fb2ff", "cursor_bg": "#274a78", "cursor_fg": "#ffffff",
    },
}  # fmt: skip
# The terminal's own sixteen colours, whatever the operator has made of them; also the fewest bytes.
_ANSI = dataclasses.replace(
    BUILTIN_THEMES["ansi-dark"],
    name="ansi",
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "border": "ansi_bright_blue",
        "border-blurred": "ansi_bright_black",
    },
)
THEMES: Mapping[str, Theme] = {
    **{name: _theme(name, colors, dark=name != "light") for name, colors in COLORS.items()},
    "ansi": _ANSI,
}
_ANSI_STYLES = {
    "dim": Style(color="bright_black"),
    "ok": Style(color="green"),
    "busy": Style(color="bright_blue"),
    "bad": Style(color="red", bold=True),
    "warn": Style(color="yellow"),
    "off": Style(color="bright_black"),
    "accent": Style(color="bright_blue"),
    "cursor": Style(color="black", bgcolor="white"),
    "cursor_blurred": Style(reverse=False, underline=True),
}


def styles_of(theme: str) -> dict[str, Style]:
    """Rich styles by name, and ``cursor`` and ``cursor_blurred`` for the row under the cursor."""
    plain = {"": Style(), "bold": Style(bold=True)}
    colors = COLORS.get(theme)
    if colors is None:
        return plain | _ANSI_STYLES
    named = {name: Style(color=colors[name]) for name in ("dim", "ok", "busy", "warn", "off", "accent")}
    return (
        plain
        | named
        | {
            "bad": Style(color=colors["bad"], bold=True),
            "cursor": Style(color=colors["cursor_fg"], bgcolor=colors["cursor_bg"]),
            "cursor_blurred": Style(bgcolor=colors["panel"], underline=True),
        }
    )
