"""From takes to a finished M4B and MP3: exact to the sample, the same in every process, and every fault seen."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import struct
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from PIL import Image

from fakes.sounds import chapter_sound, speech, take_sound
from foundry_tui.audio import assemble, chapter_packets
from foundry_tui.audio.assemble import write_m4b
from foundry_tui.audio.chapter_packets import ChapterJob, code_chapter, code_part, join_parts, open_chapter, parts_of
from foundry_tui.audio.layout import ChapterPlan, ChapterSound, PlacedTake, lay_out, plan_chapter, stack
from foundry_tui.audio.listen import listen, spans
from foundry_tui.audio.loudness import chapter_loudness, gain_for
from foundry_tui.audio.master import master
from foundry_tui.audio.measure import measure
from foundry_tui.audio.mp3 import write_mp3_chapter
from foundry_tui.audio.mp4_atoms import top_atoms
from foundry_tui.audio.mp4_marks import nero_marks, quicktime_marks
from foundry_tui.audio.profiles import PROFILES
from foundry_tui.audio.sound_meter import SoundMeter
from foundry_tui.audio.tags import BookTags, mark_title
from foundry_tui.audio.take_file import read_take
from foundry_tui.audio.verify import Expected, verify_m4b
from foundry_tui.errors import ArtifactBroken, AudioError, DiskFull, WriteFailed

ACX = PROFILES["acx"]
RATE = 24_000
TITLES = ["Down the Rabbit-Hole", "[/x]\x1b[2J../../etc\n", "😀 " * 100, "", "Ünïcödé, 吾輩は猫である"]
TAGS = BookTags(
    "A Book [bold]",
    "An Author",
    "A Narrator",
    "eng",
    year="1876",
    description="First line.\nSecond.",
    series="The Series",
    series_part="2.5",
)


@pytest.fixture(scope="module")
def cover():
    picture = io.BytesIO()
    Image.new("RGB", (300, 300), (120, 40, 10)).save(picture, "JPEG")
    return picture.getvalue()


@pytest.fixture(scope="module")
def book(tmp_path_factory, cover):
    """Five chapters of very different lengths, one chunk in the shortest, one from another engine's rate."""
    return Book(tmp_path_factory.mktemp("book"), cover)


class Book:
    def __init__(self, folder, cover):
        lengths = [[4.1, 7.3, 5.2], [0.8], [6.0, 6.5], [9.9, 3.3, 2.2, 4.4], [5.0, 5.5]]
        self.folder, self.cover = folder, cover
        sounds = [
            chapter_sound(folder, number, seconds, title=TITLES[number - 1])
            for number, seconds in enumerate(lengths, 1)
        ]
        other = take_sound(folder, 99, speech(3.21, 22_050, seed=99), 22_050)
        sounds[2] = replace(sounds[2], takes=(*sounds[2].takes, other))
        self.sounds = sounds
        self.plans = [plan_chapter(sound, RATE, ACX) for sound in sounds]
        self.timing = stack(self.plans)
        self.jobs = [job_for(plan, folder / f"chapter_{plan.number}.aac") for plan in self.plans]
        self.coded = [code_chapter(job) for job in self.jobs]
        self.expected = Expected(self.timing, TAGS, ACX, cover)
        self.file = write_m4b(folder / "book.m4b", self.coded, self.timing, TAGS, cover)
        self.mastered = np.concatenate([mastered(job) for job in self.jobs])
        self.decoded = decode(self.file.path)


def job_for(plan, out):
    measures = [measure(read_take(take.path), take.source_rate) for take in plan.takes]
    gain = gain_for(chapter_loudness(plan, measures, ACX), ACX)
    return ChapterJob("book", plan, gain.gain_db, ACX, out)


def mastered(job):
    return np.concatenate(list(master(job.plan, book_id=job.book_id, gain_db=job.gain_db, profile=job.profile)))


