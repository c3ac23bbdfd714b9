"""Auditions: a narrator heard before a book is given to them, and the sample kept for the next time."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from foundry_tui.domain.books import Narrator
from foundry_tui.domain.ids import checked_book_id, checked_narrator_id
from foundry_tui.domain.languages import understood
from foundry_tui.errors import ArtifactBroken, FoundryError, NotFound
from foundry_tui.files import write_bytes
from foundry_tui.store import roster as rows
from foundry_tui.store.database import Database

_PEAKS = 512
_QUOTES = ("“", '"', "„", "«", "‘", "—", "-")
# What a voice is asked to say where no passage is chosen: a statement, a question, figures, and somebody speaking.
PASSAGES: Mapping[str, str] = {
    "eng": "The kettle had been on the stove since 6:45. “Is that the last of the 1,200 letters?” she asked, "
    "and for a moment nobody in the room could say.",
    "deu": "Der Kessel stand seit 6 Uhr 45 auf dem Herd. „Ist das der letzte von 1200 Briefen?“, fragte sie, "
    "und einen Augenblick lang wusste es niemand im Zimmer.",
    "fra": "La bouilloire était sur le feu depuis 6 h 45. « Est-ce la dernière des 1 200 lettres ? » demanda-t-elle, "
    "et pendant un instant personne ne sut répondre.",
    "spa": "La tetera llevaba en el fuego desde las 6:45. —¿Es la última de las 1200 cartas? —preguntó ella, "
    "y por un momento nadie en la sala supo responder.",
    "ita": "Il bollitore era sul fuoco dalle 6:45. «È l'ultima delle 1200 lettere?» chiese lei, "
    "e per un momento nessuno nella stanza seppe rispondere.",
    "por": "A chaleira estava no fogão desde as 6h45. — Esta é a última das 1200 cartas? — perguntou ela, "
    "e por um momento ninguém na sala soube responder.",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A passage spoken or a sample read: WAV bytes, and what can be seen of the sound. ``peaks`` are 0 to 1."""

    narrator_id: str
    text: str
    wav: bytes
    seconds: float
    peaks: tuple[float, ...]
    loudness_lufs: float | None
    peak_db: float
    clipped: int
    engine: str
    voice: str
    path: Path | None = None


