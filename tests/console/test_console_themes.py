"""Status is told by glyph, word and colour, in that order; every colour can be read."""

from __future__ import annotations

import pytest
from console_driver import screen_text, until

from fakes import console_home as home_of
from foundry_tui.console.glyphs import GAPS, HELD, NO_ROOM, RETRY, STATUS, bar, waveform
from foundry_tui.console.themes import COLORS, STYLES, THEMES, styles_of


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", COLORS)
def test_every_text_can_be_read_on_its_ground(name: str) -> None:
    colors = COLORS[name]
    for style in ("fg", "dim", "ok", "busy", "bad", "warn", "off", "accent"):
        for ground in ("bg", "surface", "panel"):
            assert contrast(colors[style], colors[ground]) >= 4.5, (style, ground)
    assert contrast(colors["cursor_fg"], colors["cursor_bg"]) >= 4.5
    assert contrast(colors["line"], colors["bg"]) >= 1.5


def test_the_deuteranopia_theme_has_no_red_and_no_green() -> None:
    for color in COLORS["deuteranopia"].values():
        red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
        assert not (green > red + 40 and green > blue + 40), f"{color} is green"
        assert not (red > green + 100 and red > blue + 100 and green < 120), f"{color} is red"


def test_every_theme_has_every_style() -> None:
    for name in THEMES:
        assert set(STYLES) <= styles_of(name).keys()


def test_states_differ_without_colour_and_without_unicode() -> None:
    signs = [*STATUS.values(), HELD, RETRY, NO_ROOM, GAPS]
    assert len({sign.glyph for sign in signs}) == len(signs)
    assert len({sign.ascii for sign in signs}) == len(signs)
    assert len({sign.word for sign in signs}) == len(signs)
    assert all(sign.ascii.isascii() for sign in signs)


def test_a_waveform_fits_its_width_and_keeps_its_peaks() -> None:
    assert len(waveform([0.0, 1.0, 0.5], 30)) == 30
    assert waveform([0.0] * 100 + [1.0] + [0.0] * 100, 10).count("█") == 1
    assert waveform([], 10) == ""
    assert bar(1, 2, 10).count("━") == 5


@pytest.mark.parametrize("theme", THEMES)
async def test_every_theme_paints_the_same_words(open_console, settings, theme):
    home_of.a_working_day(settings.home)
    async with open_console(theme=theme, size=(100, 30)) as pilot:
        await until(pilot, lambda: "▶ working" in screen_text(pilot.app))
        assert pilot.app.theme == theme
        await pilot.press("question_mark")
        await until(pilot, lambda: "Everywhere" in pilot.app.screen.plain_text())