def decode(path):
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def lag(found, wanted, reach=2000):
    """Samples by which ``found`` lies behind ``wanted``, by cross-correlation."""
    size = 1 << 15
    spectrum = np.fft.rfft(found, size) * np.conj(np.fft.rfft(wanted, size))
    correlation = np.fft.irfft(spectrum, size)
    lags = np.concatenate([correlation[:reach], correlation[-reach:]])
    best = int(np.argmax(lags))
    return best if best < reach else best - 2 * reach


def test_the_file_decodes_to_exactly_the_samples_laid_out(book):
    assert len(book.decoded) == book.timing.samples == book.file.samples == len(book.mastered)


def test_no_chunk_anywhere_lies_a_single_sample_off(book):
    for chapter in book.timing.chapters:
        for chunk in chapter.chunks:
            stretch = slice(chunk.start, min(chunk.end, chunk.start + 12_000))
            assert lag(book.decoded[stretch], book.mastered[stretch]) == 0, (chapter.number, chunk.chunk_index)


def test_the_splices_sound_no_worse_than_the_rest(book):
    error = book.decoded - book.mastered
    assert 10 * np.log10(np.mean(book.mastered**2) / np.mean(error**2)) > 20
    for chapter in book.timing.chapters[1:]:
        seam = slice(chapter.start - 1024, chapter.start + 1024)
        assert np.abs(error[seam]).max() < 1e-3


def test_levels_of_the_coded_sound_are_the_levels_measured_before(book):
    for chapter, coded in zip(book.timing.chapters, book.coded, strict=True):
        meter = SoundMeter(RATE)
        meter.add(book.decoded[chapter.start : chapter.end])
        assert meter.levels()["rms_db"] == pytest.approx(coded.levels["rms_db"], abs=0.3)
        assert meter.levels()["peak_db"] == pytest.approx(coded.levels["peak_db"], abs=1.5)


def test_the_index_lies_before_the_sound_and_the_brand_is_an_audiobooks(book):
    with book.file.path.open("rb") as file:
        assert [atom.kind for atom in top_atoms(file)] == [b"ftyp", b"moov", b"mdat"]
    data = book.file.path.read_bytes()
    assert data[8:12] == b"M4B "
    assert hashlib.sha256(data).hexdigest() == book.file.sha256
    assert len(data) == book.file.size_bytes


def test_tags_read_back(book, cover):
    tags = MP4(book.file.path).tags
    assert tags["\xa9nam"] == ["A Book [bold]"]
    assert tags["\xa9ART"] == tags["aART"] == ["An Author"]
    assert tags["\xa9wrt"] == tags["\xa9nrt"] == ["A Narrator"]
    assert tags["desc"] == ["First line.\nSecond."]
    assert bytes(tags["----:com.apple.iTunes:SERIES-PART"][0]) == b"2.5"
    assert (tags["stik"], tags["covr"]) == ([2], [cover])
    with av.open(str(book.file.path)) as container:
        assert container.streams.audio[0].language == "eng"


@pytest.mark.parametrize("pieces", [2, 3, 50])
def test_a_file_heard_in_pieces_is_judged_as_in_one_go(book, pieces):
    shared = spans(book.timing, pieces)
    assert [place for span in shared for place in range(*span)] == list(range(len(book.timing.chapters)))
    assert 1 < len(shared) <= pieces
    heard = [listen(book.file.path, book.timing, span) for span in shared]
    assert verify_m4b(book.file.path, book.expected, heard) == verify_m4b(book.file.path, book.expected)


