"""Where things live and how they behave: flags > environment > <home>/config.toml > defaults.

Every option is one row of ``OPTIONS``: its key in config.toml, its environment variable, its type and its default come
from there, and so do the file ``init`` writes and the errors about a mistyped key. Rooms are handed plain values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from foundry_tui.domain.credit_texts import checked_template
from foundry_tui.domain.editions import edition_names
from foundry_tui.errors import HomeUnusable, UsageError
from foundry_tui.settings_file import config_values, read_config
from foundry_tui.settings_options import ENGINE_OPTIONS, OPTIONS, Option, engine_options, from_text
from foundry_tui.voices.engines import engine_names

CONFIG = "config.toml"
ENVIRONMENTS = ("production", "alpha")
_APP = "foundry-tui"
# The folders of a home; the rest is made where it is first needed.
FOLDERS = ("database", "logs", "inbox", "foundry", "library")

Origin = Literal["--home", "FOUNDRY_HOME", "current folder", "user data folder"]


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """How a book sounds: a mastering profile of the audio room, AAC bits per second, what is made beside the M4B, and
    the credits (``on``, ``off``, ``auto``) with their words.
    """

    profile: str
    bitrate_bps: int
    mp3: bool
    editions: tuple[str, ...] = ()
    one_file: bool = False
    credits: str = "auto"
    opening_credits: str = ""
    closing_credits: str = ""


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How a book's text is taken: the text room's footnote setting, and the speech rules that stay silent."""

    footnotes: Literal["left_out", "chapter_end", "inline"]
    rules_off: frozenset[str]
    sentences: Literal["own", "yasbd"] = "own"


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How many days events, jobs and rotated logs are kept; 0 keeps them for ever."""

    events_days: int
    jobs_days: int
    logs_days: int


@dataclass(frozen=True, slots=True)
class MoneySettings:
    """What engines that cost money may cost at most, in US dollars; 0 is no cap."""

    per_production_usd: float = 0.0
    per_day_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class DistributedSettings:
    """How workers of several machines hear of jobs, and how a book is shared out among them."""

    dispatcher: Literal["embedded", "procrastinate", "arq"] = "embedded"
    queues: tuple[str, ...] = ()
    redis_url: str = "redis://127.0.0.1:6379/0"
    part_chunks: int = 16


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """Whether a recogniser listens to what was spoken, and which one."""

    hearing: str = "off"
    sample_percent: int = 5
    recogniser: str = "moonshine"
    command: str = ""
    url: str = ""
    model: str = ""
    languages: tuple[str, ...] = ()
    api_key: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run of Foundry was told. ``home`` is the tree in use (``<home>/alpha`` in the alpha environment)."""

    home: Path
    origin: Origin
    environment: str
    database_url: str
    default_engine: str
    default_narrator: str | None
    workers: int
    library: Path
    audio: AudioSettings
    text: TextSettings
    log_level: str
    retention: RetentionSettings
    room_patience_s: float
    engines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    money: MoneySettings = MoneySettings()
    check: CheckSettings = CheckSettings()

    distributed: DistributedSettings = DistributedSettings()

    @property
    def database_file(self) -> Path:
        """The SQLite file of this home, whether or not it is the one in use."""
        return _database_file(self.home, self.environment)

    @property
    def keeps_own_file(self) -> bool:
        """Whether the database is this home's own SQLite file."""
        return self.database_url == _sqlite(self.database_file)

    @property
    def is_ready(self) -> bool:
        """Whether ``init`` has been here."""
        if self.keeps_own_file:
            return self.database_file.is_file()
        return (self.home / CONFIG).is_file()

    def engine_options(self, name: str) -> Mapping[str, Any]:
        """What config.toml and the environment say of one speech engine."""
        return self.engines.get(name, {})


