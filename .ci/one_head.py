"""Fail where the migrations do not end in exactly one head: two would mean that an upgrade has to guess."""

from __future__ import annotations

import sys
from pathlib import Path

from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).resolve().parent.parent / "src" / "foundry_tui" / "store" / "migrations"


def main() -> int:
    """0 where there is one head; else say which there are."""
    heads = ScriptDirectory(str(MIGRATIONS)).get_heads()
    if len(heads) == 1:
        sys.stdout.write(f"One migration head: {heads[0]}\n")
        return 0
    sys.stderr.write(f"There must be one migration head, not {len(heads)}: {', '.join(heads) or 'none'}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
