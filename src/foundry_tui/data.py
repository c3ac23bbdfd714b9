"""Where the files that come with Foundry lie: in the wheel beside the code, in a checkout at its top."""

from __future__ import annotations

from pathlib import Path

from foundry_tui.errors import NotFound

_PACKAGE = Path(__file__).parent
_PACKED = _PACKAGE / "_data"
_CHECKOUT = _PACKAGE.parent.parent
SAMPLE_BOOK = "tin_kettle"


def seeds_folder() -> Path:
    """The folder of books.toml and narrators.toml."""
    return _folder("seeds")


def sample_folder() -> Path:
    """The folder of the sample book, as it goes into <home>/foundry/."""
    return _folder(f"foundry/{SAMPLE_BOOK}")


def _folder(name: str) -> Path:
    for top in (_PACKED, _CHECKOUT):
        if (top / name).is_dir():
            return top / name
    raise NotFound(f"This installation has lost its {name}.", next_action="Install foundry-tui again.")
