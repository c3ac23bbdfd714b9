from __future__ import annotations

import dataclasses
import logging
import stat
from pathlib import Path

import pytest

from foundry_tui.errors import EngineMissing, HomeUnusable, UsageError
from foundry_tui.log_file import Redacting, open_log
from foundry_tui.settings import find_home, load_settings
from foundry_tui.settings_file import default_config, read_config
from foundry_tui.settings_options import ENGINE_OPTIONS, OPTIONS


def write(home: Path, text: str) -> Path:
    (home / "config.toml").write_text(text, encoding="utf-8")
    return home


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    write(tmp_path, 'workers = 3\ndefault_engine = "edge"\ndatabase_url = "postgresql://file/x"\n')
    environ = {"FOUNDRY_WORKERS": "4", "FOUNDRY_DATABASE_URL": "postgresql://environment/x"}
    plainly = load_settings(home=tmp_path, environ={})
    assert (plainly.workers, plainly.default_engine, plainly.audio.profile) == (3, "edge", "podcast")
    assert plainly.database_url == "postgresql://file/x"
    told = load_settings(home=tmp_path, environ=environ)
    assert (told.workers, told.database_url) == (4, "postgresql://environment/x")
    flagged = load_settings(home=tmp_path, environ=environ, workers=5, database_url="sqlite:///x.db")
    assert (flagged.workers, flagged.database_url) == (5, "sqlite:///x.db")


def test_the_home_is_found_in_the_documented_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, named, data = (tmp_path / name for name in ("here", "named", "data"))
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    assert find_home(named, {"FOUNDRY_HOME": "/elsewhere"}) == (named, "--home")
    assert find_home(None, {"FOUNDRY_HOME": str(named)}) == (named, "FOUNDRY_HOME")
    assert find_home(None, {}) == (data / "foundry-tui", "user data folder")
    (here / "database").mkdir()
    assert find_home(None, {}) == (here, "current folder")


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeUnusable, match="is a file"):
        find_home(tmp_path / "file", {})


def test_alpha_has_its_own_tree_database_and_configuration(tmp_path: Path) -> None:
    write(tmp_path, 'database_url = "postgresql://production/x"\nlibrary = "/srv/audiobooks"\n')
    alpha = load_settings(home=tmp_path, environ={"FOUNDRY_ENV": "alpha"})
    assert alpha.home == tmp_path / "alpha"
    assert alpha.database_file == tmp_path / "alpha" / "database" / "alpha_foundry.db"
    assert alpha.library == tmp_path / "alpha" / "library"
    assert alpha.keeps_own_file


def test_an_unknown_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'beta'"):
        load_settings(home=tmp_path, environ={"FOUNDRY_ENV": "beta"})


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("worker = 3\n", "worker", "workers"),
        ('[audio]\nprofil = "acx"\n', "audio.profil", "audio.profile"),
        ("[engines.edge]\nconcurency = 4\n", "engines.edge.concurency", "engines.edge.concurrency"),
        ("[engines.espaek]\nconcurrency = 4\n", "engines.espaek", "engines.espeak"),
        ("zzz = 1\n", "zzz", "Known:"),
    ],
)
def test_a_mistyped_key_is_named_with_its_file_and_what_was_meant(
    tmp_path: Path, text: str, key: str, hint: str
) -> None:
    write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_settings(home=tmp_path, environ={})
    assert f"unknown key {key}." in caught.value.message
    assert str(tmp_path / "config.toml") in caught.value.message
    assert hint in caught.value.action


