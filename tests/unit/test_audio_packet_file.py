"""Packet files: whole, proven while they stream, and broken ones told."""

from __future__ import annotations

import pytest

from foundry_tui.audio.packet_file import open_packets, packets_valid, read_packets, write_packets
from foundry_tui.errors import ArtifactBroken, AudioError

PACKETS = [bytes([number % 256]) * (number * 37 % 400 + 1) for number in range(300)]


@pytest.fixture
def path(tmp_path):
    write_packets(tmp_path / "chapter.aac", iter(PACKETS), {"title": "naïve 😀"})
    return tmp_path / "chapter.aac"


def test_packets_and_header_come_back(path):
    file = open_packets(path)
    assert list(read_packets(file)) == PACKETS
    assert (file.packets, file.payload_bytes, file.header["title"]) == (300, sum(map(len, PACKETS)), "naïve 😀")
    assert packets_valid(path)
    assert packets_valid(path, file.sha256, deep=True)
    assert not packets_valid(path, "0" * 64)


def test_the_header_may_be_filled_while_the_packets_pass(tmp_path):
    header = {}

    def packets():
        yield b"one"
        header["late"] = 42

    assert write_packets(tmp_path / "a.aac", packets(), header).header["late"] == 42
    assert open_packets(tmp_path / "a.aac").header["late"] == 42


def test_every_flipped_byte_is_noticed_at_the_latest_by_the_last_packet(path):
    whole = path.read_bytes()
    for place in range(0, len(whole), len(whole) // 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        if packets_valid(path, deep=True):
            # the one part the checksum leaves out is what else the header says
            assert place > len(whole) - 400
            continue
        with pytest.raises(ArtifactBroken):
            list(read_packets(open_packets(path)))


@pytest.mark.parametrize("kept", [0, 1, 8, 30, 5000, -1, -8, -13])
def test_a_cut_file_is_noticed_cheaply(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    assert not packets_valid(path)
    with pytest.raises(ArtifactBroken):
        open_packets(path)


def test_a_missing_file_and_an_impossible_packet(tmp_path):
    assert not packets_valid(tmp_path / "none.aac")
    with pytest.raises(AudioError):
        write_packets(tmp_path / "big.aac", [bytes(70_000)])
    assert not list(tmp_path.iterdir())


def test_an_error_half_way_leaves_the_old_file(path):
    def failing():
        yield b"new"
        raise ArtifactBroken("a take broke")

    with pytest.raises(ArtifactBroken):
        write_packets(path, failing())
    assert list(read_packets(open_packets(path))) == PACKETS
    assert [file.name for file in path.parent.iterdir()] == ["chapter.aac"]
