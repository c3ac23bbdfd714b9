"""The helper process that holds espeak-ng: initialised once, forked for every chunk.

espeak-ng keeps state from one utterance to the next (repeats differ in length) and is not safe in threads, so each
chunk is spoken in a fresh fork of a process that has never spoken. Run by path with ``python -I -S`` and nothing but
the standard library, so that it starts in a few hundredths of a second:

    espeak_helper.py LIBRARY DATA LANES [--once]

Frames on stdin: a 4-byte big-endian length, then JSON ``{"id", "op": "speak"|"voices"|"version"|"cancel", ...}``.
Frames on stdout: a 4-byte length, JSON ``{"id", "ok", "bytes", ...}``, then ``bytes`` bytes of 16-bit PCM. ``--once``
answers one request without forking and ends, for systems that cannot fork.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import selectors
import signal
import struct
import sys
from collections import deque
from types import FrameType
from typing import Any

SYNCHRONOUS = 2
DO_NOT_EXIT = 0x8000
UTF8 = 1
END_PAUSE = 0x1000  # without it the last sound of a piece may stop at full level
CHARACTERS = 1
RATE, VOLUME, PITCH = 1, 2, 3
NOT_FOUND = 2
LIST_END, WORD = 0, 1
CALLBACK_MS = 500
PARENT_CHECK_S = 0.5
PR_SET_PDEATHSIG = 1


class Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class VoiceRow(ctypes.Structure):
    """espeak_VOICE of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))


class Speaker:
    """espeak-ng as this process holds it."""

    def __init__(self, library: str, data: str) -> None:
        self.lib = ctypes.CDLL(library)
        self.data = data
        self.rate = self.lib.espeak_Initialize(SYNCHRONOUS, CALLBACK_MS, data.encode(), DO_NOT_EXIT)
        if self.rate <= 0:
            raise OSError(f"espeak_Initialize answered {self.rate}")
        self.lib.espeak_Info.restype = ctypes.c_char_p
        self.version = self.lib.espeak_Info(None).decode()

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The reply's header and sound; every refusal by the library becomes ``ok: false`` with a reason."""
        if request["op"] == "voices":
            return {"ok": True, "voices": self.voices(), "variants": self.variants()}, b""
        if request["op"] == "version":
            return {"ok": True, "version": self.version}, b""
        status = self.lib.espeak_SetVoiceByName(request["voice"].encode())
        if status:
            return {"ok": False, "error": "no_voice" if status == NOT_FOUND else "refused", "status": status}, b""
        for parameter, name in ((RATE, "rate"), (VOLUME, "volume"), (PITCH, "pitch")):
            status = self.lib.espeak_SetParameter(parameter, request[name], 0)
            if status:
                return {"ok": False, "error": "refused", "status": status}, b""
        return self.speak(request["text"])

    def speak(self, text: str) -> tuple[dict[str, Any], bytes]:
        """Speak plain text; words as ``[sample, character position, characters]``."""
        sound: list[bytes] = []
        words: list[tuple[int, int, int]] = []

        def heard(wav: int | None, samples: int, events: Any) -> int:
            if wav and samples > 0:
                sound.append(ctypes.string_at(wav, samples * 2))
            for event in events:
                if event.type == LIST_END:
                    break
                if event.type == WORD:
                    words.append((event.sample, event.text_position - 1, event.length))
            return 0

        seed = getattr(self.lib, "espeak_ng_SetRandSeed", None)
        if seed:  # the breath of some variants is noise, which the library seeds with the time of day
            seed(ctypes.c_long(1))
        callback = Heard(heard)
        self.lib.espeak_SetSynthCallback(callback)
        encoded = text.encode("utf-8", "replace")
        status = self.lib.espeak_Synth(encoded, len(encoded) + 1, 0, CHARACTERS, 0, UTF8 | END_PAUSE, None, None)
        status = status or self.lib.espeak_Synchronize()
        if status:
            return {"ok": False, "error": "refused", "status": status}, b""
        return {"ok": True, "rate": self.rate, "words": words}, b"".join(sound)

    def voices(self) -> list[dict[str, Any]]:
        """Every voice file: name, language tags with their priority, identifier, gender (1 male, 2 female)."""
        self.lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(VoiceRow))
        rows = self.lib.espeak_ListVoices(None)
        found = []
        at = 0
        while rows[at]:
            row = rows[at].contents
            at += 1
            found.append(
                {
                    "name": row.name.decode("utf-8", "replace").strip(),
                    "tags": _tags(row.languages),
                    "identifier": row.identifier.decode("utf-8", "replace"),
                    "gender": row.gender,
                }
            )
        return found

    def variants(self) -> list[str]:
        """Names that may follow a ``+``."""
        try:
            return sorted(os.listdir(os.path.join(self.data, "voices", "!v")))  # noqa: PTH118, PTH208 - starts fast
        except OSError:
            return []


def _tags(address: int) -> list[tuple[int, str]]:
    tags = []
    while priority := ctypes.c_ubyte.from_address(address).value:
        tag = ctypes.string_at(address + 1)
        tags.append((priority, tag.decode("utf-8", "replace")))
        address += len(tag) + 2
    return tags


def framed(header: dict[str, Any], sound: bytes = b"") -> bytes:
    """One reply as it goes down the pipe."""
    head = json.dumps({**header, "bytes": len(sound)}).encode()
    return struct.pack(">I", len(head)) + head + sound


