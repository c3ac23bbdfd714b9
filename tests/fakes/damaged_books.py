"""Real books damaged in ways that repeat by their seed, and a process that parses them within its limits."""

from __future__ import annotations

import io
import json
import random
import re
import resource
import signal
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

MEMORY_BYTES, CPU_S = 1 << 30, 10.0
_TAG = re.compile(rb"<[^<>]{1,200}>")
_CHARSET = re.compile(rb"(charset\s*=\s*[\"']?|encoding=[\"'])([\w-]+)", re.IGNORECASE)
Damage = Callable[[bytes, random.Random], bytes]


def flip(data: bytes, chance: random.Random) -> bytes:
    """Some bytes are others."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 20, 500])):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def truncate(data: bytes, chance: random.Random) -> bytes:
    """The end, the beginning or the middle is missing."""
    one, other = sorted((chance.randrange(len(data)), chance.randrange(len(data))))
    return chance.choice([data[:other], data[one:], data[:one] + data[other:]]) or data[:1]


def lose_tags(data: bytes, chance: random.Random) -> bytes:
    """One tag in some is gone."""
    share = chance.choice([0.01, 0.2, 0.9])
    return _TAG.sub(lambda found: b"" if chance.random() < share else found[0], data)


def double_tags(data: bytes, chance: random.Random) -> bytes:
    """One tag in some stands there more than once."""
    share = chance.choice([0.01, 0.2])
    return _TAG.sub(lambda found: found[0] * (chance.randint(2, 5) if chance.random() < share else 1), data)


def nest(data: bytes, chance: random.Random) -> bytes:
    """Elements are opened that nobody closes, deep."""
    tag = chance.choice([b"<div>", b"<table><tr><td>", b"<b>", b"<blockquote>", b"<a href='#x'>", b"<h2>", b"<!--"])
    at = chance.randrange(len(data))
    return data[:at] + tag * chance.choice([1, 50, 2000]) + data[at:]


def relabel(data: bytes, chance: random.Random) -> bytes:
    """The file says one encoding and is in another."""
    name = chance.choice([b"utf-8", b"utf-16", b"iso-8859-1", b"shift_jis", b"koi8-r", b"bogus", b"utf-7"])
    labelled = _CHARSET.sub(lambda found: found[1] + name, data)
    if chance.random() < 0.5:
        return labelled
    kind = chance.choice(["utf-16", "cp1251", "shift_jis", "utf-8-sig", "mac_roman"])
    return labelled.decode("utf-8", "replace").encode(kind, "replace")


DAMAGES: tuple[Damage, ...] = (flip, truncate, lose_tags, double_tags, nest, relabel)


def damaged(book: Path, seed: int) -> bytes:
    """``book`` damaged once or twice; of an EPUB either the archive or one page in it."""
    chance = random.Random(seed)
    data = book.read_bytes()
    turns = [chance.choice(DAMAGES) for _ in range(chance.randint(1, 2))]
    if data[:2] != b"PK" or chance.random() < 0.3:
        for damage in turns:
            data = damage(data, chance) or b"x"
        return data
    return _repacked(data, turns, chance)


def _repacked(data: bytes, turns: list[Damage], chance: random.Random) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        pages = [name for name in old.namelist() if name.endswith((".xhtml", ".html", ".htm", ".opf", ".ncx", ".xml"))]
        chosen = set(chance.sample(pages, min(3, len(pages))))
        for name in old.namelist():
            page = old.read(name)
            for damage in turns if name in chosen and page else ():
                page = damage(page, chance) or b"x"
            new.writestr(name, page)
    return made.getvalue()


def parse_all(jobs: list[tuple[str, int]], folder: Path) -> None:
    """Parse each damaged (book, seed); a line of JSON each: what came out, or the error's class."""
    from foundry_tui.errors import CoverageBroken, FoundryError
    from foundry_tui.text.parse import parse_novel

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _too_long)
    for name, seed in jobs:
        book = Path(name)
        source = folder / f"book{book.suffix}"
        source.write_bytes(damaged(book, seed))
        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        line: dict[str, object] = {"book": book.name, "seed": seed}
        try:
            parsed = parse_novel(source, book_id="book")
            line |= {"balances": parsed.coverage.balances, "chapters": len(parsed.chapters)}
        except CoverageBroken as broken:
            line["crash"] = f"coverage: {broken.message}"
        except FoundryError as refused:
            line["refused"] = type(refused).__name__
        except BaseException as crash:  # noqa: BLE001 - whatever it is, the test shall name it
            line["crash"] = f"{type(crash).__name__}: {crash}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {CPU_S:.0f} s of CPU time")


if __name__ == "__main__":
    parse_all(json.loads(sys.argv[1]), Path(sys.argv[2]))
