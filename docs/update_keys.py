# ruff: noqa: INP001 - a small tool, no package
"""Write docs/reference/keys.md anew from the console's registry of actions."""

from __future__ import annotations

from pathlib import Path

from foundry_tui.console.key_page import key_page

PAGE = Path(__file__).resolve().parent / "reference" / "keys.md"

if __name__ == "__main__":
    PAGE.write_text(key_page(), encoding="utf-8")