class Auditions:
    """Speaks passages and keeps samples."""

    def __init__(
        self,
        database: Database,
        home: Path,
        default_engine: str,
        engine: Callable[[str], Awaitable[Any]],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._home = home
        self._default_engine = default_engine
        self._engine = engine
        self._now = now
        self._costs: dict[str, str] = {}

    async def samples(self, narrators: Sequence[Narrator]) -> dict[str, str]:
        """``there``, ``missing`` (named, but no such file) or ``none``, by narrator."""
        return await asyncio.to_thread(lambda: {each.narrator_id: self._state(each) for each in narrators})

    def _state(self, narrator: Narrator) -> str:
        if not narrator.sample_filepath:
            return "none"
        try:
            return "there" if self._path(narrator.sample_filepath).is_file() else "missing"
        except (OSError, ValueError):
            return "missing"

    def _path(self, named: str) -> Path:
        path = Path(named).expanduser()
        return path if path.is_absolute() else self._home / path

    async def cost(self, engine: str) -> str:
        """What an engine costs, as a roster shows it: ``free``, ``$15/M`` characters, or nothing where unknown."""
        if engine not in self._costs:
            try:
                profile = (await self._engine(engine)).profile
            except FoundryError:
                self._costs[engine] = "?"
            else:
                dollars = profile.cost_per_million_characters
                self._costs[engine] = f"${dollars:g}/M" if dollars else "free"
        return self._costs[engine]

    async def profile(self, engine: str) -> Any:
        """How the engine is to be treated; None where it cannot be opened here."""
        try:
            return (await self._engine(engine)).profile
        except FoundryError:
            return None

    async def sample(self, narrator_id: str) -> Heard:
        """The narrator's kept sample. Raises NotFound where there is none, ArtifactBroken where it is no sound."""
        async with self._database.read() as connection:
            narrator = await rows.get_narrator(connection, narrator_id)
        if not narrator.sample_filepath:
            raise NotFound(f"{narrator.narrator_name} has no sample yet.", next_action="Make one with s.")
        path = self._path(narrator.sample_filepath)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound(f"The sample {path} is missing.", next_action="Make it anew with s.")
        pcm, rate = await asyncio.to_thread(_decode, path)
        return await asyncio.to_thread(
            _heard, narrator, "(kept sample)", pcm, rate, narrator.engine or self._default_engine, "", path
        )

    async def speak(self, narrator_id: str, text: str | None = None) -> Heard:
        """The narrator speaking ``text``, or the passage of their language."""
        async with self._database.read() as connection:
            narrator = await rows.get_narrator(connection, narrator_id)
        from foundry_tui.voices.choose import choose_voice
        from foundry_tui.voices.protocol import VoiceSettings

        language = understood(narrator.language)
        passage = (text or "").strip() or PASSAGES.get(language) or PASSAGES["eng"]
        name = narrator.engine or self._default_engine
        engine = await self._engine(name)
        voice = narrator.voice if narrator.engine else None
        if not voice:
            found = await engine.voices()
            voice = choose_voice(found, language=language, accent=narrator.accent, gender=narrator.gender).voice
        speech = await engine.synthesize(passage, voice, VoiceSettings.from_mapping(narrator.settings))
        return await asyncio.to_thread(_heard, narrator, passage, speech.pcm, speech.sample_rate, name, voice, None)

    async def passage(self, book_id: str, kind: str) -> str | None:
        """A passage of a parsed book: its first ``dialogue``, one with ``numbers``, or its ``longest``."""
        return await asyncio.to_thread(_passage, self._home / "foundry" / checked_book_id(book_id), kind)

    async def take(self, artifact: str, text: str) -> Heard:
        """A chunk's sound as it lies in the home; raises ArtifactBroken."""
        path = self._path(artifact)
        pcm, rate = await asyncio.to_thread(_decode, path)
        nobody = Narrator(narrator_id="", narrator_name="", language="")
        return await asyncio.to_thread(_heard, nobody, text, pcm, rate, "", "", path)

    async def keep(self, heard: Heard) -> Path:
        """Make what was heard the narrator's sample; an older one of ours is replaced. Returns its path."""
        narrator_id = checked_narrator_id(heard.narrator_id)
        path = self._home / "samples" / f"{narrator_id}.wav"
        await asyncio.to_thread(write_bytes, path, heard.wav)
        relative = path.relative_to(self._home).as_posix()
        async with self._database.write() as connection:
            await rows.update_narrator(connection, narrator_id, sample_filepath=relative)
        return path


def _passage(folder: Path, kind: str) -> str | None:
    from foundry_tui.text.chapter_json import load_chapters

    for metadata in sorted(folder.glob("*/chapters/metadata.json")):
        try:
            _, chapters = load_chapters(metadata.parent)
        except FoundryError:
            continue
        spoken = [chunk.speech for chapter in chapters for chunk in chapter.chunks if chunk.kind != "heading"]
        if kind == "longest":
            return max(spoken, key=len, default=None)
        found = next((text for text in spoken if _is(kind, text)), None)
        if found:
            return found
    return None


def _is(kind: str, text: str) -> bool:
    return any(map(str.isdigit, text)) if kind == "numbers" else text[:1] in _QUOTES


def _decode(path: Path) -> tuple[bytes, int]:
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise ArtifactBroken(f"{path.name} cannot be read as sound.", next_action="Make it anew.") from error
    return samples[:, 0].tobytes(), int(rate)


def _heard(narrator: Narrator, text: str, pcm: bytes, rate: int, engine: str, voice: str, path: Path | None) -> Heard:
    import numpy as np

    from foundry_tui.audio.loudness import integrated
    from foundry_tui.audio.measure import SILENT_DB, decibels, measure

    samples = np.frombuffer(pcm, dtype="<i2")
    level = np.abs(samples.astype(np.int32))
    measured = measure(pcm, rate)
    lufs = integrated(measured.energies.astype(np.float64), rate)
    return Heard(
        narrator_id=narrator.narrator_id,
        text=text,
        wav=_wav(pcm, rate),
        seconds=len(samples) / rate if rate else 0.0,
        peaks=tuple(float(part.max()) / 32768 for part in np.array_split(level, _PEAKS) if len(part)),
        loudness_lufs=round(lufs, 1) if lufs > SILENT_DB else None,
        peak_db=round(decibels(measured.peak), 1),
        clipped=measured.clipped,
        engine=engine,
        voice=voice,
        path=path,
    )


def _wav(pcm: bytes, rate: int) -> bytes:
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return buffer.getvalue()


_ROOM_DB = 0.5  # below full scale


def fair_loudness(heard: Sequence[Heard | None], lufs: float) -> float:
    """The loudness all of them can be moved to without clipping: ``lufs``, or less where one has high peaks."""
    reach = [each.loudness_lufs - each.peak_db - _ROOM_DB for each in heard if each and each.loudness_lufs is not None]
    return min([lufs, *reach])


def at_equal_loudness(heard: Heard, lufs: float) -> bytes:
    """The WAV moved to ``lufs``, never into clipping: two narrators are compared without the louder one winning."""
    import wave

    import numpy as np

    if heard.loudness_lufs is None:
        return heard.wav
    gain_db = min(lufs - heard.loudness_lufs, -heard.peak_db - _ROOM_DB)
    with wave.open(io.BytesIO(heard.wav)) as file:
        rate, pcm = file.getframerate(), file.readframes(file.getnframes())
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64) * 10 ** (gain_db / 20)
    return _wav(np.clip(np.round(samples), -32768, 32767).astype("<i2").tobytes(), rate)
