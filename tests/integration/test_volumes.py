"""A book too long for one M4B: volumes by default, one file when asked; bounded memory at sixty hours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from mutagen.mp4 import MP4

from fakes.house import MADE, House, open_house, page
from fakes.press import marks
from foundry_tui.audio import plan_cuts
from foundry_tui.audio.mp4_marks import quicktime_marks
from foundry_tui.domain.timing import PlacedChapter, TimingTable
from foundry_tui.steps import final_compilation
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.store.tables import audiobook_productions

HOUR = 3600


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuPool]:
    pool = CpuPool(1)
    yield pool
    pool.close()


@pytest.fixture
async def house(tmp_path: Path, cpu: CpuPool) -> AsyncIterator[House]:
    async with open_house(tmp_path, cpu, text=page(chapters=4, sentences=1)) as opened:
        yield opened


def _two(timing: TimingTable) -> float:
    """Seconds that two chapters just fit into."""
    return max(timing.seconds(last.end - first.start) for first, last in pairwise(timing.chapters)) + 0.01


async def test_volumes_of_whole_chapters_are_one_book_in_the_library(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(final_compilation, "volumes", lambda timing: plan_cuts.volumes(timing, _two(timing)))
    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.update().values(options={"editions": ["srt", "epub"]}))
    assert (await house.run()).outcomes == {MADE: "finished"}

    files = sorted(house.home.glob("library/*/*/*.m4b"))
    assert [path.name for path in files] == ["small_volume_1.m4b", "small_volume_2.m4b"]
    assert [[title for title, _, _ in marks(path)] for path in files] == [
        ["Chapter 1", "Chapter 2"],
        ["Chapter 3", "Chapter 4"],
    ]
    for number, path in enumerate(files, start=1):
        tags = MP4(path).tags
        assert tags["\xa9nam"] == [f"A Small Book ({number}/2)"]
        assert tags["\xa9alb"] == ["A Small Book"]
        assert tags["disk"] == [(number, 2)]
    folder = files[0].parent
    subtitles = [(folder / f"small_volume_{number}.srt").read_text() for number in (1, 2)]
    assert all(text.startswith("1\n00:00:00,") for text in subtitles)
    assert "chapter three" in subtitles[1]
    assert (folder / "small.epub").is_file()
    sidecar = json.loads((folder / "metadata.json").read_text())
    assert [chapter["title"] for chapter in sidecar["chapters"]] == [f"Chapter {number}" for number in range(1, 5)]
    assert sidecar["chapters"][2]["start"] > sidecar["chapters"][1]["start"]

    async with house.database.write() as connection:
        await connection.execute(audiobook_productions.update().values(options={"one_file": True}))
    await house.requeue("STEP5_final_compilation")
    assert (await house.run()).outcomes == {MADE: "finished"}
    assert house.m4b.name == "small.m4b"
    assert len(marks(house.m4b)) == 4


@pytest.mark.parametrize(("rate", "hours"), [(24_000, 48.0), (44_100, 26.0), (16_000, 49.0)])
def test_no_volume_outruns_the_clock(rate: int, hours: float) -> None:
    length = HOUR * rate // 2
    timing = TimingTable(
        rate, tuple(PlacedChapter(n, "", (n - 1) * length, n * length, ()) for n in range(1, 60 * 2 + 1))
    )
    cut = plan_cuts.volumes(timing)
    longest = max(volume.timing.samples for volume in cut)
    assert longest < 1 << 32
    assert longest == pytest.approx(hours * HOUR * rate, abs=length)
    assert sum(len(volume.timing.chapters) for volume in cut) == 120


_LONG_BOOK = """
import json, resource, sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from fakes.sounds import speech, take_sound
from foundry_tui.audio.assemble import write_m4b
from foundry_tui.audio.chapter_packets import ChapterJob, code_chapter
from foundry_tui.audio.layout import ChapterSound, plan_chapter, stack
from foundry_tui.audio.plan_cuts import Volume, volumes
from foundry_tui.audio.profiles import PROFILES
from foundry_tui.audio.tags import BookTags
from foundry_tui.audio.verify import Expected, verify_m4b

folder, rate, profile = Path(sys.argv[1]), 24_000, PROFILES["r128"]
sounds = [take_sound(folder, index, speech(30, rate, seed=index), rate) for index in range(1, 4)]
takes = tuple(replace(take, chunk_index=index) for index, take in enumerate(sounds * 6, start=1))
plan = plan_chapter(ChapterSound(1, "", takes), rate, profile)
coded = code_chapter(ChapterJob("book", plan, -4.0, profile, folder / "one.packets"))
count = -(-60 * 3600 * rate // plan.samples)
timing = stack([replace(plan, number=number, title=f"Chapter {number}") for number in range(1, count + 1)])
cut = (Volume(1, 0, count - 1, timing),) if sys.argv[3] == "one" else volumes(timing)
facts = []
for volume in cut:
    parts = [replace(coded, number=chapter.number) for chapter in volume.timing.chapters]
    path = folder / f"{volume.number}.m4b"
    tags = BookTags(f"Long ({volume.number}/{len(cut)})", volume=(volume.number, len(cut)))
    write_m4b(path, parts, volume.timing, tags, None)
    muxed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    report = verify_m4b(path, Expected(volume.timing, tags, profile))
    facts.append({
        "path": str(path), "samples": volume.timing.samples, "mux_mb": muxed,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "failures": [finding.sentence for finding in report.failures],
        "starts": [chapter.start for chapter in volume.timing.chapters],
    })
print(json.dumps(facts))
"""


@pytest.mark.torture
@pytest.mark.parametrize(("how", "files", "most_mb"), [("volumes", 2, 600), ("one", 1, 700)])
def test_sixty_hours_are_right_and_bounded(tmp_path: Path, how: str, files: int, most_mb: float) -> None:
    tests = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", _LONG_BOOK, str(tmp_path), str(tests), how]
    run = subprocess.run(command, capture_output=True, text=True, timeout=3000, check=False)
    assert run.returncode == 0, run.stderr
    facts = json.loads(run.stdout)
    assert len(facts) == files
    assert sum(fact["samples"] for fact in facts) > 60 * HOUR * 24_000 - 1
    for fact in facts:
        assert fact["failures"] == []
        assert fact["mb"] < most_mb, fact["mb"]
        own = quicktime_marks(Path(fact["path"]))
        read = subprocess.run(
            [shutil.which("ffprobe") or "ffprobe", "-v", "error", "-show_chapters", "-of", "json", fact["path"]],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        probed = json.loads(read.stdout)["chapters"]
        starts = fact["starts"]
        assert len(own) == len(probed) == len(starts)
        for place in (0, 49, 254, 255, len(starts) - 1):
            if place < len(starts):
                wanted = Fraction(starts[place], 24_000)
                assert abs(own[place].start_s - wanted) <= Fraction(1, 1000)
                assert abs(Fraction(probed[place]["start_time"]) - wanted) <= Fraction(1, 1000)