def test_a_file_that_breaks_off_is_told_by_whoever_heard_it(book, tmp_path):
    data = book.file.path.read_bytes()
    file = tmp_path / "cut.m4b"
    file.write_bytes(data[: len(data) * 3 // 4])
    heard = [listen(file, book.timing, span) for span in spans(book.timing, 2)]
    assert not verify_m4b(file, book.expected, heard).passed
    assert not heard[0].error
    assert heard[1].error or heard[1].samples < book.timing.samples - heard[1].start


def test_the_finished_file_passes_every_check(book):
    report = verify_m4b(book.file.path, book.expected)
    assert report.passed, report.to_markdown()
    assert not report.warnings, report.to_markdown()
    names = {finding.name for finding in report.findings}
    assert {
        "length",
        "marks_quicktime",
        "marks_ffmpeg",
        "marks_nero",
        "tags",
        "cover",
        "loudness",
        "peak",
        "digital_zero",
    } <= names
    assert len(report.chapters) == 5


def test_the_same_takes_give_the_same_bytes_in_any_process(book, tmp_path):
    jobs = [replace(job, out_path=tmp_path / job.out_path.name) for job in reversed(book.jobs)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        coded = sorted(pool.map(code_chapter, jobs), key=lambda chapter: chapter.number)
    assert [chapter.sha256 for chapter in coded] == [chapter.sha256 for chapter in book.coded]
    again = write_m4b(tmp_path / "again.m4b", coded, book.timing, TAGS, book.cover)
    assert again.sha256 == book.file.sha256


def test_a_long_chapter_is_coded_in_parts_with_the_same_bytes_and_no_seam(book, tmp_path, monkeypatch):
    monkeypatch.setattr(chapter_packets, "_WHOLE_S", 8)
    monkeypatch.setattr(chapter_packets, "_PART_S", 5)
    job = replace(book.jobs[3], out_path=tmp_path / "parts.aac")
    parts = parts_of(job)
    assert len(parts) == 5
    assert [part.start for part in parts[1:]] == [part.end for part in parts[:-1]]
    assert all(part.start % 1024 == 0 for part in parts)
    for part in reversed(parts):
        code_part(part)
    joined = join_parts(job)
    alone = code_chapter(replace(job, out_path=tmp_path / "alone.aac"))
    assert (joined.sha256, joined.levels) == (alone.sha256, alone.levels)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["alone.aac", "parts.aac"]

    coded = [*book.coded[:3], joined, book.coded[4]]
    file = write_m4b(tmp_path / "parts.m4b", coded, book.timing, TAGS, None)
    error = decode(file.path) - book.mastered
    start = book.timing.chapters[3].start
    rest = np.sqrt(np.mean(error[start : book.timing.chapters[3].end] ** 2))
    for part in parts[1:]:
        seam = error[start + part.start - 2048 : start + part.start + 2048]
        assert np.sqrt(np.mean(seam**2)) < 3 * rest


def test_a_missing_or_broken_part_is_told_and_a_whole_one_is_not_coded_again(book, tmp_path, monkeypatch):
    monkeypatch.setattr(chapter_packets, "_WHOLE_S", 8)
    monkeypatch.setattr(chapter_packets, "_PART_S", 9)
    job = replace(book.jobs[3], out_path=tmp_path / "parts.aac")
    first, *others = parts_of(job)
    code_part(first)
    with pytest.raises(ArtifactBroken):
        join_parts(job)
    before = first.path.stat()
    for part in (first, *others):
        code_part(part)
    assert first.path.stat().st_ino == before.st_ino
    first.path.write_bytes(first.path.read_bytes()[:-1])
    code_part(first)
    assert join_parts(job).samples == job.plan.samples


def test_one_retaken_chunk_changes_one_chapter_alone(book, tmp_path):
    sounds = list(book.sounds)
    retake = take_sound(tmp_path, 1, speech(4.7, RATE, seed=777), RATE)
    sounds[3] = replace(sounds[3], takes=(retake, *sounds[3].takes[1:]))
    timing = lay_out(sounds, RATE, ACX)
    coded = list(book.coded)
    coded[3] = code_chapter(job_for(plan_chapter(sounds[3], RATE, ACX), tmp_path / "four.aac"))
    file = write_m4b(tmp_path / "retaken.m4b", coded, timing, TAGS, book.cover)
    assert verify_m4b(file.path, replace(book.expected, timing=timing)).passed
    sound = decode(file.path)
    before = timing.chapters[3].start
    assert np.array_equal(sound[: before - 1024], book.decoded[: before - 1024])
    assert np.array_equal(
        sound[timing.chapters[4].start + 1024 :], book.decoded[book.timing.chapters[4].start + 1024 :]
    )


def test_a_chapter_found_on_disk_is_the_one_that_was_coded(book):
    assert [open_chapter(job.out_path) for job in book.jobs] == book.coded


def test_key_parts_follow_the_sound_and_nothing_else(book, tmp_path):
    job = book.jobs[0]
    assert replace(job, out_path=tmp_path / "elsewhere").key_parts() == job.key_parts()
    assert replace(job, gain_db=job.gain_db + 0.1).key_parts() != job.key_parts()
    assert str(book.folder) not in str(job.key_parts())


@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_a_book_of_one_chapter_with_one_chunk(tmp_path, seconds):
    sound = ChapterSound(1, "Only", (take_sound(tmp_path, 1, speech(seconds, lead_s=0.02, tail_s=0.02), RATE),))
    plan = plan_chapter(sound, RATE, ACX)
    coded = [code_chapter(job_for(plan, tmp_path / "one.aac"))]
    file = write_m4b(tmp_path / "one.m4b", coded, stack([plan]), BookTags("Only"), None)
    report = verify_m4b(file.path, Expected(stack([plan]), BookTags("Only"), ACX))
    assert report.passed, report.to_markdown()


def test_four_hundred_marks_are_exact_to_the_millisecond_by_two_readers(tmp_path):
    chapters = 400
    sound = speech(0.5, 8_000, seed=1)
    take = take_sound(tmp_path, 1, sound, 8_000)
    base = plan_chapter(ChapterSound(1, "", (take,)), 8_000, ACX)
    placed = base.takes[0]
    plans = []
    for number in range(1, chapters + 1):  # every chapter of another length
        moved = PlacedTake(
            **{name: getattr(placed, name) for name in PlacedTake.__slots__} | {"start": placed.start + number % 7}
        )
        plans.append(ChapterPlan(number, f"Chapter {number} 😀", 8_000, base.samples + 1024 * (number % 5), (moved,)))
    timing = stack(plans)
    coded = {}
    for plan in plans:
        shape = (plan.samples, plan.takes[0].start)
        if shape not in coded:
            coded[shape] = code_chapter(
                ChapterJob("book", replace(plan, number=1), 0.0, ACX, tmp_path / f"{len(coded)}.aac")
            )
    parts = [replace(coded[plan.samples, plan.takes[0].start], number=plan.number) for plan in plans]
    file = write_m4b(tmp_path / "many.m4b", parts, timing, TAGS, None)

    own, nero = quicktime_marks(file.path), nero_marks(file.path)
    with av.open(str(file.path)) as container:
        by_ffmpeg = container.chapters()
    assert (len(own), len(by_ffmpeg), len(nero), len(MP4(file.path).chapters)) == (400, 400, 255, 255)
    for number in (1, 50, 255, 256, 400):
        wanted, title = Fraction(timing.chapters[number - 1].start, 8_000), f"Chapter {number} 😀"
        assert (own[number - 1].start_s, own[number - 1].title) == (wanted, title)
        mark = by_ffmpeg[number - 1]
        assert abs(mark["start"] * mark["time_base"] - wanted) <= Fraction(1, 1000)
        assert mark["metadata"]["title"] == title
        if number <= 255:
            assert abs(nero[number - 1].start_s - wanted) <= Fraction(1, 1000)
            assert MP4(file.path).chapters[number - 1].start == pytest.approx(float(wanted), abs=0.001)
    report = verify_m4b(file.path, Expected(timing, TAGS, ACX))
    assert not {"length", "marks_quicktime", "marks_ffmpeg", "marks_nero"} & {
        finding.name for finding in report.failures
    }


def test_a_packet_file_that_changed_stops_the_book_and_leaves_the_old_one(book, tmp_path):
    data = book.coded[1].path.read_bytes()
    broken = tmp_path / "broken.aac"
    broken.write_bytes(data[:2000] + bytes([data[2000] ^ 4]) + data[2001:])
    coded = [book.coded[0], replace(book.coded[1], path=broken), *book.coded[2:]]
    target = tmp_path / "book.m4b"
    target.write_bytes(b"the old book")
    with pytest.raises(ArtifactBroken) as caught:
        write_m4b(target, coded, book.timing, TAGS, None)
    assert caught.value.details["path"] == str(broken)
    assert target.read_bytes() == b"the old book"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["book.m4b", "broken.aac"]


def test_chapters_and_timing_must_agree(book, tmp_path):
    with pytest.raises(AudioError, match="4 chapters are coded"):
        write_m4b(tmp_path / "a.m4b", book.coded[:4], book.timing, TAGS, None)
    with pytest.raises(AudioError, match="Chapter 1 is coded as"):
        write_m4b(tmp_path / "a.m4b", book.coded[::-1], book.timing, TAGS, None)
    with pytest.raises(ArtifactBroken):
        write_m4b(
            tmp_path / "a.m4b", [replace(book.coded[0], sha256="0" * 64), *book.coded[1:]], book.timing, TAGS, None
        )
    with pytest.raises(AudioError, match="neither JPEG nor PNG"):
        write_m4b(tmp_path / "a.m4b", book.coded, book.timing, TAGS, b"GIF89a")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_while_the_index_is_moved_is_disk_full(book, tmp_path, monkeypatch):
    def full(source, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(assemble, "moov_first", full)
    with pytest.raises(DiskFull):
        write_m4b(tmp_path / "a.m4b", book.coded, book.timing, TAGS, None)
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_told_in_a_sentence(book, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteFailed, match=r"a\.m4b could not be written"):
        write_m4b(tmp_path / "file" / "a.m4b", book.coded, book.timing, TAGS, None)


def _wrong_titles(book):
    chapters = book.timing.chapters
    swapped = (replace(chapters[0], title="Another"), *chapters[1:])
    return replace(book.timing, chapters=swapped)


def _shifted_marks(book):
    chapters = book.timing.chapters
    moved = replace(chapters[1], start=chapters[1].start + 30), replace(chapters[0], end=chapters[0].end + 30)
    return replace(book.timing, chapters=(moved[1], moved[0], *chapters[2:]))


def _longer(book):
    last = book.timing.chapters[-1]
    return replace(book.timing, chapters=(*book.timing.chapters[:-1], replace(last, end=last.end + 1)))


@pytest.mark.parametrize(
    ("change", "finding"),
    [(_wrong_titles, "marks_quicktime"), (_shifted_marks, "marks_ffmpeg"), (_longer, "length")],
)
def test_verification_sees_what_the_timing_table_does_not_say(book, change, finding):
    report = verify_m4b(book.file.path, replace(book.expected, timing=change(book)))
    assert finding in {failure.name for failure in report.failures}


@pytest.mark.parametrize(
    ("change", "finding"),
    [({"tags": replace(TAGS, narrator="Somebody else")}, "tags"), ({"cover": b"\xff\xd8\xff other"}, "cover")],
)
def test_verification_sees_wrong_tags_and_covers(book, change, finding):
    report = verify_m4b(book.file.path, replace(book.expected, **change))
    assert {failure.name for failure in report.failures} == {finding}


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7, 0.97])
def test_verification_sees_a_cut_file(book, tmp_path, share):
    cut = tmp_path / "cut.m4b"
    data = book.file.path.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    report = verify_m4b(cut, book.expected)
    assert not report.passed
    assert report.failures[0].name in {"readable", "length"}


def test_verification_sees_a_hole_of_silence_and_speech_over_a_mark(book, tmp_path):
    plan = book.plans[0]
    mute = code_chapter(replace(book.jobs[0], plan=replace(plan, takes=()), out_path=tmp_path / "mute.aac"))
    file = write_m4b(tmp_path / "mute.m4b", [mute, *book.coded[1:]], book.timing, TAGS, book.cover)
    heard = [listen(file.path, book.timing, span) for span in spans(book.timing, 3)]
    for report in (verify_m4b(file.path, book.expected), verify_m4b(file.path, book.expected, heard)):
        assert [failure.name for failure in report.failures] == ["speech_after_marks"]

    late = replace(plan.takes[-1], start=plan.samples - plan.takes[-1].samples)
    loud = code_chapter(
        replace(book.jobs[0], plan=replace(plan, takes=(*plan.takes[:-1], late)), out_path=tmp_path / "loud.aac")
    )
    file = write_m4b(tmp_path / "loud.m4b", [loud, *book.coded[1:]], book.timing, TAGS, book.cover)
    assert "quiet_before_marks" in {failure.name for failure in verify_m4b(file.path, book.expected).failures}


def test_marks_in_the_file_are_those_of_the_table_even_when_ours_is_the_reader(book):
    data = book.file.path.read_bytes()
    assert struct.pack(">H", len(TITLES[0])) + TITLES[0].encode() in data
    assert [mark.title for mark in quicktime_marks(book.file.path)] == [
        mark_title(title, number) for number, title in enumerate(TITLES, 1)
    ]


def test_an_mp3_chapter_holds_the_same_sound_with_its_tags(book, tmp_path):
    job = book.jobs[0]
    file = write_mp3_chapter(job, TAGS, book.cover, tmp_path / "one.mp3", track=1, tracks=5)
    audio = MP3(file.path)
    assert (audio.info.bitrate, audio.info.sample_rate, audio.info.channels) == (192_000, 44_100, 1)
    assert audio.tags["TIT2"].text == [TITLES[0]]
    assert audio.tags["TRCK"].text == ["1/5"]
    assert audio.tags["TCOM"].text == ["A Narrator"]
    assert audio.tags["APIC:"].data == book.cover
    assert audio.tags["CHAP:chp1"].end_time == round(file.samples * 1000 / 44_100)
    meter = SoundMeter(44_100)
    meter.add(decode(file.path))
    levels = meter.levels()
    assert levels["rms_db"] == pytest.approx(book.coded[0].levels["rms_db"], abs=0.4)
    assert levels["true_peak_db"] <= ACX.peak_max_db
    assert levels["floor_db"] <= -60
    assert file.samples == pytest.approx(job.plan.samples * 44_100 / RATE, abs=2)


@pytest.mark.torture
def test_sixty_hours_in_one_file_keep_their_marks(tmp_path):
    sounds = chapter_sound(tmp_path, 1, [30.0] * 4)
    takes = tuple(replace(take, chunk_index=index) for index, take in enumerate(sounds.takes * 5, start=1))
    plan = plan_chapter(ChapterSound(1, "", takes), RATE, ACX)
    coded = code_chapter(job_for(plan, tmp_path / "one.aac"))
    count = -(-60 * 3600 * RATE // plan.samples)
    timing = stack([replace(plan, number=number, title=f"Chapter {number}") for number in range(1, count + 1)])
    parts = [replace(coded, number=number) for number in range(1, count + 1)]
    file = write_m4b(tmp_path / "long.m4b", parts, timing, TAGS, None)

    assert timing.samples > 1 << 32
    own = quicktime_marks(file.path)
    with av.open(str(file.path)) as container:
        by_ffmpeg = container.chapters()
        assert container.streams.audio[0].duration == timing.samples
        container.seek(timing.chapters[-1].start, stream=container.streams.audio[0])
        last = sum(frame.samples for frame in container.decode(audio=0) if frame.pts >= timing.chapters[-1].start)
    assert last == plan.samples
    assert len(own) == len(by_ffmpeg) == count
    for number in (1, 50, 255, 256, count):
        wanted = Fraction(timing.chapters[number - 1].start, RATE)
        assert abs(own[number - 1].start_s - wanted) <= Fraction(1, 1000)
        assert abs(by_ffmpeg[number - 1]["start"] * by_ffmpeg[number - 1]["time_base"] - wanted) <= Fraction(1, 1000)
