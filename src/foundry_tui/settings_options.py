"""The table of options: one row each, read by the settings, by the file ``init`` writes and by the errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundry_tui.errors import UsageError


@dataclass(frozen=True, slots=True)
class Option:
    """``key`` as in config.toml (dots are tables); ``default`` also says the type: text, number or yes/no."""

    key: str
    default: str | int | float | bool
    help: str
    choices: tuple[str, ...] = ()
    lowest: int | None = None
    highest: int | None = None

    @property
    def variable(self) -> str:
        """Its environment variable: ``audio.bitrate_kbps`` is ``FOUNDRY_AUDIO_BITRATE_KBPS``."""
        return f"FOUNDRY_{self.key.replace('.', '_')}".upper()


OPTIONS: tuple[Option, ...] = (
    Option("default_engine", "espeak", "The engine that speaks for a narrator who names none."),
    Option("default_narrator", "", "The narrator of `produce` where neither the command nor the book names one."),
    Option("workers", 2, "Steps worked on at once; chunks in flight are the engine's own business.", (), 1, 64),
    Option("library", "library", "Where finished audiobooks go; a relative path is inside the home."),
    Option("database_url", "", "Another database than the home's own SQLite file: postgresql://user@host/name."),
    Option("log_level", "info", "What logs/foundry.log tells.", ("debug", "info", "warning", "error")),
    Option("audio.profile", "podcast", "How loud: podcast (-19 LUFS), acx, r128.", ("acx", "podcast", "r128")),
    Option("audio.bitrate_kbps", 64, "AAC kilobits per second of the M4B (one channel).", (), 24, 320),
    Option("audio.mp3", False, "Make an MP3 of every chapter beside the M4B; the same as `mp3` among the editions."),
    Option(
        "audio.editions",
        "",
        "What is made beside the M4B, with commas: mp3, opus, flac, srt, vtt, lrc, epub, acx, sample.",
    ),
    Option("audio.one_file", False, "A book above 49 hours in one M4B all the same, instead of volumes."),
    Option(
        "audio.credits",
        "auto",
        "Spoken credits before and after the book; auto: where the profile or an edition is acx.",
        ("auto", "on", "off"),
    ),
    Option(
        "audio.opening_credits",
        "",
        "Their words, a line a breath: {title}, {author}, {narrator}, {year}; empty: those of the book's language.",
    ),
    Option("audio.closing_credits", "", "The same for the end of the book."),
    Option(
        "text.footnotes",
        "left_out",
        "Footnotes: left out, read at the end of their chapter, or where they are called.",
        ("left_out", "chapter_end", "inline"),
    ),
    Option(
        "text.sentences",
        "own",
        "Who finds where sentences end: Foundry's own rules, or the library yasbd (extra: sentences).",
        ("own", "yasbd"),
    ),
    Option("text.rules_off", "", "Speech rules that stay silent, by name, with commas; eng:NAME for one language."),
    Option(
        "retention.events_days", 90, "Days that the small talk of finished productions is kept; 0: for ever.", (), 0
    ),
    Option("retention.jobs_days", 90, "Days that jobs are kept which no step needs any more; 0: for ever.", (), 0),
    Option(
        "retention.logs_days", 30, "Days that rotated logs are kept; 0: until five newer ones push them out.", (), 0
    ),
    Option(
        "disk.wait_min",
        15,
        "Minutes that --run-all waits for room on a full disk with nothing else to do; the daemon waits on.",
        (),
        0,
        10_080,
    ),
    Option(
        "check.hearing",
        "off",
        "Have a recogniser listen: sample (flagged chunks and some others), all, off.",
        ("off", "sample", "all"),
    ),
    Option("check.sample_percent", 5, "How many of the chunks without a flag it hears too.", (), 0, 100),
    Option(
        "check.recogniser", "moonshine", "Who listens (see the engines' page).", ("moonshine", "command", "endpoint")
    ),
    Option("check.command", "", "A program's line with {path} of a WAV, and {language}; it prints the words."),
    Option("check.url", "", "The address of an OpenAI-compatible server, up to and with /v1."),
    Option("check.model", "", "The model that server is asked for."),
    Option("check.languages", "", "Languages it understands, with commas; empty is its own."),
    Option("money.per_production_usd", 0.0, "US dollars a production may cost at most; 0 is no cap.", (), 0, 1_000_000),
    Option("money.per_day_usd", 0.0, "US dollars all of them may cost a day (UTC); 0 is no cap.", (), 0, 1_000_000),
    Option(
        "distributed.dispatcher",
        "embedded",
        "Who tells workers what waits: embedded (they look themselves), procrastinate (PostgreSQL), arq (Redis).",
        ("embedded", "procrastinate", "arq"),
    ),
    Option(
        "distributed.queues", "", "The dispatcher's queues worked here, with commas; empty: what this machine can do."
    ),
    Option("distributed.redis_url", "redis://127.0.0.1:6379/0", "The Redis that arq uses."),
    Option(
        "distributed.part_chunks", 16, "Chunks of a book handed to another worker at once; 0: none are.", (), 0, 1000
    ),
    Option(
        "console.theme",
        "dark",
        "The console's colours.",
        ("dark", "light", "ansi", "high-contrast", "deuteranopia"),
    ),
    Option("console.low_bandwidth", False, "The console sends as little as it can."),
    Option("console.mouse", True, "The console takes the mouse; false leaves it to the terminal's own selection."),
    Option("console.bell", False, "The console rings when something fails, and when the queue is done."),
)

_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off")
# What an engine can be told, beside its voices, with what it does when told nothing. Engines that are not listed take
# options too, from [engines.<name>] and FOUNDRY_<NAME>_<OPTION>, and check them when they are opened.
ENGINE_OPTIONS: Mapping[str, tuple[Option, ...]] = {
    "espeak": (
        Option("concurrency", 2, "Chunks spoken at once; untold, as many as there are cores.", (), 1, 64),
        Option("fork", True, "Speak each chunk in a fork of one warm helper process."),
    ),
    "flite": (
        Option("program", "flite", "The program that speaks, or the path to it."),
        Option("concurrency", 2, "Chunks spoken at once; untold, as many as there are cores.", (), 1, 64),
    ),
    "edge": (
        Option("concurrency", 16, "Chunks in flight at once.", (), 1, 256),
        Option("url", "", "The speech service's websocket address; empty is the public one."),
        Option("voices_url", "", "The address of its list of voices; empty is the public one."),
        Option("proxy", "", "An HTTP proxy to go through."),
        Option("connect_timeout_s", 10.0, "Seconds to wait for a connection.", (), 0, 300),
        Option("receive_timeout_s", 45.0, "Seconds to wait for the next piece of sound.", (), 0, 900),
        Option("marks", True, "Refuse speech that comes without word marks: it is how a cut turn is known."),
    ),
}

# What every engine can be told: limits that all processes of one database keep together, 0 is none.
SHARED_ENGINE_OPTIONS: tuple[Option, ...] = (
    Option("shared_concurrency", 0, "Requests at once over every process of this database; 0 is no limit.", (), 0, 256),
    Option("requests_per_minute", 0.0, "Requests a minute over every process; 0 is no limit.", (), 0, 60_000),
    Option("queue", "", "The dispatcher's queue for what it speaks: gpu, say; empty is engine.NAME."),
)


def engine_options(name: str) -> tuple[Option, ...]:
    """The options of an engine that are known beforehand: its own, and those of every engine."""
    return (*ENGINE_OPTIONS.get(name, ()), *SHARED_ENGINE_OPTIONS)


def from_text(option: Option, text: str, where: str) -> Any:
    """An environment variable's text as the option's type; raises UsageError naming ``where`` it was."""
    if isinstance(option.default, bool):
        if text.casefold() not in (*_YES, *_NO):
            raise UsageError(f"{where} is {text!r}.", next_action="Say true or false.")
        return text.casefold() in _YES
    if isinstance(option.default, int | float):
        try:
            number = type(option.default)(text)
        except ValueError as error:
            kind = "a whole number" if isinstance(option.default, int) else "a number"
            raise UsageError(f"{where} is {text!r}.", next_action=f"It takes {kind}.") from error
        return checked(option, number, where)
    return checked(option, text, where)


def checked(option: Option, value: Any, where: str) -> Any:
    """``value`` if it is of the option's kind and in its range; raises UsageError saying what is."""
    kind: type[Any] = type(option.default)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        kinds = {str: "a text in quotes", int: "a whole number", bool: "true or false", float: "a number"}
        raise UsageError(f"{where} is {value!r}.", next_action=f"It takes {kinds[kind]}.")
    if option.choices and value not in option.choices:
        raise UsageError(f"{where} is {value!r}.", next_action=f"It takes one of {', '.join(option.choices)}.")
    low, high = option.lowest, option.highest
    if (low is not None and value < low) or (high is not None and value > high):
        raise UsageError(f"{where} is {value}.", next_action=f"It takes {low} to {high}.")
    return value
