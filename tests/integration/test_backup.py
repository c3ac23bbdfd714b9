"""A home taken to safety while it works, and brought back whole: the real command, real files, real rows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from fakes import homes
from fakes.command_line import write_book
from fakes.press import Press, kill_group, wait_until
from foundry_tui.errors import Conflict, FoundryError
from foundry_tui.operations.backup import Backups
from foundry_tui.operations.backup_files import read_manifest
from foundry_tui.operations.restore import restore
from foundry_tui.store.database import Database, sqlite_url

SENTENCE = "<p>The kettle sang on the stove, number {} of many, and nobody in the house had thought to lift it.</p>\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Press:
    """A home with one finished audiobook."""
    press = Press(tmp_path_factory.mktemp("homes") / "finished")
    source = write_book(press.home.parent)
    press.run("init", "--no-seeds", "--no-sample")
    press.run("book", "add", str(source), "--book-id", "clerk")
    press.run("narrator", "add", "nora", "--name", "Nora", "--language", "en", "--engine", "espeak")
    press.run("produce", "clerk", "--narrator", "nora")
    press.run("--run-all")
    return press


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.parametrize("ending", ["", "home.tar"])
def test_a_restored_home_is_the_same_and_has_nothing_to_do(finished: Press, tmp_path: Path, ending: str) -> None:
    made = json.loads(finished.run("backup", "--to", str(tmp_path / "safe" / ending), "--library", "--json").stdout)
    assert made["missing"] == 0
    new = Press(tmp_path / "new")
    told = json.loads(new.run("restore", made["backup"], "--json").stdout)
    assert told["doctor"] == []
    assert told["rows"] == made["rows"]
    for folder in ("foundry", "library"):
        assert contents(new.home / folder) == contents(finished.home / folder)
        assert contents(new.home / folder)
    assert "Nothing to do." in new.run("--run-all").stdout
    (row,) = new.rows("SELECT result FROM production_steps WHERE step_name = 'publishing'")
    assert json.loads(row["result"])["folder"].startswith(str(new.home))
    new.run("requeue", new.rows("SELECT audiobook_id FROM audiobook_productions")[0][0], "--step", "7")
    new.run("--run-all")
    assert len(list(new.home.glob("library/*/*/*.m4b"))) == 1, "published where it was, not a second time"
    refused = new.run("restore", made["backup"], expect=2)
    where = {"sqlite": "is not empty", "postgresql": "holds rows already"}  # what is said of files, or else of rows
    assert where[homes.wanted_kind()] in refused.stderr


@pytest.mark.parametrize("ending", ["", "home.tar"])
def test_names_that_are_no_text_come_back_as_they_were(finished: Press, tmp_path: Path, ending: str) -> None:
    home = homes.copy(finished.home, tmp_path / "home")
    odd = [home / os.fsdecode(name) for name in (b"inbox/caf\xe9.txt", b"samples/\xff\xfe/\xc3.wav")]
    for path in odd:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(path.name))
        os.utime(path, (1, 1))
    made = json.loads(Press(home).run("backup", "--to", str(tmp_path / "safe" / ending), "--json").stdout)
    new = Press(tmp_path / "new")
    new.run("restore", made["backup"])
    for path in odd:
        assert (new.home / path.relative_to(home)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("place", ["foundry", "inbox/safe", "foundry/clerk/home.tar"])
def test_no_backup_is_made_in_what_is_backed_up(finished: Press, place: str) -> None:
    refused = finished.run("backup", "--to", str(finished.home / place), expect=2)
    assert "the next backup would hold this one" in refused.stderr
    assert not list((finished.home / "foundry").glob("foundry_backup_*"))


def test_the_next_backup_costs_only_what_is_new(finished: Press, tmp_path: Path) -> None:
    first = json.loads(finished.run("backup", "--to", str(tmp_path), "--json").stdout)
    second = json.loads(finished.run("backup", "--to", str(tmp_path), "--json").stdout)
    assert first["linked"] == 0
    assert second["linked"] == second["files"] - 1, "all but the database"
    chunk = next(Path(second["backup"]).rglob("*.flac"))
    assert chunk.stat().st_nlink == 2
    original = next(finished.home.rglob(chunk.name))
    assert original.stat().st_ino != chunk.stat().st_ino, "never the same bytes as the home itself"
    shutil.rmtree(first["backup"])
    new = Press(tmp_path / "new")
    new.run("restore", second["backup"])
    assert contents(new.home / "foundry") == contents(finished.home / "foundry")


def test_a_backup_of_a_home_at_work_goes_on_where_it_was(tmp_path: Path) -> None:
    press = Press(tmp_path / "home", environment={"FOUNDRY_ESPEAK_CONCURRENCY": "1"})
    source = write_book(tmp_path)
    pages = "".join(SENTENCE.format(number) for number in range(40))
    source.write_text(source.read_text().replace("</body>", pages + "</body>"))
    press.run("init", "--no-seeds", "--no-sample")
    press.run("book", "add", str(source), "--book-id", "clerk")
    press.run("narrator", "add", "nora", "--name", "Nora", "--language", "en", "--engine", "espeak")
    press.run("produce", "clerk", "--narrator", "nora")
    running = press.start("--run-all")
    try:
        wait_until(lambda: len(press.finished_chunks()) > 5, 60, "chunks are spoken")
        made = json.loads(press.run("backup", "--to", str(tmp_path / "safe"), "--json").stdout)
    finally:
        kill_group(running)
    new = Press(tmp_path / "new")
    new.run("restore", made["backup"])
    spoken = new.finished_chunks()
    assert len(spoken) > 5
    (job,) = new.rows("SELECT status, reason, attempt FROM jobs WHERE status <> 'success'")
    assert tuple(job) == ("pending", "restored", 0), "nobody is at work in a copy, and it cost nothing"
    new.run("--run-all")
    after = new.finished_chunks()
    assert {name: after[name] for name in spoken} == spoken, "what was spoken is not spoken twice"
    assert len(list(new.home.glob("library/*/*/*.m4b"))) == 1


async def refused(made: Path, home: Path) -> str:
    target = {"database_file": homes.file_of(home), "database_url": homes.address(home)}
    with pytest.raises(FoundryError) as caught:
        await restore(made, home=home, folders=("database",), **target)
    assert not [path for path in home.rglob("*") if path.is_file()], "nothing is left of it"
    return caught.value.sentence()


async def test_a_damaged_backup_leaves_the_home_empty(finished: Press, tmp_path: Path) -> None:
    made = Path(json.loads(finished.run("backup", "--to", str(tmp_path / "safe"), "--json").stdout)["backup"])
    manifest = json.loads((made / "manifest.json").read_text())
    chunk, new = next(made.rglob("*.flac")), tmp_path / "new"
    whole = chunk.read_bytes()

    chunk.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    said = await refused(made, new)
    assert "is damaged" in said
    assert chunk.name in said
    chunk.unlink()
    assert "has lost" in await refused(made, new)

    for name in ("../../out", "/etc/out", "home/../../out", "home", "elsewhere/x"):
        entry = manifest["files"]["database.bak"]
        (made / "manifest.json").write_text(json.dumps({**manifest, "files": {name: entry}}))
        assert "outside itself" in await refused(made, new)
    (made / "manifest.json").write_text("{")
    assert "cannot be read" in await refused(made, new)
    (made / "manifest.json").unlink()
    assert "never finished" in await refused(made, new)
    assert "There is no backup" in await refused(tmp_path / "none", new)


async def test_a_tar_with_a_link_in_it_is_refused(finished: Press, tmp_path: Path) -> None:
    made = tmp_path / "home.tar"
    finished.run("backup", "--to", str(made))
    names = read_manifest(made).files
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(made) as tar, tarfile.open(hostile, "w") as out:
        for member in tar.getmembers():
            if member.name == "home/config.toml":
                link = tarfile.TarInfo(member.name)
                link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
                out.addfile(link)
            else:
                out.addfile(member, tar.extractfile(member))
    assert "home/config.toml" in names
    assert "has lost home/config.toml" in await refused(hostile, tmp_path / "new")


def test_a_copy_never_works_on_the_originals_places(finished: Press, tmp_path: Path) -> None:
    home = homes.copy(finished.home, tmp_path / "home")
    (home / "config.toml").write_text(f'workers = 1\nlibrary = "{tmp_path}/shelf"\n[audio]\nmp3 = true\n')
    press = Press(home)
    made = json.loads(press.run("backup", "--to", str(tmp_path / "safe"), "--json").stdout)
    new = Press(tmp_path / "new")
    assert "library in config.toml named places outside" in new.run("restore", made["backup"]).stderr
    text = (new.home / "config.toml").read_text()
    assert f'# as it was before the restore: library = "{tmp_path}/shelf"' in text
    assert "workers = 1" in text


async def test_rows_of_either_database_come_back_into_either(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "made"
    (home / "database").mkdir(parents=True)
    (home / "foundry" / "one").mkdir(parents=True)
    (home / "foundry" / "one" / "one.html").write_text("<p>One.</p>")
    async with database.write() as connection:
        await connection.execute(
            text("INSERT INTO books (id, book_id, book_name, language) VALUES ('20250101000000', 'one', 'One', 'eng')")
        )
        await connection.execute(
            text("INSERT INTO jobs (name, status, attempt, lease_expires_at, worker_id, created_at)"
                 " VALUES ('x', 'processing', 1, 4e9, 'somebody', 1)")
        )  # fmt: skip
    backups = Backups(database, home, home / "library", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    made = await backups.make(tmp_path / "safe")
    assert (made.files, made.place.name) == (2, "foundry_backup_20260101000000")
    assert (await backups.make(tmp_path / "safe")).place.name == "foundry_backup_20260101000001", "in the same second"
    for number, url in enumerate((postgres_url, None)):
        new = tmp_path / f"new_{number}"
        own = new / "database" / "foundry.db"
        target = {"database_file": own, "database_url": url or sqlite_url(str(own)), "folders": ("database", "logs")}
        if url is not None and not database.is_sqlite:
            continue  # it is the one the rows came from
        done = await restore(made.place, home=new, **target)
        assert (new / "foundry" / "one" / "one.html").read_text() == "<p>One.</p>"
        opened = Database.connect(str(target["database_url"]))
        (row,) = await opened.fetch("SELECT book_name, status, attempt, reason, worker_id FROM books, jobs")
        assert tuple(row.values()) == ("One", "pending", 0, "restored", None)
        await opened.close()
        assert done.rows == made.rows
    with pytest.raises(Conflict):
        await restore(made.place, home=new, **target)


@pytest.fixture
async def small(migrated_file: Path, tmp_path: Path) -> Path:
    """A backup of one book, of something in every folder, and of a config.toml that names the original's library."""
    home = tmp_path / "made"
    for name in ("foundry/one/one.html", "samples/nora.wav", "inbox/new.txt", "library/A/T/t.m4b", "database/x"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(name)
    (home / "config.toml").write_text(f'library = "{home}/library"\nworkers = 1\n')
    database = Database.connect(sqlite_url(str(migrated_file)))
    async with database.write() as connection:
        await connection.execute(
            text("INSERT INTO books (id, book_id, book_name, language) VALUES ('20250101000000', 'one', 'One', 'eng')")
        )
    made = await Backups(database, home, home / "library", lambda: datetime(2026, 1, 1, tzinfo=UTC)).make(
        tmp_path / "safe", library=True
    )
    await database.close()
    return made.place


def target_of(home: Path, url: str | None = None) -> dict[str, Any]:
    own = home / "database" / "foundry.db"
    places = {"database_file": own, "database_url": url or sqlite_url(str(own))}
    return {"home": home, "folders": ("database", "inbox"), **places}


@pytest.mark.parametrize(
    "name", ["config.toml", "inbox/mine.txt", "inbox/new.txt", "samples/nora.wav", "foundry/x", "library/A/mine"]
)
async def test_what_lies_in_the_home_is_named_and_stays(small: Path, tmp_path: Path, name: str) -> None:
    mine = tmp_path / "new" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(Conflict, match=f"it holds .*{name}"):
        await restore(small, **target_of(tmp_path / "new"))
    assert [path for path in (tmp_path / "new").rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "mine"


async def test_a_link_in_the_home_is_no_part_of_the_backup(small: Path, tmp_path: Path) -> None:
    link = tmp_path / "new" / "inbox" / "books"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path)
    with pytest.raises(Conflict, match="inbox/books"):
        await restore(small, **target_of(tmp_path / "new"))
    assert link.is_symlink()


@pytest.mark.parametrize("on_a_server", [False, True])
async def test_a_restore_that_was_broken_off_can_be_asked_for_again(
    small: Path, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, on_a_server: bool
) -> None:
    home = tmp_path / "new"
    target = target_of(home, postgres_url if on_a_server else None)

    async def cut(*_: object) -> None:
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr("foundry_tui.operations.restore._copy_rows", cut)
        patch.setattr("foundry_tui.operations.restore.rows.restore", cut)
        with pytest.raises(OSError, match="the power went"):
            await restore(small, **target)
    brought = home / "inbox" / "new.txt"
    brought.rename(tmp_path / "aside")  # it may have been cut off before this one
    kept = (home / "foundry" / "one" / "one.html").stat().st_ino
    await restore(small, **target)
    assert brought.read_text() == "inbox/new.txt"
    assert (home / "foundry" / "one" / "one.html").stat().st_ino == kept
    assert "# as it was before the restore: library" in (home / "config.toml").read_text()
    assert not list(home.glob(".part_*"))
    opened = Database.connect(target["database_url"])
    assert await opened.fetch("SELECT book_name FROM books") == [{"book_name": "One"}]
    await opened.close()
    with pytest.raises(Conflict, match="is not empty" if not on_a_server else "holds rows already, in books"):
        await restore(small, **target)


async def test_what_was_changed_after_a_cut_is_not_overwritten(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object) -> None:
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr("foundry_tui.operations.restore.rows.restore", cut)
        with pytest.raises(OSError, match="the power went"):
            await restore(small, **target_of(tmp_path / "new"))
    changed = tmp_path / "new" / "config.toml"
    changed.write_text(changed.read_text() + "workers = 3\n")
    with pytest.raises(Conflict, match=r"config\.toml"):
        await restore(small, **target_of(tmp_path / "new"))


async def test_a_server_that_holds_rows_is_refused_before_a_file_is_brought(
    small: Path, tmp_path: Path, postgres_url: str
) -> None:
    await restore(small, **target_of(tmp_path / "first", postgres_url))
    with pytest.raises(Conflict, match="holds rows already, in books"):
        await restore(small, **target_of(tmp_path / "second", postgres_url))
    assert not (tmp_path / "second").exists()


async def test_files_are_on_the_disk_before_the_rows_that_name_them(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "new"
    seen: list[bool] = []

    def sync() -> None:
        seen.append(
            (home / "foundry" / "one" / "one.html").is_file() and not (home / "database" / "foundry.db").exists()
        )

    monkeypatch.setattr(os, "sync", sync)
    await restore(small, **target_of(home))
    assert seen == [True]