class Server:
    """Reads requests, forks a child for each (``lanes`` at once), relays what the children say."""

    def __init__(self, speaker: Speaker, lanes: int, parent: int) -> None:
        self.speaker, self.lanes, self.parent = speaker, lanes, parent
        self.selector = selectors.DefaultSelector()
        self.incoming = bytearray()
        self.outgoing: deque[memoryview] = deque()
        self.waiting: deque[dict[str, Any]] = deque()
        self.children: dict[int, tuple[int, int, list[bytes]]] = {}  # pipe -> (request id, pid, what it said)

    def run(self) -> None:
        """Serve until stdin ends or the parent is gone."""
        os.set_blocking(0, False)
        os.set_blocking(1, False)
        self.selector.register(0, selectors.EVENT_READ)
        self.say(framed({"id": 0, "ok": True, "version": self.speaker.version, "rate": self.speaker.rate}))
        while os.getppid() == self.parent:
            for key, _ in self.selector.select(PARENT_CHECK_S):
                if key.fd == 0:
                    if not self.read():
                        return
                elif key.fd == 1:
                    self.flush()
                else:
                    self.hear(key.fd)
            while self.waiting and len(self.children) < self.lanes:
                self.fork(self.waiting.popleft())

    def read(self) -> bool:
        """Take in what came; False at the end of stdin."""
        data = os.read(0, 1 << 16)
        self.incoming += data
        while len(self.incoming) >= 4:
            (size,) = struct.unpack_from(">I", self.incoming)
            if len(self.incoming) < 4 + size:
                break
            request = json.loads(self.incoming[4 : 4 + size])
            del self.incoming[: 4 + size]
            if request["op"] == "cancel":
                self.cancel(request["id"])
            else:
                self.waiting.append(request)
        return bool(data)

    def cancel(self, number: int) -> None:
        """Drop a request nobody waits for any more."""
        self.waiting = deque(request for request in self.waiting if request["id"] != number)
        for request_id, pid, _ in self.children.values():
            if request_id == number:
                os.kill(pid, signal.SIGKILL)  # the pipe's end is heard as any other's

    def fork(self, request: dict[str, Any]) -> None:
        """Have a child speak one request."""
        inlet, outlet = os.pipe()
        pid = os.fork()
        if pid == 0:
            self.child(request, outlet)
        os.close(outlet)
        self.children[inlet] = (request["id"], pid, [])
        self.selector.register(inlet, selectors.EVENT_READ)

    def child(self, request: dict[str, Any], outlet: int) -> None:
        """Speak and end. Holds no pipe but its own: who waits for the parent's end must not wait for this one."""
        try:
            nothing = os.open(os.devnull, os.O_RDWR)
            for inherited in (0, 1, 2):
                os.dup2(nothing, inherited)
            self.selector.close()
            for pipe in self.children:
                os.close(pipe)
            for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
                signal.signal(name, signal.SIG_DFL)
            _die_with_parent(signal.SIGKILL)
            signal.alarm(60 + len(request.get("text", "")) // 50)  # a runaway ends by itself
            header, sound = self.speaker.answer(request)
            rest = memoryview(framed({"id": request["id"], **header}, sound))
            while rest:
                rest = rest[os.write(outlet, rest) :]
            os._exit(0)
        finally:
            os._exit(70)

    def hear(self, pipe: int) -> None:
        """Collect what a child says; at its end pass it on, or say that it crashed."""
        number, pid, said = self.children[pipe]
        data = os.read(pipe, 1 << 18)
        if data:
            said.append(data)
            return
        self.selector.unregister(pipe)
        os.close(pipe)
        del self.children[pipe]
        _, status = os.waitpid(pid, 0)
        if status:
            self.say(framed({"id": number, "ok": False, "error": "crashed", "status": status}))
        else:
            self.say(b"".join(said))

    def say(self, frame: bytes) -> None:
        """Send a whole frame, now or when the pipe has room."""
        self.outgoing.append(memoryview(frame))
        self.flush()

    def flush(self) -> None:
        """Write what the pipe takes."""
        while self.outgoing:
            try:
                written = os.write(1, self.outgoing[0])
            except BlockingIOError:
                if 1 not in self.selector.get_map():
                    self.selector.register(1, selectors.EVENT_WRITE)
                return
            if written == len(self.outgoing[0]):
                self.outgoing.popleft()
            else:
                self.outgoing[0] = self.outgoing[0][written:]
        if 1 in self.selector.get_map():
            self.selector.unregister(1)

    def end(self) -> None:
        """Take the children along."""
        for _, pid, _ in self.children.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _die_with_parent(name: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(name), 0, 0, 0)


def _once(speaker: Speaker) -> None:
    (size,) = struct.unpack(">I", sys.stdin.buffer.read(4))
    request = json.loads(sys.stdin.buffer.read(size))
    header, sound = speaker.answer(request)
    sys.stdout.buffer.write(framed({"id": request["id"], **header}, sound))
    sys.stdout.buffer.flush()


def main() -> None:
    """Serve the parent process until it ends."""
    parent = os.getppid()
    library, data, lanes = sys.argv[1:4]
    try:
        speaker = Speaker(library, data)
    except OSError as error:
        sys.stdout.buffer.write(framed({"id": 0, "ok": False, "error": "library", "message": str(error)}))
        return
    if "--once" in sys.argv:
        _die_with_parent(signal.SIGKILL)
        _once(speaker)
        return

    def parent_gone(_name: int, _frame: FrameType | None) -> None:
        # A terminal's Ctrl-C or hang-up reaches the whole group, and PDEATHSIG fires when the parent's *thread* ends:
        # the parent decides when work stops, so only its own end counts.
        if os.getppid() != parent:
            os._exit(0)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, parent_gone)
    _die_with_parent(signal.SIGHUP)
    gc.freeze()
    server = Server(speaker, int(lanes), parent)
    try:
        server.run()
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        server.end()


if __name__ == "__main__":
    main()
