"""Sound goes where the operator can hear it, and it is always said where that is."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import wave
from pathlib import Path

import pytest

from foundry_tui.console.clipboard import osc52
from foundry_tui.console.sinks import PLAYERS, Sink, choose_sink
from foundry_tui.console.sound import Sound, http_answer

SSH = {"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}


def has(*names: str):
    return lambda name: f"/usr/bin/{name}" if name in names else None


@pytest.mark.parametrize(
    ("env", "players", "kind", "words"),
    [
        ({}, ("mpv", "ffplay"), "player", "this host (mpv)"),
        ({}, ("aplay",), "player", "this host (aplay)"),
        ({}, (), "link", "browser link"),
        (SSH, ("mpv",), "link", "browser link"),
        ({**SSH, "PULSE_SERVER": "tcp:localhost:4713"}, ("paplay",), "player", "forwarded by Pulse (paplay)"),
        ({**SSH, "PULSE_SERVER": "tcp:localhost:4713"}, (), "link", "browser link"),
        ({"FOUNDRY_SOUND": "off"}, ("mpv",), "off", "off"),
        ({**SSH, "FOUNDRY_SOUND": "player"}, ("mpv",), "player", "this host (mpv)"),
        ({"FOUNDRY_SOUND": "link"}, ("mpv",), "link", "browser link"),
    ],
)
def test_the_sink_is_a_function_of_the_seat(env, players, kind, words):
    sink = choose_sink(env, has(*players))
    assert (sink.kind, sink.said) == (kind, words)


def wav(seconds: float = 0.1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(8000 * seconds) * 2))
    return buffer.getvalue()


def asked(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()


def test_only_who_knows_the_token_in_time_is_answered():
    sound = wav()
    head, _, body = http_answer(asked("/tok.wav"), "tok", sound, fresh=True).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert body == sound
    for request, fresh in ((asked("/other.wav"), True), (asked("/tok.wav"), False), (b"nonsense\r\n\r\n", True)):
        assert http_answer(request, "tok", sound, fresh=fresh).startswith(b"HTTP/1.1 404")


def test_a_browser_may_ask_for_a_range():
    sound = wav()
    answer = http_answer(asked("/tok.wav", "Range: bytes=10-19\r\n"), "tok", sound, fresh=True)
    assert answer.startswith(b"HTTP/1.1 206")
    assert answer.partition(b"\r\n\r\n")[2] == sound[10:20]
    tail = http_answer(asked("/tok.wav", "Range: bytes=-5\r\n"), "tok", sound, fresh=True)
    assert tail.partition(b"\r\n\r\n")[2] == sound[-5:]


async def test_a_link_serves_the_sound_on_loopback_until_it_is_stopped():
    sound = Sound(Sink("link", "browser link"))
    playing = await sound.play("amber", wav(), 0.1)
    assert playing is not None
    assert playing.link.startswith("http://127.0.0.1:")
    port, path = playing.link.removeprefix("http://127.0.0.1:").split("/", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(asked(f"/{path}"))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.partition(b"\r\n\r\n")[2] == wav()
    assert await sound.stop()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", int(port))


async def test_a_player_is_killed_and_its_file_removed(tmp_path: Path):
    told = tmp_path / "told"
    player = (sys.executable, "-c", f"import sys,time; open({str(told)!r},'w').write(sys.argv[1]); time.sleep(60)")
    sound = Sound(Sink("player", "this host (fake)", player))
    assert await sound.play("amber", wav(), 60.0)
    async with asyncio.timeout(10):
        while not told.exists() or not told.read_text():
            await asyncio.sleep(0.01)
    process = sound._process
    file = Path(told.read_text())
    assert file.read_bytes() == wav()
    assert await sound.stop()
    assert process.returncode is not None
    assert not file.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_players_take_the_file_as_an_argument_of_its_own():
    assert all(command[0] == name for name, command in PLAYERS.items())


def test_the_clipboard_goes_through_multiplexers_and_knows_its_limit():
    assert osc52("hello", {}) == "\x1b]52;c;aGVsbG8=\a"
    assert osc52("hello", {"TMUX": "/tmp/x"}) == "\x1bPtmux;\x1b\x1b]52;c;aGVsbG8=\a\x1b\\"
    assert osc52("hello", {"TERM": "screen"}).startswith("\x1bP\x1b]52")
    assert osc52("x" * 80_000, {}) is None
