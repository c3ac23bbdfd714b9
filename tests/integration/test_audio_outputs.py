"""The other outputs of a book: MP3 set with its certificate, read-along EPUB, sample."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import av
import numpy as np
import pytest
from PIL import Image

from fakes.sounds import speech, take_sound
from foundry_tui.audio.acx_certificate import acx_certificate
from foundry_tui.audio.book_stream import write_stream
from foundry_tui.audio.chapter_packets import ChapterJob
from foundry_tui.audio.layout import ChapterSound, plan_chapter, stack
from foundry_tui.audio.loudness import chapter_loudness, gain_for
from foundry_tui.audio.master import master
from foundry_tui.audio.measure import measure
from foundry_tui.audio.mp3 import write_mp3_chapter
from foundry_tui.audio.overlay_epub import SpokenChapter, write_overlay_epub
from foundry_tui.audio.plan_cuts import sample_of
from foundry_tui.audio.profiles import PROFILES
from foundry_tui.audio.tags import BookTags
from foundry_tui.audio.take_file import read_take
from foundry_tui.domain.chapters import Chunk
from foundry_tui.errors import ArtifactBroken, AudioError, UsageError

ACX = PROFILES["acx"]
RATE = 24_000
TAGS = BookTags("A <Book> & more", "An Author", "A Narrator", "deu")
TEXTS = ["CHAPTER & VERSE", "He said: “Go!” <b>Then</b> he went. \x1b[2J", "Roses are red,", "and so it ends."]
KINDS = ["heading", "prose", "verse", "prose"]


class Set:
    def __init__(self, folder):
        self.folder = folder
        self.chunks = [
            Chunk(index, text, kind, 400, (index, index))
            for index, (text, kind) in enumerate(zip(TEXTS, KINDS, strict=True), 1)
        ]
        self.jobs, self.files = [], []
        for number in (1, 2, 3):
            takes = tuple(
                take_sound(folder / str(number), index, speech(2 + index, RATE, seed=10 * number + index), RATE)
                for index in range(1, 5)
            )
            plan = plan_chapter(ChapterSound(number, f"Chapter <{number}>", takes), RATE, ACX)
            gain = gain_for(
                chapter_loudness(plan, [measure(read_take(take.path), RATE) for take in plan.takes], ACX), ACX
            )
            job = ChapterJob("book", plan, gain.gain_db, ACX, folder / "unused")
            self.jobs.append(job)
            self.files.append(write_mp3_chapter(job, TAGS, None, folder / f"{number}.mp3", track=number, tracks=3).path)
        self.timing = stack([job.plan for job in self.jobs])


@pytest.fixture(scope="module")
def mp3s(tmp_path_factory):
    return Set(tmp_path_factory.mktemp("mp3s"))


def failed(report):
    return {finding.name for finding in report.failures}


def test_a_mastered_set_passes_every_clause(mp3s):
    report = acx_certificate(mp3s.files)
    assert report.passed, report.to_markdown()
    assert {finding.name for finding in report.findings} >= {
        "rms",
        "peak",
        "noise_floor",
        "head",
        "tail",
        "bit_rate",
        "sample_rate",
        "channels",
        "length",
    }
    assert [row["kbps"] for row in report.chapters] == ["192"] * 3


@pytest.mark.parametrize(
    ("change", "clauses"),
    [
        ({"gain_db": -14.0}, {"rms"}),
        ({"gain_db": 12.0, "profile": replace(ACX, ceiling_db=-0.5)}, {"rms", "peak"}),
        ({"profile": replace(ACX, tone_db=-50.0)}, {"noise_floor", "head", "tail"}),
    ],
)
def test_each_clause_fails_where_it_is_missed(mp3s, tmp_path, change, clauses):
    bad = write_mp3_chapter(replace(mp3s.jobs[1], **change), TAGS, None, tmp_path / "bad.mp3").path
    report = acx_certificate([mp3s.files[0], bad])
    assert clauses <= failed(report)
    missed = {finding.name: finding.sentence for finding in report.failures}
    assert all("bad.mp3" in missed[name] and "1.mp3" not in missed[name] for name in clauses)


def test_head_and_tail_are_measured(mp3s, tmp_path):
    tight = replace(ACX, head_ms=200, tail_ms=600)
    takes = tuple(take_sound(tmp_path, index, speech(4, RATE, seed=index), RATE) for index in (1, 2))
    job = ChapterJob("book", plan_chapter(ChapterSound(1, "Tight", takes), RATE, tight), -1.0, tight, tmp_path / "x")
    report = acx_certificate([write_mp3_chapter(job, TAGS, None, tmp_path / "tight.mp3").path])
    assert failed(report) == {"head", "tail"}
    assert report.chapters[0]["head_s"] == pytest.approx(0.25, abs=0.06)


def test_other_kinds_of_files_are_told(mp3s, tmp_path):
    path = tmp_path / "low.mp3"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=48_000, layout="stereo")
        stream.bit_rate = 128_000
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1152), dtype=np.float32), format="fltp", layout="stereo")
        silence.sample_rate = 48_000
        for number in range(100):
            silence.pts = number * 1152
            container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    (tmp_path / "no.mp3").write_bytes(b"this is no sound")
    report = acx_certificate([mp3s.files[0], path, tmp_path / "no.mp3"])
    assert {"readable", "bit_rate", "sample_rate", "channels", "rms"} <= failed(report)
    assert acx_certificate([]).passed is False


def test_a_retail_sample_is_a_file_like_any_other(mp3s, tmp_path):
    job = replace(mp3s.jobs[0], plan=sample_of(mp3s.jobs[0].plan, ACX, 15))
    file = write_mp3_chapter(job, TAGS, None, tmp_path / "sample.mp3")
    assert file.samples / file.sample_rate <= 15.1
    assert acx_certificate([file.path]).passed


@pytest.mark.parametrize(("kind", "rate"), [("opus", 48_000), ("flac", 24_000)])
def test_a_book_in_one_stream_is_exact_and_marked(mp3s, tmp_path, kind, rate):
    file = write_stream(tmp_path / f"book.{kind}", kind, mp3s.jobs, mp3s.timing, TAGS)
    with av.open(str(file.path)) as container:
        marks = [(mark["start"] * mark["time_base"], mark["metadata"]["title"]) for mark in container.chapters()]
        tags = {**container.metadata, **container.streams.audio[0].metadata}
        sound = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    assert len(sound) == mp3s.timing.samples * rate // RATE
    for (start, title), chapter in zip(marks, mp3s.timing.chapters, strict=True):
        assert float(start) == pytest.approx(chapter.start / RATE, abs=0.001)
        assert title == chapter.title
    assert (tags["title"], tags["artist"], tags["performer"]) == (TAGS.title, TAGS.author, TAGS.narrator)
    if kind == "flac":
        mastered = np.concatenate(
            [block for job in mp3s.jobs for block in master(job.plan, book_id="book", gain_db=job.gain_db, profile=ACX)]
        )
        assert np.abs(sound / 32767.0 - mastered).max() < 2e-5


def test_an_unknown_stream_is_a_usage_error_and_a_broken_take_leaves_nothing(mp3s, tmp_path):
    with pytest.raises(UsageError, match="opus, flac"):
        write_stream(tmp_path / "a.wma", "wma", mp3s.jobs, mp3s.timing, TAGS)
    take = mp3s.jobs[0].plan.takes[0]
    plan = replace(mp3s.jobs[0].plan, takes=(replace(take, sha256="0" * 64),))
    with pytest.raises(ArtifactBroken):
        write_stream(tmp_path / "a.flac", "flac", [replace(mp3s.jobs[0], plan=plan)], mp3s.timing, TAGS)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def epub(mp3s):
    picture = io.BytesIO()
    Image.new("RGB", (100, 100)).save(picture, "JPEG")
    spoken = [
        SpokenChapter(placed, mp3s.chunks, audio)
        for placed, audio in zip(mp3s.timing.chapters, mp3s.files, strict=True)
    ]
    path = mp3s.folder / "book.epub"
    return write_overlay_epub(path, spoken, RATE, TAGS, picture.getvalue(), modified=datetime(2026, 1, 2, tzinfo=UTC))


def test_the_overlays_clips_fill_each_chapter_in_order_and_name_what_exists(mp3s, epub):
    with zipfile.ZipFile(epub) as book:
        assert book.namelist()[0] == "mimetype"
        assert book.getinfo("mimetype").compress_type == zipfile.ZIP_STORED
        for chapter in mp3s.timing.chapters:
            name = f"OEBPS/chapter_{chapter.number:03d}"
            smil = ET.fromstring(book.read(f"{name}.smil"))
            page = ET.fromstring(book.read(f"{name}.xhtml"))
            ids = {element.get("id") for element in page.iter() if element.get("id")}
            clips = list(smil.iter("{http://www.w3.org/ns/SMIL}audio"))
            texts = [element.get("src").partition("#")[2] for element in smil.iter("{http://www.w3.org/ns/SMIL}text")]
            assert len(texts) == len(set(texts)) == 6
            assert set(texts) <= ids
            begins = [float(clip.get("clipBegin")[:-1]) for clip in clips]
            ends = [float(clip.get("clipEnd")[:-1]) for clip in clips]
            assert begins[0] == 0
            assert begins[1:] == ends[:-1]
            assert ends[-1] == pytest.approx((chapter.end - chapter.start) / RATE, abs=0.001)
            assert all(clip.get("src") == f"audio/chapter_{chapter.number:03d}.mp3" for clip in clips)
            assert "".join(page.itertext()).split()[-4:] == ["and", "so", "it", "ends."]


def test_durations_add_up(mp3s, epub):
    with zipfile.ZipFile(epub) as book:
        package = ET.fromstring(book.read("OEBPS/package.opf"))
    durations = {
        meta.get("refines"): float(meta.text[:-1])
        for meta in package.iter("{http://www.idpf.org/2007/opf}meta")
        if meta.get("property") == "media:duration"
    }
    total = durations.pop(None)
    assert len(durations) == 3
    assert total == pytest.approx(sum(durations.values()), abs=1e-6)
    assert total == pytest.approx(mp3s.timing.samples / RATE, abs=0.003)


def test_epubcheck_accepts_it(epub):
    tool, java = shutil.which("epubcheck"), shutil.which("java")
    if tool is None or java is None:
        pytest.skip("epubcheck is not installed: apt-get install epubcheck")
    jar = Path(tool).resolve()  # Debian installs the archive itself, which needs binfmt to run
    command = (
        [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", str(jar)] if jar.suffix == ".jar" else [tool]
    )
    run = subprocess.run([*command, str(epub)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 fatals / 0 errors / 0 warnings" in run.stdout + run.stderr


def test_audio_an_epub_cannot_carry_is_refused(mp3s, tmp_path):
    spoken = [SpokenChapter(mp3s.timing.chapters[0], mp3s.chunks, tmp_path / "a.flac")]
    with pytest.raises(AudioError, match=r"a\.flac"):
        write_overlay_epub(tmp_path / "b.epub", spoken, RATE, TAGS)
    assert not list(tmp_path.iterdir())
