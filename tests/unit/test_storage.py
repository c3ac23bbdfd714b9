"""The library: names that are safe anywhere, editions that are whole, and nobody's book overwritten."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_tui.errors import ArtifactBroken, DiskFull, WriteFailed
from foundry_tui.storage import ChapterMark, Edition, LocalLibrary, building
from foundry_tui.storage.names import author_folder, edition_folder, file_name, safe_name


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "combined"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def library(tmp_path: Path) -> LocalLibrary:
    return LocalLibrary(tmp_path / "library")


def edition(made: Path, audiobook_id: str = "20260101000000", sound: bytes = b"sound", **changes: Any) -> Edition:
    source = made / f"{audiobook_id}.m4b"
    source.unlink(missing_ok=True)
    source.write_bytes(sound)
    plain = Edition(
        audiobook_id=audiobook_id,
        title="The Tin Kettle Line",
        author="Foundry",
        narrator="Ember",
        language="eng",
        files={"tin_kettle.m4b": source},
        trash=made.parent / "trash",
        year=2026,
        genres=("Short stories",),
        summary="A branch railway that nobody wants.",
        series=("Samples #1",),
        cover=b"\xff\xd8\xff jpeg",
        chapters=(ChapterMark("I. The Line", 0.0, 61.5), ChapterMark("", 61.5, 120.000041)),
    )
    return replace(plain, **changes)


def visible(root: Path) -> list[str]:
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and ".foundry/" not in f"{path}/"
    )


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Moby Dick; or, The Whale", "Moby Dick; or, The Whale"),
        ("Frankenstein: Or, the Modern Prometheus", "Frankenstein - Or, the Modern Prometheus"),
        ("7:42", "7-42"),
        ("[/x]\x1b[2J../../etc", "[-x][2J..-..-etc"),
        ("../../../etc/passwd", "-..-..-etc-passwd".lstrip(" .-~")),
        ("..", "Untitled"),
        ("", "Untitled"),
        ("\u202eevil\u2066", "evil"),
        ("~root", "root"),
        ("-rf", "rf"),
        ("CON", "CON_"),
        ("nul.txt", "nul_.txt"),
        ("Console", "Console"),
        ("Who? What* <Where>", "Who What (Where)"),
        ("a\tb\nc", "a b c"),
        ("Cafe\u0301", "Café"),
        ("火星の記憶", "火星の記憶"),
        ("Wait...", "Wait"),
        ("A {Strange} Book", "A (Strange) Book"),
    ],
)
def test_a_title_becomes_a_name(text: str, name: str) -> None:
    assert safe_name(text, "Untitled") == name


@given(st.text(alphabet=st.characters(), max_size=400), st.one_of(st.none(), st.text(max_size=200)))
def test_whatever_the_title_it_is_one_legal_path_part(title: str, narrator: str | None) -> None:
    for name in (
        edition_folder(title, narrator),
        edition_folder(title, narrator, 2),
        author_folder(title),
        file_name(title + ".m4b", "a"),
    ):
        assert 1 <= len(name.encode()) <= 255
        assert name not in {".", ".."}
        assert name[0] not in ".-~ "
        assert name[-1] not in ". "
        assert not set(name) & set('/\\:*?"<>|')
        assert unicodedata.is_normalized("NFC", name)
        assert not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
    assert edition_folder(title, narrator, 2) != edition_folder(title, narrator)


def test_a_long_title_is_cut_between_letters_and_keeps_its_narrator_and_its_ending() -> None:
    folder = edition_folder("Żółć " * 200, "Ember")
    assert folder.endswith("… {Ember}")
    assert file_name("é" * 400 + ".m4b", "a").endswith("….m4b")
    accents = safe_name("x̂̄" * 200, "a")
    assert len(accents.encode()) <= 255
    assert accents.removesuffix("…").endswith("x̂̄")


# --- publishing ------------------------------------------------------------------------------------------------------


def test_an_edition_lies_where_audiobookshelf_looks(library: LocalLibrary, made: Path) -> None:
    given = edition(made)
    published = library.publish(given)
    folder = library.root / "Foundry" / "The Tin Kettle Line {Ember}"
    assert published.folder == folder
    assert published.files == (folder / "tin_kettle.m4b",)
    assert published.size_bytes == 5
    assert published.replaced == ()
    assert (folder / "tin_kettle.m4b").samefile(given.files["tin_kettle.m4b"]), "linked, not copied"
    assert sorted(path.name for path in folder.iterdir()) == [
        ".foundry.json",
        "cover.jpg",
        "desc.txt",
        "metadata.json",
        "reader.txt",
        "tin_kettle.m4b",
    ]
    assert (folder / "cover.jpg").read_bytes() == given.cover
    assert json.loads((folder / ".foundry.json").read_text())["audiobook_id"] == "20260101000000"
    assert library.published("20260101000000") == published
    assert not list((library.root / ".foundry" / "building").iterdir())


def test_the_sidecar_has_the_keys_and_types_audiobookshelf_takes(library: LocalLibrary, made: Path) -> None:
    given = edition(made, author="Karl Marx; Friedrich Engels & Moses", title="A \x1b[2J B")
    sidecar = json.loads((library.publish(given).folder / "metadata.json").read_text(encoding="utf-8"))
    assert sidecar["title"] == "A [2J B"
    assert sidecar["authors"] == ["Karl Marx", "Friedrich Engels", "Moses"]
    assert sidecar["narrators"] == ["Ember"]
    assert sidecar["series"] == ["Samples #1"]
    assert sidecar["genres"] == ["Short stories"]
    assert sidecar["publishedYear"] == "2026"
    assert sidecar["language"] == "English"
    assert sidecar["description"] == "A branch railway that nobody wants."
    assert sidecar["chapters"] == [
        {"id": 0, "start": 0.0, "end": 61.5, "title": "I. The Line"},
        {"id": 1, "start": 61.5, "end": 120.000041, "title": "Chapter 2"},
    ]
    # The scanner's own table of types: a value of another type is dropped with a warning.
    for key in (
        "title",
        "subtitle",
        "publishedYear",
        "publishedDate",
        "publisher",
        "description",
        "isbn",
        "asin",
        "language",
    ):
        assert sidecar[key] is None or isinstance(sidecar[key], str)
    for key in ("tags", "authors", "narrators", "series", "genres"):
        assert all(isinstance(item, str) and item for item in sidecar[key])


def test_nothing_known_is_still_an_edition(library: LocalLibrary, made: Path) -> None:
    given = edition(
        made, author=None, narrator=None, title="", summary=None, cover=None, year=None, series=(), chapters=()
    )
    folder = library.publish(given).folder
    assert folder == library.root / "Unknown Author" / "Untitled"
    assert sorted(path.name for path in folder.iterdir()) == [".foundry.json", "metadata.json", "tin_kettle.m4b"]


def test_chapter_files_lie_where_a_server_passes_over_them(library: LocalLibrary, made: Path) -> None:
    (made / "one.mp3").write_bytes(b"one")
    given = edition(made)
    given = replace(given, files={**given.files, "01 One.mp3": made / "one.mp3", "01 one.MP3": made / "one.mp3"})
    published = library.publish(given)
    assert dict(published.sizes) == {"tin_kettle.m4b": 5, "chapters/01 One.mp3": 3, "chapters/01 one (2).MP3": 3}
    assert (published.folder / "chapters" / ".ignore").is_file()
    assert published.files[0].name == "tin_kettle.m4b"
    (made / "read.epub").write_bytes(b"book")
    with_text = library.publish(replace(given, files={**given.files, "tin_kettle.epub": made / "read.epub"}))
    assert with_text.sizes["tin_kettle.epub"] == 4, "no audio: it lies beside the M4B"
    given = replace(given, files={**given.files, "tin_kettle.epub": made / "read.epub"})
    again = library.publish(given)
    assert again.sizes == with_text.sizes
    told = replace(edition(made), chapter_files={"01 One.mp3": made / "one.mp3"})
    assert dict(library.publish(told).sizes) == {"tin_kettle.m4b": 5, "chapters/01 One.mp3": 3}


def test_publishing_again_replaces_its_own_and_keeps_the_old_in_the_trash(library: LocalLibrary, made: Path) -> None:
    first = library.publish(edition(made, sound=b"old sound"))
    (first.folder / "booklet.pdf").write_bytes(b"laid there by hand")
    (first.folder / "desc.txt").write_text("edited by hand", encoding="utf-8")
    second = library.publish(edition(made, sound=b"new"))
    assert second.folder == first.folder
    assert (second.folder / "tin_kettle.m4b").read_bytes() == b"new"
    assert (second.folder / "booklet.pdf").read_bytes() == b"laid there by hand"
    assert (second.folder / "desc.txt").read_text() == "A branch railway that nobody wants.\n"
    (old,) = second.replaced
    assert old == made.parent / "trash" / first.folder.name
    assert (old / "tin_kettle.m4b").read_bytes() == b"old sound"
    assert (old / "desc.txt").read_text() == "edited by hand"
    third = library.publish(edition(made, sound=b"newest"))
    assert third.replaced[0].name == f"{first.folder.name} (2)"
    assert not list((library.root / ".foundry" / "building").iterdir())


def test_another_productions_edition_is_never_touched(library: LocalLibrary, made: Path) -> None:
    first = library.publish(edition(made, "20260101000001", b"first"))
    second = library.publish(edition(made, "20260101000002", b"second"))
    third = library.publish(edition(made, "20260101000003", b"third"))
    assert [item.folder.name for item in (first, second, third)] == [
        "The Tin Kettle Line {Ember}",
        "The Tin Kettle Line (2) {Ember}",
        "The Tin Kettle Line (3) {Ember}",
    ]
    again = library.publish(edition(made, "20260101000002", b"second again"))
    assert again.folder == second.folder
    assert [(item.folder / "tin_kettle.m4b").read_bytes() for item in (first, again, third)] == [
        b"first",
        b"second again",
        b"third",
    ]
    library.withdraw("20260101000001")
    assert library.publish(edition(made, "20260101000002", b"2")).folder == second.folder, "it does not wander"


def test_a_folder_somebody_else_made_is_left_alone(library: LocalLibrary, made: Path) -> None:
    theirs = library.root / "Foundry" / "The Tin Kettle Line {Ember}"
    theirs.mkdir(parents=True)
    (theirs / "my own recording.mp3").write_bytes(b"precious")
    (library.root / "Foundry" / "The Tin Kettle Line (2) {Ember}").symlink_to(theirs)
    published = library.publish(edition(made))
    assert published.folder.name == "The Tin Kettle Line (3) {Ember}"
    assert (theirs / "my own recording.mp3").read_bytes() == b"precious"
    assert len(list(theirs.iterdir())) == 1


def test_a_new_title_moves_the_edition(library: LocalLibrary, made: Path) -> None:
    first = library.publish(edition(made, author="Fondry"))
    (first.folder / "booklet.pdf").write_bytes(b"laid there by hand")
    second = library.publish(edition(made, title="The Kettle"))
    assert not first.folder.parent.exists(), "no empty folder of the misspelt author stays"
    assert (second.folder / "booklet.pdf").is_file()
    assert (second.replaced[0] / "tin_kettle.m4b").is_file()
    assert [path for path in visible(library.root) if path.endswith(".m4b")] == [
        "Foundry/The Kettle {Ember}/tin_kettle.m4b"
    ]


def test_it_knows_when_an_edition_no_longer_stands(library: LocalLibrary, made: Path) -> None:
    published = library.publish(edition(made))
    (published.folder / "metadata.json").write_text("{}", encoding="utf-8")
    assert library.published("20260101000000") is not None, "servers rewrite sidecars"
    (published.folder / "tin_kettle.m4b").unlink()
    assert library.published("20260101000000") is None
    assert library.published("20990101000000") is None
    assert library.publish(edition(made)).folder == published.folder, "and it can be published again"


def test_it_is_the_authors_folder_that_is_said_to_be_in_the_way(library: LocalLibrary, made: Path) -> None:
    library.root.mkdir(parents=True)
    author = library.root / "Foundry"
    author.write_bytes(b"a file where a folder should be")
    with pytest.raises(WriteFailed) as caught:
        library.publish(edition(made))
    assert caught.value.details["path"] == str(author)
    assert not list((library.root / ".foundry" / "building").iterdir())


def test_it_knows_when_a_file_was_changed_in_its_place(library: LocalLibrary, made: Path) -> None:
    published = library.publish(edition(made))
    book = published.folder / "tin_kettle.m4b"
    before = book.stat().st_mtime_ns
    os.utime(book, ns=(before, before + 10**9))
    assert library.published("20260101000000") is not None, "touched is not changed"

    book.write_bytes(b"S" + book.read_bytes()[1:])
    assert library.published("20260101000000") is None
    os.utime(book, ns=(before, before))
    assert library.published("20260101000000") is not None, "nobody wrote it, as far as its time tells"
    assert library.published("20260101000000", thorough=True) is None, "a bit that rotted"


def test_a_receipt_of_an_earlier_foundry_knows_the_sizes(library: LocalLibrary, made: Path) -> None:
    published = library.publish(edition(made))
    receipt = published.folder / ".foundry.json"
    told = json.loads(receipt.read_text(encoding="utf-8"))
    del told["proofs"]
    receipt.write_text(json.dumps(told), encoding="utf-8")
    assert library.published("20260101000000", thorough=True) is not None
    (published.folder / "tin_kettle.m4b").write_bytes(b"")
    assert library.published("20260101000000") is None


def test_withdrawing_moves_it_to_the_trash(library: LocalLibrary, made: Path) -> None:
    published = library.publish(edition(made))
    gone = library.withdraw("20260101000000", made.parent / "trash")
    assert gone is not None
    assert (gone / "tin_kettle.m4b").read_bytes() == b"sound"
    assert not published.folder.parent.exists()
    assert library.withdraw("20260101000000") is None


def test_a_receipt_cannot_lead_outside_the_library(library: LocalLibrary, made: Path) -> None:
    outside = LocalLibrary(made.parent / "elsewhere")
    victim = outside.publish(edition(made)).folder
    note = library.root / ".foundry" / "editions" / "20260101000000.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"folder": os.path.relpath(victim, library.root)}), encoding="utf-8")
    assert library.published("20260101000000") is None
    assert library.withdraw("20260101000000") is None
    assert victim.is_dir()


def test_files_are_copied_where_they_cannot_be_linked(
    library: LocalLibrary, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_filesystem(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(building.os, "link", other_filesystem)
    given = edition(made)
    copied = library.publish(given).folder / "tin_kettle.m4b"
    assert copied.read_bytes() == b"sound"
    assert not copied.samefile(given.files["tin_kettle.m4b"])


def test_a_swap_without_exchange_still_replaces(
    library: LocalLibrary, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.publish(edition(made, sound=b"old sound"))
    monkeypatch.setattr("foundry_tui.files._exchange", lambda *_: False)
    second = library.publish(edition(made, sound=b"new"))
    assert (second.folder / "tin_kettle.m4b").read_bytes() == b"new"
    assert (second.replaced[0] / "tin_kettle.m4b").read_bytes() == b"old sound"
    assert [path.name for path in second.folder.parent.iterdir()] == [second.folder.name]


# --- errors ----------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_said_before_anything_is_done(library: LocalLibrary, made: Path) -> None:
    given = edition(made)
    given.files["tin_kettle.m4b"].unlink()
    with pytest.raises(ArtifactBroken, match=r"20260101000000\.m4b"):
        library.publish(given)
    assert not library.root.exists()


@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, DiskFull), (errno.EACCES, WriteFailed), (errno.EROFS, WriteFailed)]
)
def test_a_disk_error_has_a_name_and_leaves_the_old_edition(
    library: LocalLibrary, made: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    first = library.publish(edition(made, sound=b"old"))
    before = visible(library.root)

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(building, "link_or_copy", refuse)
    with pytest.raises(WriteFailed) as caught:
        library.publish(edition(made, sound=b"new"))
    assert type(caught.value) is error
    assert visible(library.root) == before
    assert (first.folder / "tin_kettle.m4b").read_bytes() == b"old"
    assert not list((library.root / ".foundry" / "building").iterdir())


def test_a_library_that_is_a_file_is_said(tmp_path: Path, made: Path) -> None:
    (tmp_path / "library").write_text("not a folder", encoding="utf-8")
    with pytest.raises(WriteFailed):
        LocalLibrary(tmp_path / "library").publish(edition(made))


# --- crashes ---------------------------------------------------------------------------------------------------------

CRASHES = textwrap.dedent(
    '''
    """Publish over an old edition in a child that dies at its n-th touch of the file system, for every n."""
    import json, os, sys
    from pathlib import Path
    import foundry_tui.files
    from foundry_tui.storage import Edition, LocalLibrary

    top, exchange, stride = Path(sys.argv[1]), sys.argv[2] == "exchange", int(sys.argv[3])
    if not exchange:
        foundry_tui.files._exchange = lambda *_: False
    EVENTS = ("os.", "open", "shutil.", "ctypes.dlsym")

    def edition(folder, sound, title):
        source = folder / (sound.decode() + ".m4b")
        source.write_bytes(sound)
        return Edition("20260101000000", title, "A", "N", "eng", {"book.m4b": source}, folder / "trash", cover=b"x")

    def die_at(number):
        seen = 0
        def hook(event, args):
            nonlocal seen
            if event.startswith(EVENTS):
                seen += 1
                if seen == number:
                    os._exit(9)
        sys.addaudithook(hook)

    def editions(root):
        return [path.parent for path in root.rglob(".foundry.json") if ".foundry/" not in str(path.relative_to(root))]

    LocalLibrary(top / "warm").publish(edition(top, b"warm", "Warm"))  # imports done before anything is counted
    number, gaps = 1 - stride, 0
    while True:
        number += stride
        for title in ("Same", "Renamed"):
            folder = top / f"{number}{title}"
            folder.mkdir()
            library = LocalLibrary(folder / "library")
            place = library.publish(edition(folder, b"old", "Same")).folder
            (place / "booklet").write_text("by hand")
            new = edition(folder, b"new", title)
            pid = os.fork()
            if pid == 0:
                die_at(number)
                library.publish(new)
                os._exit(0)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert code in (0, 9), code
            there = [path for path in editions(library.root) if not path.name.startswith(".")]
            for whole in there:
                sound = (whole / "book.m4b").read_bytes()
                assert sound in (b"old", b"new"), sound
                assert (whole / "booklet").is_file() and (whole / "metadata.json").is_file()
            if exchange:
                assert there, f"nothing stands after a crash at {number}"
            gaps += not there
            final = library.publish(new)
            assert (final.folder / "book.m4b").read_bytes() == b"new"
            assert editions(library.root) == [final.folder], editions(library.root)
            assert not list((library.root / ".foundry" / "building").iterdir())
            kept = [path.read_bytes() for path in folder.rglob("book.m4b")]
            assert b"old" in kept, "the old edition is in the trash"
            assert [path for path in folder.rglob("booklet")], "what was laid there by hand is never lost"
        if code == 0:
            break
    print(json.dumps({"points": number - 1, "gaps": gaps}))
    '''
)


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.torture)], ids=["every third", "every"])
@pytest.mark.parametrize("way", ["exchange", "two renames"])
def test_a_crash_at_any_point_leaves_the_old_edition_or_the_new(tmp_path: Path, way: str, stride: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASHES, str(tmp_path), way, str(stride)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["points"] > 30
    assert report["gaps"] <= (0 if way == "exchange" else 6), (
        "nothing may stand only between two renames, until the next run"
    )
