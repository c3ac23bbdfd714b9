"""Run a program that ends with its parent: ``python -I -S tether.py PROGRAM [ARGUMENT …]``.

Linux keeps the parent-death signal across exec, so a program that knows nothing of it can be tied to ours. Elsewhere
the program is simply run: it ends when its text is spoken.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the program."""
    parent = os.getppid()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the arguments are the engine's own


if __name__ == "__main__":
    main()
