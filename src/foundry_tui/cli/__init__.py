"""The front door: opens the console, runs headless, or does one verb.

Nothing is imported here before it is needed: spawned children of a run pass through this module too.
"""

from __future__ import annotations


def main() -> int:
    """Run ``foundry-tui`` with the process's own arguments and return its exit code."""
    from foundry_tui.cli.door import enter

    return enter()