def load_settings(
    *,
    home: Path | None = None,
    environment: str | None = None,
    database_url: str | None = None,
    workers: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from the flags given, the environment and the home's config.toml.

    Raises UsageError (an unknown key, a value of the wrong kind, an environment that does not exist) and HomeUnusable.
    """
    env = os.environ if environ is None else environ
    name = environment or env.get("FOUNDRY_ENV") or "production"
    if name not in ENVIRONMENTS:
        raise UsageError(f"There is no environment {name!r}.", next_action="Say alpha or production.")
    top, origin = find_home(home, env)
    tree = top / "alpha" if name == "alpha" else top
    config = read_config(tree / CONFIG)
    values = config_values(config, tree / CONFIG) | _environment_values(env)
    library = Path(values["library"]).expanduser()
    return Settings(
        home=tree,
        origin=origin,
        environment=name,
        database_url=database_url or values["database_url"] or _sqlite(_database_file(tree, name)),
        default_engine=values["default_engine"],
        default_narrator=values["default_narrator"] or None,
        workers=workers if workers is not None else values["workers"],
        library=library if library.is_absolute() else tree / library,
        audio=_audio(values),
        text=TextSettings(values["text.footnotes"], _names(values["text.rules_off"]), values["text.sentences"]),
        log_level=values["log_level"],
        retention=RetentionSettings(
            values["retention.events_days"], values["retention.jobs_days"], values["retention.logs_days"]
        ),
        distributed=DistributedSettings(
            values["distributed.dispatcher"],
            tuple(sorted(_names(values["distributed.queues"]))),
            values["distributed.redis_url"],
            values["distributed.part_chunks"],
        ),
        room_patience_s=60.0 * values["disk.wait_min"],
        engines=_engines(config, env),
        check=CheckSettings(
            hearing=values["check.hearing"],
            sample_percent=values["check.sample_percent"],
            recogniser=values["check.recogniser"],
            command=values["check.command"],
            url=values["check.url"],
            model=values["check.model"],
            languages=tuple(sorted(_names(values["check.languages"]))),
            api_key=env.get("FOUNDRY_CHECK_API_KEY", ""),
        ),
        money=MoneySettings(values["money.per_production_usd"], values["money.per_day_usd"]),
    )


def _audio(values: Mapping[str, Any]) -> AudioSettings:
    try:
        editions = edition_names(values["audio.editions"])
    except UsageError as error:
        raise UsageError(f"audio.editions: {error.message}", next_action=error.action) from error
    return AudioSettings(
        profile=values["audio.profile"],
        bitrate_bps=values["audio.bitrate_kbps"] * 1000,
        mp3=values["audio.mp3"],
        editions=editions,
        one_file=values["audio.one_file"],
        credits=values["audio.credits"],
        opening_credits=checked_template(values["audio.opening_credits"], "audio.opening_credits"),
        closing_credits=checked_template(values["audio.closing_credits"], "audio.closing_credits"),
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def find_home(given: Path | None, environ: Mapping[str, str]) -> tuple[Path, Origin]:
    """The home folder and who named it; the folder need not exist. Raises HomeUnusable where it can be none."""
    if given is not None:
        return _absolute(given), "--home"
    if named := environ.get("FOUNDRY_HOME"):
        return _absolute(Path(named)), "FOUNDRY_HOME"
    here = Path.cwd()
    if (here / CONFIG).is_file() or (here / "database").is_dir():
        return here, "current folder"
    from platformdirs import user_data_path

    return user_data_path(_APP, appauthor=False), "user data folder"


def _absolute(folder: Path) -> Path:
    path = folder.expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise HomeUnusable(f"The home {path} is a file, not a folder.")
    return path.resolve()


def _database_file(home: Path, environment: str) -> Path:
    return home / "database" / ("alpha_foundry.db" if environment == "alpha" else "foundry.db")


def _sqlite(path: Path) -> str:
    # As SQLAlchemy writes it; a ? or # in a folder's name must not end the path.
    return f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F').replace('#', '%23')}"


def _environment_values(environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        option.key: from_text(option, environ[option.variable], option.variable)
        for option in OPTIONS
        if environ.get(option.variable)
    }


def _engines(config: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    engines = {name: dict(options) for name, options in config.get("engines", {}).items()}
    for engine in engine_names():
        known = {engine_variable(engine, option): option for option in engine_options(engine)}
        prefix = f"FOUNDRY_{engine}_".upper()
        for variable, value in environ.items():
            if variable in known and value:
                option = known[variable]
                engines.setdefault(engine, {})[option.key] = from_text(option, value, variable)
            elif engine not in ENGINE_OPTIONS and variable.startswith(prefix) and value:
                engines.setdefault(engine, {})[variable.removeprefix(prefix).lower()] = value
    return engines


def engine_variable(engine: str, option: Option) -> str:
    """The environment variable of an engine's option: ``FOUNDRY_EDGE_URL``."""
    return f"FOUNDRY_{engine}_{option.key}".upper()
