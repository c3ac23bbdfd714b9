"""The console with a large home, in a real pseudo-terminal; prints one JSON object.

    python benchmarks/console.py [--books 100000] [--productions 10000] [--events 100000] [--workers 8]

Rows (the bars are those of the design):
  first_paint   CPU until the frame is painted, over the CPU of importing textual.app and textual.widgets   bar 3.0
  panes_full_s  wall from exec until every pane shows its rows                                              bar 2.0
  keys_busy     milliseconds from a key to the first byte of its echo, workers running: p50, p95            bar 50
  idle          bytes a second and CPU, 10 s without a key                                                  bar 0
  busy          bytes a second and CPU while the workers run, with and without --low-bandwidth
  memory_mb     resident after the events have been read along
CPU figures and bytes stand on a busy machine; the wall figures want an idle one: see ``load_before``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fakes import console_home as home_of
from fakes.terminal import Terminal

SIZE = (140, 40)
_IMPORT = "import time, textual.app, textual.widgets; print(time.process_time())"
# The console itself, telling a file when the frame is painted and when the panes are full; the workers' steps are
# stand-ins that report progress a hundred times a second each.
_CONSOLE = """
import asyncio, json, sys, time
from pathlib import Path
began = time.time()
from foundry_tui.console import app as module
from foundry_tui.settings import load_settings
home, marks, workers, low = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "low"
told = {}

def mark(name):
    told[name] = {"cpu_s": time.process_time(), "wall_s": time.time() - float(sys.argv[5])}
    marks.write_text(json.dumps(told))

class Probe:
    opened = module.ConsoleApp._open_house
    def __call__(self, app):
        mark("painted")
        Probe.opened(app)
module.ConsoleApp._open_house = lambda app, probe=Probe(): probe(app)

if workers:
    sys.path.insert(0, sys.argv[6])
    from fakes.recipes import FakeStep, recipe
    from foundry_tui.foundry import Foundry
    from foundry_tui.pipeline.contract import Progress
    import foundry_tui.console.inner as inner
    async def chunks(context):
        for done in range(1_000_000):
            context.checkpoint()
            context.progress(Progress(done % 960, 960, "chunks", done * 5.0))
            await asyncio.sleep(0.01)
    Foundry.recipes = {"audiobook": recipe(FakeStep(work=chunks))}
    inner._import_steps = lambda: None

look = module.ConsoleApp.look
async def watched(app):
    await look(app)
    for pane in app.panes:
        await pane.settled()
    if "full" not in told and all(pane.loaded for pane in app.panes):
        mark("full")
