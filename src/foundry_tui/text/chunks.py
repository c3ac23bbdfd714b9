"""Blocks to chunks: sentences gathered to a size every engine speaks well, each with the pause after it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from foundry_tui.text.document import Block
from foundry_tui.text.library_sentences import sentence_splitter

_SPEAKABLE = re.compile(r"[^\W_]")
_DIALOGUE = re.compile(r"\s*[\"“„«»‘'「『—–-]")
_CLAUSES = (
    re.compile(r"(?<=[!?…][\"”’»])\s+|(?<=[\"”’»])\s*[—–]+\s*"),
    re.compile(r"(?<=[;:；：])\s*(?=\S)"),
    re.compile(r"\s+(?=[—–]|--)|(?<=[—–])\s*(?=\S)"),
    re.compile(r"(?<=,)\s+|(?<=[、，])"),
    re.compile(r"\s+"),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long chunks are, in characters: gathered up to ``target``, never longer than ``hard``; ``sentences`` says who
    finds where they end.
    """

    target: int
    hard: int
    sentences: str = "own"


WESTERN, CJK = Sizes(250, 300), Sizes(60, 100)


def sizes_for(language: str) -> Sizes:
    """The sizes of a language's chunks."""
    return CJK if language in {"jpn", "zho"} else WESTERN


@dataclass(slots=True)
class Draft:
    """A chunk before speech rules: its text, its kind, the pause after it by name, the blocks it came from.

    ``added``: its words are none of the source's text; the receipt does not count them.
    """

    text: str
    kind: str
    pause: str
    first: int
    last: int
    added: bool = False


def speakable(text: str) -> bool:
    """Whether there is a letter or digit to be said."""
    return text[:1].isalnum() or _SPEAKABLE.search(text) is not None


