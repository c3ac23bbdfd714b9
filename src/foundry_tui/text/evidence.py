"""Where chapters may begin: the book's own headings, what its contents list names, lines that look like headings."""

from __future__ import annotations

import re
from collections.abc import Mapping

from foundry_tui.text.document import Block, BookDocument
from foundry_tui.text.headings import parse_heading
from foundry_tui.text.heads import Head, measure
from foundry_tui.text.promote import promote_entries, promote_lines, promote_standing, take_titles

_FILE = re.compile(r"\.(?:jpe?g|png|gif|svg|webp|tiff?|midi?|mp3|ogg|wav|ly|mus|mxl|xml|pdf|zip)$", re.IGNORECASE)


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
