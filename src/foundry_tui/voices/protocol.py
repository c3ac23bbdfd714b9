"""What every speech engine is to the rest of the house: text in, PCM out, and a profile that says how to treat it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from foundry_tui.errors import NothingToSpeak, UsageError

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a piece of text lies in the sound. ``kind`` is ``word`` or ``sentence``; times are in samples."""

    offset_samples: int
    samples: int
    text: str
    kind: str = "word"


@dataclass(frozen=True, slots=True)
class Speech:
    """The sound of one text: 16-bit little-endian mono PCM at ``sample_rate`` Hz."""

    pcm: bytes
    sample_rate: int
    boundaries: tuple[Boundary, ...] = ()

    @property
    def samples(self) -> int:
        """Length in samples."""
        return len(self.pcm) // BYTES_PER_SAMPLE

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice an engine offers.

    ``language`` is ISO 639-2/T, ``locale`` a BCP 47 tag (``en-GB``), ``gender`` ``female``, ``male`` or empty,
    ``accent`` a word an operator would use (``British``). ``rank`` is the engine's own preference: 0 comes first.
    """

    engine: str
    voice: str
    name: str
    language: str
    locale: str = ""
    gender: str = ""
    accent: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """How a voice is to speak.

    ``rate`` 1.0 is the voice's own pace (0.5 to 2.0), ``pitch_percent`` shifts its pitch (-50 to 100), ``volume`` 1.0
    is its own loudness (0.0 to 2.0), ``take`` counts retakes and seeds engines that are not deterministic. The rest is
    for the engines that know it: ``instructions`` (openai), ``stability``, ``similarity`` and ``style`` (elevenlabs,
    0 to 1). ``request_key`` is the guard's: what a paid request is known by when it has to be sent again.
    """

    rate: float = 1.0
    pitch_percent: int = 0
    volume: float = 1.0
    take: int = 0
    instructions: str = ""
    stability: float | None = None
    similarity: float | None = None
    style: float | None = None
    request_key: str = ""

    def __post_init__(self) -> None:
        _within("rate", self.rate, 0.5, 2.0)
        _within("pitch_percent", self.pitch_percent, -50, 100)
        _within("volume", self.volume, 0.0, 2.0)
        _within("take", self.take, 0, 1_000_000)
        for name in ("stability", "similarity", "style"):
            if getattr(self, name) is not None:
                _within(name, getattr(self, name), 0.0, 1.0)

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any] | None) -> VoiceSettings:
        """Settings as a narrator's row keeps them; UsageError on an unknown name or a value out of range."""
        kinds = {item.name: item.type for item in dataclasses.fields(cls) if item.name != "request_key"}
        values: dict[str, Any] = {}
        for name, value in (settings or {}).items():
            if name not in kinds:
                known = ", ".join(sorted(kinds))
                raise UsageError(f"Voices have no setting {name!r}.", next_action=f"Known settings: {known}.")
            values[name] = _converted(name, value, str(kinds[name]))
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """Only what differs from the defaults, so that a new setting changes no chunk's key."""
        plain = VoiceSettings()
        return {
            item.name: getattr(self, item.name)
            for item in dataclasses.fields(self)
            if item.name != "request_key" and getattr(self, item.name) != getattr(plain, item.name)
        }


def _within(name: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UsageError(f"The voice setting {name} is {value!r}.", next_action=f"Give a number from {low} to {high}.")


def _converted(name: str, value: Any, kind: str) -> Any:
    if value is None and "None" in kind:
        return None
    try:
        if kind == "str":
            if not isinstance(value, str):
                raise TypeError  # noqa: TRY301 - one sentence for both refusals
            return value
        if isinstance(value, bool):
            raise TypeError  # noqa: TRY301
        number = float(value)
        if kind == "int" and not number.is_integer():
            raise ValueError  # noqa: TRY301
        return int(number) if kind == "int" else number
    except (TypeError, ValueError) as error:
        raise UsageError(f"The voice setting {name} cannot be {value!r}.", next_action="See docs/reference.") from error


@dataclass(frozen=True, slots=True)
class EngineProfile:
    """How an engine is to be treated.

    ``limit`` is the longest text of one request in ``limit_unit`` (``characters`` or ``bytes``), ``concurrency`` the
    requests sensibly in flight, ``cost_per_million_characters`` in US dollars (0 where free), ``deterministic`` whether
    the same text gives the same bytes, ``addresses`` where it connects to, ``natural`` whether it sounds human, ``ipa``
    whether it takes words by their sound (domain.corrections.by_sound).
    """

    name: str
    limit: int
    limit_unit: str
    concurrency: int
    sample_rate: int
    offline: bool
    cost_per_million_characters: float = 0.0
    deterministic: bool = False
    addresses: Mapping[str, str] = field(default_factory=dict)
    natural: bool = False
    note: str = ""
    ipa: bool = False


@runtime_checkable
class Engine(Protocol):
    """A speech engine, used from one event loop. Every error it raises is a FoundryError."""

    @property
    def profile(self) -> EngineProfile:
        """How to treat this engine."""
        ...

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain ``text`` (never markup), whatever its length.

        Raises NothingToSpeak for text without a letter or digit, VoiceMissing, EngineRefused, and the retryable
        EngineBusy, EngineUnreachable and SpeechRejected. What it returns is whole.
        """
        ...

    async def voices(self) -> Sequence[Voice]:
        """Every voice there is, in an order of the engine's own."""
        ...

    async def version(self) -> str:
        """What would change the sound of the same text: a part of every chunk's key."""
        ...

    async def close(self) -> None:
        """End connections and child processes; the engine can be used no more."""
        ...


def require_speakable(text: str) -> None:
    """Raise NothingToSpeak where ``text`` holds no letter and no digit: engines differ in what they do then."""
    if not any(map(str.isalnum, text)):
        raise NothingToSpeak


def refuse_settings(engine: str, settings: VoiceSettings, *names: str) -> None:
    """Raise UsageError where one of these settings was asked for: the engine would drop it without a word."""
    plain = VoiceSettings()
    for name in names:
        if getattr(settings, name) != getattr(plain, name):
            raise UsageError(
                f"The engine {engine} knows no {name.replace('_', ' ')}.",
                next_action="Take that setting from the narrator, or choose another engine.",
            )
