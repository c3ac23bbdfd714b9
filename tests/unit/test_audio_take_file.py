"""Takes on disk: whole or not there, proven, and adoptable by what is written in them."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fakes.sounds import speech
from foundry_tui import files
from foundry_tui.audio.take_file import KEY_TAG, TEXT_TAG, inspect_take, read_take, write_take
from foundry_tui.errors import ArtifactBroken, DiskFull, SpeechRejected, WriteFailed

TAGS = {KEY_TAG: "a" * 64, TEXT_TAG: "b" * 64, "note": "naïve 😀 [/x]"}


@pytest.fixture
def pcm():
    return speech(1.5).astype("<i2").tobytes()


def test_a_take_reads_back_sample_for_sample_with_its_tags(tmp_path, pcm):
    path = tmp_path / "new" / "take.flac"
    written = write_take(path, pcm, 24_000, TAGS)

    assert read_take(path, written.sha256).tobytes() == pcm
    assert inspect_take(path) == written
    assert written.tags == TAGS
    assert (written.samples, written.sample_rate) == (36_000, 24_000)
    assert [file.name for file in path.parent.iterdir()] == ["take.flac"]


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_every_engine_rate_is_kept(tmp_path, rate):
    pcm = speech(0.5, rate).astype("<i2").tobytes()
    assert write_take(tmp_path / "take.flac", pcm, rate, {}).sample_rate == rate
    assert inspect_take(tmp_path / "take.flac").sample_rate == rate


@pytest.mark.parametrize("pcm", [b"", b"\x01", b"\x01\x02\x03"])
def test_no_sound_or_half_a_sample_is_rejected_before_a_file_exists(tmp_path, pcm):
    with pytest.raises(SpeechRejected):
        write_take(tmp_path / "take.flac", pcm, 24_000, {})
    assert not list(tmp_path.iterdir())


def test_one_flipped_bit_anywhere_is_noticed_by_the_hash(tmp_path, pcm):
    path = tmp_path / "take.flac"
    written = write_take(path, pcm, 24_000, TAGS)
    whole = path.read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ArtifactBroken):
            read_take(path, written.sha256)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_cut_file_is_noticed_without_the_hash(tmp_path, pcm, share):
    path = tmp_path / "take.flac"
    write_take(path, pcm, 24_000, TAGS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ArtifactBroken):
        inspect_take(path)


def test_a_missing_file_and_a_file_of_another_kind_are_broken_artifacts(tmp_path):
    with pytest.raises(ArtifactBroken):
        read_take(tmp_path / "none.flac")
    (tmp_path / "text.flac").write_text("this is no sound", encoding="utf-8")
    with pytest.raises(ArtifactBroken):
        inspect_take(tmp_path / "text.flac")


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EROFS, WriteFailed), (errno.EIO, WriteFailed)],
)
def test_disk_errors_have_names_and_leave_the_old_take(tmp_path, pcm, monkeypatch, number, kind):
    path = tmp_path / "take.flac"
    old = write_take(path, pcm, 24_000, TAGS)

    whole = Path.write_bytes

    def refuse(temporary, data):
        whole(temporary, data[: len(data) // 2])
        raise OSError(number, "refused")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(kind) as caught:
        write_take(path, pcm[:4000], 24_000, {})
    assert type(caught.value) is kind
    assert caught.value.details["errno"] == number
    assert inspect_take(path) == old
    assert [file.name for file in tmp_path.iterdir()] == ["take.flac"]


def test_a_write_that_does_not_read_back_never_takes_the_name(tmp_path, pcm, monkeypatch):
    whole = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: whole(path, data[:-200] + bytes(200)))
    with pytest.raises(ArtifactBroken):
        write_take(tmp_path / "take.flac", pcm, 24_000, {})
    assert not list(tmp_path.iterdir())


FULL_DISK = """
import sys
from pathlib import Path
from foundry_tui.audio.take_file import write_take
from foundry_tui.errors import DiskFull
noise = bytes(range(256)) * 2000
try:
    write_take(Path(sys.argv[1]) / "take.flac", noise, 24000, {})
except DiskFull as error:
    print("DiskFull", [path.name for path in Path(sys.argv[1]).iterdir()], error.retryable)
"""


def test_a_truly_full_disk_is_disk_full(tmp_path):
    mount = 'mount -t tmpfs -o size=16k none "$1" && exec "$2" -c "$3" "$1"'
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path), sys.executable, FULL_DISK],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "unshare" in run.stderr or "mount:" in run.stderr:
        pytest.skip(f"no private mount namespace here: {run.stderr.strip()}")
    assert run.stdout.strip() == "DiskFull [] False", run.stderr


def test_two_writers_of_one_name_leave_one_whole_file(tmp_path, pcm):
    path = tmp_path / "take.flac"
    with files.replacing(path) as mine:
        mine.write_bytes(b"mine")
        theirs = write_take(path, pcm, 24_000, TAGS)
        assert inspect_take(path) == theirs
    assert path.read_bytes() == b"mine"
    assert np.all([not file.name.startswith(".") for file in tmp_path.iterdir()])
