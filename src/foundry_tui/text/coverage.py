"""The coverage receipt: every word of the source is spoken, replaced by a rule, or skipped because of something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foundry_tui.errors import CoverageBroken
from foundry_tui.text.decode import clean_line, has_odd
from foundry_tui.text.document import Block


@dataclass(frozen=True, slots=True)
class Receipt:
    """Words of one chapter, or of everything outside the chapters: where each of them went."""

    source_words: int
    spoken: int
    replaced: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def balances(self) -> bool:
        """Whether spoken, replaced and skipped add up to the source's words exactly."""
        return self.source_words == self.spoken + sum(self.replaced.values()) + sum(self.skipped.values())

    def to_json(self) -> dict[str, Any]:
        """Plain values, names in order."""
        return {
            "source_words": self.source_words,
            "spoken": self.spoken,
            "replaced": dict(sorted(self.replaced.items())),
            "skipped": dict(sorted(self.skipped.items())),
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """The whole book's receipt; ``per_chapter[n - 1]`` is chapter n's, ``outside`` that of everything left out."""

    source_words: int
    spoken: int
    replaced: Mapping[str, int]
    skipped: Mapping[str, int]
    per_chapter: tuple[Receipt, ...]
    outside: Receipt

    @property
    def balances(self) -> bool:
        """Whether the book and each of its chapters add up exactly."""
        parts = (*self.per_chapter, self.outside)
        whole = Receipt(self.source_words, self.spoken, self.replaced, self.skipped)
        return (
            whole.balances
            and all(part.balances for part in parts)
            and self.source_words == sum(part.source_words for part in parts)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, chapter by chapter."""
        whole = Receipt(self.source_words, self.spoken, self.replaced, self.skipped).to_json()
        return {
            **whole,
            "balances": self.balances,
            "per_chapter": [receipt.to_json() for receipt in self.per_chapter],
            "outside": self.outside.to_json(),
        }


def total(source_words: int, per_chapter: Sequence[Receipt], outside: Receipt) -> Coverage:
    """The book's receipt of its parts' receipts; ``source_words`` was counted before there were any parts."""
    replaced: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for receipt in (*per_chapter, outside):
        replaced.update(receipt.replaced)
        skipped.update(receipt.skipped)
    spoken = sum(receipt.spoken for receipt in (*per_chapter, outside))
    return Coverage(source_words, spoken, dict(replaced), dict(skipped), tuple(per_chapter), outside)


def skipped_words(block: Block, count: Callable[[str], int]) -> dict[str, int]:
    """Words of ``block`` that its cuts took out, by reason; they add up to words(raw) - words(text) exactly."""
    missing = count(block.raw) - count(block.text)
    if missing == 0 or not block.cuts:
        return {"footnote mark" if block.kind == "note" else block.skip or "hidden": missing} if missing else {}
    found: Counter[str] = Counter()
    for reason, text in block.cuts:
        found[reason] += count(text)
    spare = missing - sum(found.values())
    for reason in sorted(found, key=lambda name: -found[name]):
        found[reason] += spare if spare > 0 else max(spare, -found[reason])
        spare = missing - sum(found.values())
        if spare == 0:
            break
    return {reason: words for reason, words in found.items() if words}


def prove_complete(seen: str, blocks: Iterable[Block]) -> None:
    """Raise CoverageBroken unless the blocks hold every sign of ``seen`` but white space, in its order."""
    raw = "".join([block.raw for block in blocks])
    if _packed(seen) == _packed(raw):
        return  # as nearly always; what follows is five times the work
    got = raw.replace(" ", "").replace("\n", "")
    if has_odd(seen):
        seen = clean_line(seen)
    wanted = "".join(seen.split())
    if wanted != got:
        raise broken(wanted, got, "while the file was read")


def _packed(text: str) -> bytes:
    return text.replace("\xa0", " ").encode("utf-8", "surrogatepass").translate(None, b" \n\r\t")


def broken(wanted: str, got: str, when: str) -> CoverageBroken:
    """The error for two texts (without white space) that should be one, with what surrounds the first difference."""
    place = next(
        (at for at, (one, other) in enumerate(zip(wanted, got, strict=False)) if one != other),
        min(len(wanted), len(got)),
    )
    around = wanted[max(0, place - 40) : place + 80]
    return CoverageBroken(
        f"Words went missing {when}: {len(wanted)} signs went in, {len(got)} came out, "
        f"the first difference at {around!r}.",
        details={"expected": wanted[place : place + 200], "got": got[place : place + 200], "place": place},
    )
