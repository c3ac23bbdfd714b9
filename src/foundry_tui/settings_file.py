"""config.toml: reading it, saying clearly what is wrong with it, and the documented one ``init`` writes."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from foundry_tui.errors import HomeUnusable, UsageError
from foundry_tui.settings_options import ENGINE_OPTIONS, OPTIONS, Option, checked, engine_options
from foundry_tui.voices.engines import engine_names

_SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)


def read_config(file: Path) -> dict[str, Any]:
    """The tables of ``file``, every key known; {} where there is no file. Raises UsageError naming key and file."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise HomeUnusable(f"{file} cannot be read: {error.strerror}.") from error
    try:
        config = tomllib.loads(raw.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is no TOML: {error}.", next_action="Mend that line.") from error
    _check_keys(config, file)
    _check_secrecy(config, file)
    return config


def holds_secrets(file: Path) -> bool:
    """Whether a config.toml names anything that others must not read; raises UsageError for one that is no TOML."""
    try:
        return bool(_secrets(tomllib.loads(file.read_bytes().decode("utf-8-sig"))))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is no TOML: {error}.", next_action="Mend that line.") from error


def _secrets(config: Mapping[str, Any]) -> list[str]:
    engines = config.get("engines", {})
    tables = engines.items() if isinstance(engines, dict) else ()
    return [
        f"engines.{engine}.{key}"
        for engine, options in tables
        if isinstance(options, dict)
        for key in options
        if _SECRET.search(key)
    ]


def _check_secrecy(config: Mapping[str, Any], file: Path) -> None:
    named = _secrets(config)
    if named and file.stat().st_mode & 0o077:
        raise UsageError(
            f"{file} holds {named[0]}, and others may read the file.",
            next_action=f"Close it with `chmod 600 {file}`, or give the key in the environment.",
        )


def config_values(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Every option's value by its key, defaults where ``config`` is silent; raises UsageError on a wrong kind."""
    values: dict[str, Any] = {}
    for option in OPTIONS:
        table: Any = config
        *tables, key = option.key.split(".")
        for name in tables:
            table = table.get(name, {})
        values[option.key] = checked(option, table[key], f"{option.key} in {file}") if key in table else option.default
    return values


def _check_keys(config: Mapping[str, Any], file: Path) -> None:
    tables = {option.key.split(".")[0] for option in OPTIONS if "." in option.key}
    top = {option.key for option in OPTIONS if "." not in option.key} | tables | {"engines", "keys"}
    _refuse_unknown(config, top, "", file)
    for name in sorted(tables & config.keys()):
        keys = {option.key.removeprefix(f"{name}.") for option in OPTIONS if option.key.startswith(f"{name}.")}
        _refuse_unknown(_table(config[name], name, file), keys, f"{name}.", file)
    engines = _table(config.get("engines", {}), "engines", file)
    if engines:
        _refuse_unknown(engines, engine_names(), "engines.", file)
    for name, given in engines.items():
        _check_engine(name, _table(given, f"engines.{name}", file), file)


def _check_engine(name: str, given: Mapping[str, Any], file: Path) -> None:
    options = {option.key: option for option in engine_options(name)}
    prefix = f"engines.{name}."
    # An engine without a table there checks its own options when it is opened.
    if name in ENGINE_OPTIONS:
        _refuse_unknown(given, options, prefix, file)
    for key in options.keys() & given.keys():
        checked(options[key], given[key], f"{prefix}{key} in {file}")


def _table(value: Any, name: str, file: Path) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{name} in {file} is {value!r}.", next_action=f"It is a table: [{name}].")
    return value


def _refuse_unknown(given: Iterable[str], known: Iterable[str], prefix: str, file: Path) -> None:
    names = sorted(known)
    for key in given:
        if key in names:
            continue
        near = difflib.get_close_matches(key, names, n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(prefix + name for name in near)}?" if near else f"Known: {', '.join(names)}."
        raise UsageError(f"{file} has an unknown key {prefix}{key}.", next_action=hint)


def default_config() -> str:
    """The config.toml ``init`` writes: every option with what it means, commented out at its default."""
    lines = [
        "# Foundry's configuration. Flags and FOUNDRY_* variables win over this file; a line without # is in force."
    ]
    table = ""
    for option in OPTIONS:
        head, _, key = option.key.rpartition(".")
        if head != table:
            lines += ["", f"[{head}]"]
            table = head
        lines += ["", *_entry(option, key)]
    for engine in ENGINE_OPTIONS:
        lines += ["", f"[engines.{engine}]"]
        for option in engine_options(engine):
            lines += ["", *_entry(option, option.key)]
    return "\n".join(lines) + "\n"


def _entry(option: Option, key: str) -> list[str]:
    return [f"# {option.help}", f"# {key} = {_toml(option.default)}"]


def _toml(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
