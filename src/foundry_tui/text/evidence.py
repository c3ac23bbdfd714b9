"""Where chapters may begin: the book's own headings, what its contents list names, lines that look like headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from foundry_tui.text.document import Block, BookDocument
from foundry_tui.text.headings import parse_heading
from foundry_tui.text.heads import Head, measure
from foundry_tui.text.promote import promote_entries, promote_lines, promote_standing, take_titles

_FILE = re.compile(r"\.(?:jpe?g|png|gif|svg|webp|tiff?|midi?|mp3|ogg|wav|ly|mus|mxl|xml|pdf|zip)$", re.IGNORECASE)
_WAY_BACK = re.compile(
    r"\W*(?:(?:go |return |back )*(?:to )?(?:the )?(?:top|toc|(?:table of )?contents|index|start|home)(?: of page)?"
    r"|nach oben|zurück|inhalt|haut de page|table des matières|volver(?: al índice)?|torna (?:su|all.indice))\W*",
    re.IGNORECASE,
)


def mark_contents(document: BookDocument, first: int, last: int) -> None:
    """Mark as contents lists the runs of blocks that are mostly links into the book itself."""
    run: list[Block] = []
    for block in document.blocks[first:last]:
        if block.skip or block.kind in {"rule", "image"}:
            continue
        if block.links and len(block.text) <= 80 and all(_FILE.search(target) for target, _ in block.links):
            block.skip = "link to a file"
            continue
        if _is_entry(block, document.anchors):
            run.append(block)
            continue
        _close_run(run)
        run = []
    _close_run(run)
    _mark_ways_back(document, first, last)


def _mark_ways_back(document: BookDocument, first: int, last: int) -> None:
    """Lines that only lead back to the contents list or the top of the page are no text."""
    found: list[tuple[Block, str]] = []
    for block in document.blocks[first:last]:
        if not block.links or not block.spoken or block.kind == "heading" or len(block.text) > 60:
            continue
        linked = sum(len(text) for _, text in block.links)
        targets = {target for target, _ in block.links}
        back = all(document.anchors.get(target, -1) < block.position for target in targets)
        if back and len(targets) == 1 and linked * 10 >= len(block.text) * 8:
            found.append((block, next(iter(targets))))
    often = Counter(target for _, target in found)
    for block, target in found:
        if often[target] >= 3 or _WAY_BACK.fullmatch(block.text):
            block.skip = "navigation link"


def _is_entry(block: Block, anchors: Mapping[str, int]) -> bool:
    if not block.links or len(block.text) > 20_000:
        return False
    linked = sum(len(text) for target, text in block.links if target in anchors)
    if linked * 2 < len(block.text):
        return False
    if block.kind == "heading":
        return any(anchors.get(target, -1) > block.position + 1 for target, _ in block.links)
    return True


def _close_run(run: list[Block]) -> None:
    links = sum(len(block.links) for block in run)
    if ((len(run) >= 3 or links >= 4) and any(block.kind != "heading" for block in run)) or len(run) >= 4:
        for block in run:
            block.skip = "contents list"


def collect(document: BookDocument, first: int, last: int) -> list[Head]:
    """Every heading of the book proper in order, with what follows each."""
    blocks = document.blocks
    mark_contents(document, first, last)
    heads: dict[int, Head] = {}
    for block in blocks[first:last]:
        if block.kind == "heading" and block.spoken:
            heads[block.position] = Head(
                block.position, block.position, float(block.level), block.text, parse_heading(block.text)
            )
    promote_entries(document, heads, first, last)
    plain = document.format in {"text", "markdown"}
    promote_lines(blocks, heads, first, last, plain=plain)
    if plain:
        promote_standing(blocks, heads, first, last)
    found = [heads[position] for position in sorted(heads)]
    take_titles(found, blocks, last)
    measure(found, blocks, last)
    kept = [head for head in found if head.apparatus != "the end" or head.own >= 500]
    if len(kept) < len(found):
        measure(kept, blocks, last)
    return kept