def draft_chunks(blocks: Sequence[Block], language: str, sizes: Sizes) -> list[Draft]:
    """The chunks of narrated ``blocks`` in order; the last one's pause is its block's, not the chapter's."""
    drafts: list[Draft] = []
    for group in _groups(blocks):
        block = group[0]
        mute = not speakable(block.text) and not any(speakable(member.text) for member in group)
        if mute or block.kind == "rule":
            if drafts:
                drafts[-1].pause = "scene_break" if drafts[-1].kind != "heading" else drafts[-1].pause
            continue
        made = _of_group(group, language, sizes)
        if drafts and made and drafts[-1].pause == "paragraph" and _DIALOGUE.match(made[0].text):
            drafts[-1].pause = "speaker"
        drafts.extend(made)
    return drafts


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Lines of one stanza, short items of one list and rows of one table belong together; all else stands alone."""
    gathered: list[Block] = []
    for block in blocks:
        together = (
            gathered
            and block.kind == gathered[-1].kind
            and block.group
            and block.group == gathered[-1].group
            and _short(block)
        )
        if (together and _short(gathered[-1])) or (gathered and _goes_on(gathered[-1], block)):
            gathered.append(block)
            continue
        if gathered:
            yield gathered
        gathered = [block]
    if gathered:
        yield gathered


def _goes_on(block: Block, following: Block) -> bool:
    """A paragraph cut in two by the foot of a page: what stood between is not narrated, the sentence is unfinished."""
    return (
        block.kind == following.kind == "para"
        and 1 < following.position - block.position <= 4
        and following.text[:1].islower()
        and (block.text[-1:].isalpha() or block.text[-1:] in ",;")
    )


def _short(block: Block) -> bool:
    return block.kind == "verse" or (block.kind in {"item", "row"} and len(block.text) <= 60)


def _of_group(group: Sequence[Block], language: str, sizes: Sizes) -> list[Draft]:
    first, last = group[0].position, group[-1].position
    kind = group[0].kind
    lines = [line for block in group for line in block.text.split("\n")]
    in_lines = len(group) == 1 and _set_in_lines(group[0], lines)
    if kind == "verse" or (kind in {"item", "row"} and len(lines) > 1) or in_lines:
        name = "verse" if kind in {"verse", "para", "quote", "pre"} else "list"
        after = {"verse": "stanza", "list": "table_row" if kind == "row" else "list_item"}[name]
        return _of_lines(lines, name, after, first, last, language, sizes)
    text = " ".join(lines)
    shown = {"heading": "heading", "quote": "quote", "item": "list", "row": "list", "note": "note"}.get(kind, "prose")
    after = {"heading": "subheading", "item": "list_item", "row": "table_row"}.get(kind, "paragraph")
    drafts = [
        Draft(piece, shown, "sentence" if whole else "clause", first, last)
        for piece, whole in pieces(text, language, sizes)
    ]
    drafts[-1].pause = after
    return drafts


def _set_in_lines(block: Block, lines: Sequence[str]) -> bool:
    """A paragraph of short lines (a poem without markup, an address, an inscription) keeps its lines."""
    return block.kind in {"para", "quote", "pre"} and len(lines) >= 2 and max(map(len, lines)) <= 75


def _of_lines(
    lines: Sequence[str], kind: str, after: str, first: int, last: int, language: str, sizes: Sizes
) -> list[Draft]:
    """Lines kept as lines, gathered to size; a line longer than a chunk is cut like prose."""
    drafts: list[Draft] = []
    gathered = ""
    for line in lines:
        if gathered and len(gathered) + 1 + len(line) > sizes.target:
            drafts.append(Draft(gathered, kind, "verse_line" if kind == "verse" else after, first, last))
            gathered = ""
        if len(line) > sizes.hard:
            drafts.extend(
                Draft(piece, kind, "sentence" if whole else "clause", first, last)
                for piece, whole in pieces(line, language, sizes)
            )
            continue
        gathered = f"{gathered}\n{line}" if gathered else line
    if gathered:
        drafts.append(Draft(gathered, kind, after, first, last))
    drafts = _without_mute(drafts, "\n", sizes)
    drafts[-1].pause = after
    return drafts


def _without_mute(drafts: list[Draft], joint: str, sizes: Sizes) -> list[Draft]:
    """Pieces with nothing to say go to their neighbour."""
    del sizes
    kept: list[Draft] = []
    waiting = ""
    for draft in drafts:
        if not speakable(draft.text):
            if kept:
                kept[-1].text = f"{kept[-1].text}{joint}{draft.text}"
            else:
                waiting = f"{waiting}{draft.text}{joint}"
            continue
        if waiting:
            draft.text, waiting = waiting + draft.text, ""
        kept.append(draft)
    return kept


def pieces(text: str, language: str, sizes: Sizes) -> list[tuple[str, bool]]:
    """(piece, ends a sentence) of a paragraph; pieces joined by a space (nothing in CJK) give the paragraph again."""
    if len(text) <= sizes.target:
        return [(text, True)]
    joint = "" if sizes.hard <= 100 else " "
    cut: list[tuple[str, bool]] = []
    for sentence in _with_mute(sentence_splitter(language, sizes.sentences)(text), joint):
        if len(sentence) <= sizes.hard:
            cut.append((sentence, True))
        else:
            parts = list(_clauses(sentence, sizes))
            cut.extend((part, place == len(parts) - 1) for place, part in enumerate(parts))
    return _balanced(cut, joint, sizes)


def _with_mute(sentences: Sequence[str], joint: str) -> list[str]:
    """Sentences that are only signs go to the one before them, or to the first that can be said."""
    if all(map(speakable, sentences)):
        return list(sentences)
    kept: list[str] = []
    for sentence in sentences:
        if kept and not (speakable(sentence) and speakable(kept[-1])):
            kept[-1] = f"{kept[-1]}{joint}{sentence}"
        else:
            kept.append(sentence)
    return kept


def _balanced(cut: Sequence[tuple[str, bool]], joint: str, sizes: Sizes) -> list[tuple[str, bool]]:
    total = sum(len(piece) + len(joint) for piece, _ in cut)
    count = -(-total // sizes.target)
    aim = min(sizes.target, total // count + sizes.target // 5)
    made: list[tuple[str, bool]] = []
    current, ended = "", True
    for piece, whole in cut:
        longer = len(current) + len(joint) + len(piece)
        small = len(piece) < sizes.target // 6 or len(current) < sizes.target // 6
        full = longer > aim and not (small and longer <= sizes.hard)
        if current and full and speakable(current) and speakable(piece):
            made.append((current, ended))
            current, ended = piece, whole
            continue
        current = f"{current}{joint}{piece}" if current else piece
        ended = whole
    if current:
        if made and (
            not speakable(current)
            or (len(current) < sizes.target // 5 and len(made[-1][0]) + len(joint) + len(current) <= sizes.hard)
        ):
            current, _ = f"{made.pop()[0]}{joint}{current}", ended
        made.append((current, ended))
    return made


def _clauses(sentence: str, sizes: Sizes) -> Iterator[str]:
    """A sentence too long for one chunk, cut at its clauses into pieces of about the same length."""
    rest = sentence
    while len(rest) > sizes.hard:
        count = -(-len(rest) // sizes.target)
        ideal = len(rest) // count
        at = _best_cut(rest, ideal, sizes.hard)
        head = rest[:at].rstrip()
        yield head
        rest = rest[at:].lstrip()
    if rest:
        yield rest


def _best_cut(text: str, ideal: int, hard: int) -> int:
    """The place to cut: the best kind of boundary not too far from ``ideal``, at ``hard`` at the latest."""
    low = max(1, ideal // 2)
    for pattern in _CLAUSES:
        places = [
            found.end()
            for found in pattern.finditer(text, low, min(len(text), hard + 1))
            if found.end() <= hard and found.end() < len(text)
        ]
        if pattern.pattern != r"\s+":
            places = [place for place in places if speakable(text[:place]) and speakable(text[place:])]
        if places:
            return min(places, key=lambda place: abs(place - ideal))
    return hard