@pytest.mark.parametrize(
    "text",
    [
        'workers = "many"\n',
        "workers = 0\n",
        "workers = true\n",
        'audio = "loud"\n',
        '[audio]\nprofile = "loud"\n',
        "[engines.edge]\nurl = 7\n",
        "workers = \n",
    ],
)
def test_a_value_that_cannot_be_is_a_usage_error_naming_the_file(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    with pytest.raises(UsageError, match=r"config\.toml"):
        load_settings(home=tmp_path, environ={})


@pytest.mark.parametrize(("name", "value"), [("FOUNDRY_WORKERS", "two"), ("FOUNDRY_AUDIO_MP3", "perhaps")])
def test_a_wrong_environment_variable_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        load_settings(home=tmp_path, environ={name: value})


def test_engine_options_come_from_file_and_environment(tmp_path: Path) -> None:
    write(tmp_path, '[engines.edge]\nconcurrency = 7\nurl = "wss://file"\n')
    settings = load_settings(home=tmp_path, environ={"FOUNDRY_EDGE_URL": "ws://127.0.0.1:1/"})
    assert settings.engine_options("edge") == {"concurrency": 7, "url": "ws://127.0.0.1:1/"}
    assert settings.engine_options("espeak") == {}


def test_an_engine_that_checks_its_own_options_is_handed_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foundry_tui.settings.engine_names", lambda: ("espeak", "humming"))
    monkeypatch.setattr("foundry_tui.settings_file.engine_names", lambda: ("espeak", "humming"))
    write(tmp_path, "[engines.humming]\npitch = 3\n")
    settings = load_settings(home=tmp_path, environ={"FOUNDRY_HUMMING_BASE_URL": "http://127.0.0.1"})
    assert settings.engine_options("humming") == {"pitch": 3, "base_url": "http://127.0.0.1"}


def test_a_key_in_a_file_others_may_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foundry_tui.settings_file.engine_names", lambda: ("humming",))
    config = write(tmp_path, '[engines.humming]\napi_key = "sk-secret"\n') / "config.toml"
    config.chmod(0o644)
    with pytest.raises(UsageError, match=r"engines\.humming\.api_key") as caught:
        load_settings(home=tmp_path, environ={})
    assert "chmod 600" in caught.value.action
    assert "sk-secret" not in caught.value.sentence()
    config.chmod(0o600)
    assert load_settings(home=tmp_path, environ={}).home == tmp_path


def test_the_default_configuration_changes_nothing_and_names_every_option(tmp_path: Path) -> None:
    text = default_config()
    write(tmp_path, text)
    assert read_config(tmp_path / "config.toml") == {
        "audio": {},
        "check": {},
        "console": {},
        "disk": {},
        "distributed": {},
        "engines": {engine: {} for engine in ENGINE_OPTIONS},
        "money": {},
        "retention": {},
        "text": {},
    }
    for option in OPTIONS:
        assert f"# {option.key.rpartition('.')[2]} = " in text


def test_every_line_of_the_default_configuration_can_be_put_in_force(tmp_path: Path) -> None:
    lines = default_config().splitlines()
    in_force = [line.removeprefix("# ") if " = " in line else line for line in lines]
    write(tmp_path, "\n".join(in_force))
    told = load_settings(home=tmp_path, environ={})
    (tmp_path / "config.toml").unlink()
    untold = load_settings(home=tmp_path, environ={})
    assert told.engines["edge"]["receive_timeout_s"] == 45.0
    assert dataclasses.replace(told, engines={}) == dataclasses.replace(untold, engines={})


def test_every_engine_and_every_option_of_it_is_one_the_engine_takes() -> None:
    from foundry_tui.voices.engines import engine_names, open_engine

    assert set(ENGINE_OPTIONS) <= set(engine_names())
    for engine, options in ENGINE_OPTIONS.items():
        try:
            opened = open_engine(engine, {option.key: option.default for option in options})
        except (
            EngineMissing
        ):  # what it needs is not installed on this machine; an option it refuses is no EngineMissing
            continue
        assert opened.profile.name == engine


def test_a_home_with_odd_letters_has_an_address_its_database_opens_at(tmp_path: Path) -> None:
    from sqlalchemy.engine import make_url

    home = tmp_path / "a b?c#d%20é"
    home.mkdir()
    settings = load_settings(home=home, environ={})
    assert make_url(settings.database_url).database == str(settings.database_file)


def test_secrets_never_reach_the_log(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    open_log(tmp_path, "info", {"OPENAI_API_KEY": "sk-very-secret"})
    log = logging.getLogger("foundry_tui.test")
    log.info("calling with %s", "sk-very-secret")
    log.info("address postgresql://foundry:hunter22@db/x and Authorization: Bearer abc.def")
    log.info('{"api_key": "12345678", "password=geheim": 1}')
    try:
        int("token=abcdef99")
    except ValueError:
        log.exception("it went wrong")
    logging.getLogger("elsewhere").info("chatter")
    open_log(tmp_path / "none", "info", {})
    text = (tmp_path / "logs" / "foundry.log").read_text(encoding="utf-8")
    for secret in ("sk-very-secret", "hunter22", "abc.def", "12345678", "geheim", "abcdef99"):
        assert secret not in text
    assert "calling with ***" in text
    assert "postgresql://foundry:***@db/x" in text
    assert "ValueError" in text
    assert "chatter" not in text


def test_two_processes_may_rotate_the_same_log(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    open_log(tmp_path, "info", {})
    log = logging.getLogger("foundry_tui.test")
    log.info("before")
    (tmp_path / "logs" / "foundry.log").rename(tmp_path / "logs" / "foundry.log.1")
    log.info("after")
    open_log(tmp_path / "none", "info", {})
    assert "after" in (tmp_path / "logs" / "foundry.log").read_text()
    assert "after" not in (tmp_path / "logs" / "foundry.log.1").read_text()


def test_ordinary_words_are_not_redacted() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "the chunk key changed, 3 tokens of text", None, None)
    assert Redacting({}).format(record).endswith(": the chunk key changed, 3 tokens of text")


def test_an_unreadable_configuration_is_a_sentence(tmp_path: Path) -> None:
    config = write(tmp_path, "workers = 2\n") / "config.toml"
    config.chmod(0)
    if config.stat().st_mode & stat.S_IRUSR:
        pytest.skip("this filesystem keeps no permissions")
    config.unlink()
    config.mkdir()
    with pytest.raises(HomeUnusable, match="cannot be read"):
        load_settings(home=tmp_path, environ={})
