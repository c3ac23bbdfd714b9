"""``python -m foundry_tui`` is ``foundry-tui``."""

import sys

from foundry_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