module.ConsoleApp.look = watched
from foundry_tui.console.opening import run
sys.exit(run(load_settings(home=home), workers=workers, low_bandwidth=low))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    for name, default in (("books", 100_000), ("productions", 10_000), ("events", 100_000), ("workers", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = home_of.make_template(Path(folder) / "home")
        fill(home, told.books, told.productions)
        figures: dict[str, object] = {"benchmark": "console", "load_before": round(os.getloadavg()[0], 1), **vars(told)}
        imports = min(
            float(subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True).stdout)
            for _ in range(3)
        )
        figures |= quiet(home, imports, told.events)
        figures["busy"] = busy(home, told.workers, low=False)
        figures["busy_low_bandwidth"] = busy(home, told.workers, low=True)
        print(json.dumps(figures))


def fill(home: Path, books: int, productions: int) -> None:
    """A large home; every production waits, none is begun."""
    home_of.add_books(home, books)
    home_of.add_narrators(home)
    with home_of.tables(home) as connection:
        connection.executemany(
            "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language, status)"
            " VALUES (?, ?, 'amber', 'eng', 'cancelled')",
            ((home_of.stamp(n), f"book_{n % books}") for n in range(productions)),
        )
    connection.close()


def console(home: Path, workers: int, mode: str) -> tuple[Terminal, Path]:
    """A console in a pseudo-terminal, and the file it marks its moments in."""
    marks = home.parent / f"marks_{mode}_{workers}.json"
    marks.unlink(missing_ok=True)
    tests = str(Path(__file__).resolve().parent.parent / "tests")
    command = [sys.executable, "-c", _CONSOLE, str(home), str(marks), str(workers), mode, str(time.time()), tests]
    return Terminal(command, size=SIZE, env={"FOUNDRY_SOUND": "off"}), marks


def until_marked(terminal: Terminal, marks: Path, name: str) -> dict[str, float]:
    """What was noted at that moment."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        terminal.read_for(0.05)
        if marks.exists():
            try:
                found = json.loads(marks.read_text() or "{}")
            except ValueError:
                continue
            if name in found:
                return dict(found[name])
    raise TimeoutError(terminal.seen[-2000:])


def quiet(home: Path, imports: float, events: int) -> dict[str, object]:
    """Start, silence, and the memory after a flood of events."""
    terminal, marks = console(home, 0, "full")
    with terminal:
        painted = until_marked(terminal, marks, "painted")
        full = until_marked(terminal, marks, "full")
        terminal.quiet_for(2.0)
        process = psutil.Process(terminal.process.pid)
        before, at = sum(process.cpu_times()[:2]), time.monotonic()
        idle = len(terminal.read_for(10.0)) / 10
        idle_cpu = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - at)
        rss = process.memory_info().rss / 1e6
        home_of.add_events(home, None, [("info", f"event {n}") for n in range(events)])
        terminal.quiet_for(3.0, patience=300)
        flooded = process.memory_info().rss / 1e6
        terminal.type("q")
        terminal.ends()
    return {
        "import_cpu_s": round(imports, 3),
        "first_paint": {"cpu_s": round(painted["cpu_s"], 3), "ratio": round(painted["cpu_s"] / imports, 2), "bar": 3.0},
        "panes_full_s": {"wall": round(full["wall_s"], 2), "cpu": round(full["cpu_s"], 2), "bar": 2.0},
        "idle": {"bytes_per_s": idle, "cpu_percent": round(100 * idle_cpu, 2), "bar": 0},
        "memory_mb": {"before": round(rss), "after_events": round(flooded)},
    }


def busy(home: Path, workers: int, *, low: bool) -> dict[str, object]:
    """Keys, bytes and CPU while workers report progress."""
    with home_of.tables(home) as connection:
        connection.execute("UPDATE audiobook_productions SET status = 'pending' WHERE audiobook_id < ?",
                           (home_of.stamp(workers),))  # fmt: skip
    connection.close()
    terminal, marks = console(home, workers, "low" if low else "full")
    with terminal:
        until_marked(terminal, marks, "full")
        terminal.wait_for(b"/960", 60)
        process = psutil.Process(terminal.process.pid)
        before, at = sum(process.cpu_times()[:2]), time.monotonic()
        came = 0
        while time.monotonic() - at < 10:
            came += len(terminal.read_for(0.5))
        seconds = time.monotonic() - at
        cpu = (sum(process.cpu_times()[:2]) - before) / seconds
        echoes = [echo_ms(terminal, key) for _ in range(100) for key in "jk"]
        terminal.process.terminate()
        terminal.ends(40)
    return {
        "bytes_per_s": round(came / seconds),
        "cpu_percent": round(100 * cpu, 1),
        "keys_busy": {
            "p50_ms": round(statistics.median(echoes), 1),
            "p95_ms": round(statistics.quantiles(echoes, n=20)[18], 1),
            "bar": 50,
        },
    }


def echo_ms(terminal: Terminal, key: str) -> float:
    """From a key to the cursor's mark being drawn again; progress that comes in between does not count."""
    terminal.read_for(0.02)
    begun = time.perf_counter()
    terminal.type(key)
    seen = b""
    while "›".encode() not in seen and time.perf_counter() - begun < 5:
        seen += terminal.read_for(0.002)
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
