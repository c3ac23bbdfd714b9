"""``flite``: CMU Flite as the system has it on its PATH. Offline, free, English; clearer than espeak."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import unicodedata
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundry_tui.errors import EngineMissing, EngineRefused, SpeechRejected, VoiceMissing
from foundry_tui.voices.fit import divide, join_speech
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import EngineProfile, Speech, Voice, VoiceSettings, refuse_settings, require_speakable
from foundry_tui.voices.wav import parse_wav

TETHER = Path(__file__).with_name("tether.py")
SAMPLE_RATE = 16_000
LIMIT = 2_000
TIMEOUT_S = 120.0
REVISION = 1
# Flite's own voices at 16 kHz; kal (8 kHz) and awb_time (only tells the time) are left out.
_KNOWN = {
    "slt": ("SLT", "female", "en-US", "American", 0),
    "rms": ("RMS", "male", "en-US", "American", 1),
    "awb": ("AWB", "male", "en-GB-scotland", "Scottish", 2),
    "kal16": ("KAL", "male", "en-US", "American", 3),
}
# Flite reads ASCII and drops the rest: letters that Unicode does not decompose, and the printer's marks.
_PLAIN = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "–": ", ", "—": ", ", "…": "...",
    "Æ": "Ae", "æ": "ae", "Œ": "Oe", "œ": "oe", "Ø": "O", "ø": "o", "ß": "ss", "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th",
    "Ł": "L", "ł": "l", "£": " pounds ", "€": " euros ",
})  # fmt: skip


class FliteEngine:
    """One process a request, tied to ours."""

    def __init__(self, program: str, concurrency: int) -> None:
        self._program = program
        self._lanes = asyncio.Semaphore(concurrency)
        self._speaking: set[Process] = set()
        self._voices: tuple[Voice, ...] = ()
        self._closed = False
        self.profile = EngineProfile(
            name="flite",
            limit=LIMIT,
            limit_unit="characters",
            concurrency=concurrency,
            sample_rate=SAMPLE_RATE,
            offline=True,
            deterministic=True,
            note="English only; letters outside ASCII are spoken as their nearest plain ones.",
        )

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain text; ``voice`` is ``slt``, ``rms``, ``awb`` or ``kal16``."""
        require_speakable(text)
        refuse_settings("flite", settings, "pitch_percent", "volume")
        # Flite takes an unknown voice silently for its default.
        if voice not in {listed.voice for listed in await self.voices()}:
            raise VoiceMissing(f"flite has no voice {voice!r}.")
        plain = ascii_text(text)
        require_speakable(plain)
        parts = [part for part in divide(plain, LIMIT, len) if any(map(str.isalnum, part))]
        return join_speech([await self._speak(part, voice, settings.rate) for part in parts])

    async def voices(self) -> Sequence[Voice]:
        """Those of Flite's voices this one was built with."""
        if not self._voices:
            names = (await self._run("-lv")).partition(":")[2].split()
            self._voices = tuple(
                Voice("flite", name, title, "eng", locale, gender, accent, rank)
                for name, (title, gender, locale, accent, rank) in _KNOWN.items()
                if name in names
            )
        return self._voices

    async def version(self) -> str:
        """Flite's own version."""
        said = await self._run("--version")
        found = next((line.partition("version:")[2] for line in said.splitlines() if "version:" in line), "")
        return f"{' '.join(found.split()[:1]) or 'unknown'}-{REVISION}"

    async def close(self) -> None:
        """End every process."""
        self._closed = True
        for process in list(self._speaking):
            process.kill()

    async def _speak(self, text: str, voice: str, rate: float) -> Speech:
        # Flite opens its files by name and reads back the header of what it writes, so its sound cannot go down a
        # pipe: it goes to a file without a name.
        with tempfile.TemporaryFile() as sound:
            stretch = f"duration_stretch={1 / rate:.4f}"
            heard = f"/dev/fd/{sound.fileno()}"
            command = ("-voice", voice, "--setf", stretch, "-f", "/dev/stdin", "-o", heard)
            await self._run(*command, said=text, keep=sound.fileno())
            sound.seek(0)
            return _speech(sound.read())

    async def _run(self, *arguments: str, said: str = "", keep: int | None = None) -> str:
        """What Flite prints. ``said`` is its stdin, a pipe filled beforehand; ``keep`` a file it may write to."""
        async with self._lanes:
            if self._closed:
                raise EngineRefused("The flite engine was closed.")
            source, inlet = os.pipe()
            try:
                os.write(inlet, f"{said}\n".encode("ascii", "replace"))
                os.close(inlet)
                command = (sys.executable, "-I", "-S", str(TETHER), self._program, *arguments)
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=source, stdout=PIPE, stderr=DEVNULL, pass_fds=() if keep is None else (keep,)
                )
            finally:
                os.close(source)
            output = await self._output(process)
            if process.returncode and keep is not None:
                raise SpeechRejected("flite failed on this piece of text.", details={"status": process.returncode})
            return output.decode("ascii", "replace")

    async def _output(self, process: Process) -> bytes:
        self._speaking.add(process)
        if self._closed:  # while it was being started
            process.kill()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise SpeechRejected("flite did not come to an end.") from error
        finally:
            self._speaking.discard(process)
            if process.returncode is None:
                process.kill()
                await process.wait()
        return output


def open_engine(options: dict[str, Any]) -> FliteEngine:
    """Options: ``program`` (found on the PATH), ``concurrency`` (the number of cores)."""
    given = Options("flite", options)
    named = given.text("program", "flite")
    concurrency = given.cores()
    given.finish()
    program = shutil.which(named)
    if program is None:
        raise EngineMissing(
            "Flite is not installed.",
            next_action="Install it, for example with `apt install flite`, or name its program.",
        )
    return FliteEngine(str(Path(program).resolve()), concurrency)


def ascii_text(text: str) -> str:
    """What Flite can read: nearest plain letters, no control characters."""
    folded = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode("ascii")
    return "".join(letter if letter.isprintable() else " " for letter in folded)


def _speech(wav: bytes) -> Speech:
    pcm, rate = parse_wav(wav)
    if not pcm:
        raise SpeechRejected("flite gave no sound for the text.")
    if rate != SAMPLE_RATE:
        raise EngineRefused(f"flite speaks at {rate} Hz, {SAMPLE_RATE} expected.")
    return Speech(pcm, rate)
