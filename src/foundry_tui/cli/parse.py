"""``parse``: STEP1 alone, without a home or a database. Only the text room is imported, so it starts fast."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from foundry_tui.cli.globals import Verb
from foundry_tui.cli.out import about_file, json_line, result, warn
from foundry_tui.cli.parse_listings import show_blocks, show_changes, show_outline
from foundry_tui.domain.ids import BOOK_ID_MAX, checked_book_id
from foundry_tui.domain.languages import understood
from foundry_tui.errors import UsageError, WriteFailed
from foundry_tui.files import replace_folder, writing

if TYPE_CHECKING:
    from foundry_tui.text.options import Footnotes
    from foundry_tui.text.parse import ParsedBook


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui parse alice.html --out /tmp/alice",
        "foundry-tui parse pg11.html --out out --book-id pg11 --language eng --json",
        "foundry-tui parse alice.epub --outline",
        "foundry-tui parse alice.epub --blocks 3     # where chapter 3 may be split",
        "foundry-tui parse alice.epub --explain --rule-off ordinal",
    ),
)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where foundry/ is made.")
@click.option("--book-id", help="Id of the book; else it is made from the file's name.")
@click.option("--language", help="Language of the book; else the source says.")
@click.option("--outline", is_flag=True, help="List every section: kept or left out, words, and why.")
@click.option("--blocks", metavar="CHAPTER", type=int, help="List a chapter's paragraphs, to split it at one of them.")
@click.option("--explain", is_flag=True, help="List what the speech rules change: before, after, and by which rule.")
@click.option(
    "--footnotes",
    type=click.Choice(("left_out", "chapter_end", "inline")),
    default="left_out",
    help="Leave footnotes out, or read them at the end of the chapter or where they are called.",
)
@click.option("--rule-off", "rules_off", multiple=True, metavar="RULE", help="A speech rule that stays silent.")
@click.option(
    "--overrides", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Your decisions about sections."
)
@click.option("--json", "as_json", is_flag=True, help="The receipt as one JSON object; listings as JSON arrays.")
def parse(
    source: Path,
    out: Path | None,
    book_id: str | None,
    language: str | None,
    outline: bool,
    blocks: int | None,
    explain: bool,
    footnotes: Footnotes,
    rules_off: tuple[str, ...],
    overrides: Path | None,
    as_json: bool,
) -> None:
    """Parse one book into chapter JSON, without a home or a database.

    Writes DIR/foundry/BOOK_ID/LANGUAGE/chapters/ with metadata.json and one chapter_NNN.json for each chapter, as
    the first step of a production does, and prints the coverage receipt: how many of the source's words will be
    spoken, replaced by a rule, or skipped and why. The chapters of an earlier run in the same place are replaced.

    --outline, --blocks and --explain only look, and need no --out. An overrides file is JSON, a list of decisions
    (include, leave_out, rename, merge, split) on sections by the anchor and text_hash that `--outline --json` shows;
    a split names a paragraph as `--blocks CHAPTER` does.
    """
    if not (out or outline or explain or blocks is not None):
        raise UsageError("Nothing to do.", next_action="Give --out DIR, --outline, --blocks or --explain.")
    name = checked_book_id(book_id) if book_id else _id_from(source)
    wanted = understood(language) if language else None
    from foundry_tui.text.chapter_json import write_chapters
    from foundry_tui.text.options import ParseOptions
    from foundry_tui.text.overrides import load_overrides
    from foundry_tui.text.parse import parse_novel, split_places
    from foundry_tui.text.rules.names import require_rules

    decided = load_overrides(overrides) if overrides else ()
    options = ParseOptions(footnotes=footnotes, rules_off=frozenset(rules_off), overrides=decided)
    with about_file(source):
        parsed = parse_novel(source, book_id=name, language=wanted, options=options)
    require_rules(options.rules_off, parsed.language)
    if outline:
        show_outline(parsed, as_json=as_json)
    if blocks is not None:
        with about_file(source):
            show_blocks(parsed, split_places(source, language=wanted, options=options), blocks, as_json=as_json)
    if explain:
        show_changes(parsed, options.rules_off, as_json=as_json)
    if out is None:
        return
    place = out / "foundry" / name / parsed.language / "chapters"
    try:
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            staged = Path(tempfile.mkdtemp(prefix=".part_", dir=place.parent))
            staged.chmod(0o755)
        write_chapters(parsed, staged)
        replace_folder(staged, place)
    except WriteFailed as error:  # nothing is in the queue that could be requeued
        action = "Give an --out DIR that can be written and has room."
        raise type(error)(error.message, next_action=action, details=error.details) from error
    _report(parsed, place, as_json=as_json)


def _report(parsed: ParsedBook, place: Path, *, as_json: bool) -> None:
    coverage = parsed.coverage
    replaced, skipped = sum(coverage.replaced.values()), sum(coverage.skipped.values())
    chunks = sum(len(chapter.chunks) for chapter in parsed.chapters)
    if as_json:
        json_line(
            {
                "book_id": parsed.book_id,
                "title": parsed.title,
                "author": parsed.author,
                "language": parsed.language,
                "chapters": len(parsed.chapters),
                "chunks": chunks,
                "source_words": coverage.source_words,
                "spoken": coverage.spoken,
                "replaced": dict(coverage.replaced),
                "skipped": dict(coverage.skipped),
                "warnings": list(parsed.warnings),
                "folder": str(place),
            }
        )
    else:
        result(f"{parsed.title}: {len(parsed.chapters)} chapters, {chunks:,} chunks ({parsed.language})")
        result(
            f"{coverage.source_words:,} words: {coverage.spoken:,} spoken, {replaced:,} replaced by a rule, "
            f"{skipped:,} skipped"
        )
        result(str(place))
    for warning in parsed.warnings:
        warn(f"Warning: {warning}")


def _id_from(source: Path) -> str:
    """The file's name as a book id: ``pg74-tom-sawyer.html`` is ``pg74_tom_sawyer``."""
    name = re.sub(r"[^a-z0-9]+", "_", source.stem.casefold()).strip("_")[:BOOK_ID_MAX].rstrip("_")
    if not name:
        raise UsageError("No book id can be made from the file's name.", next_action="Give one with --book-id.")
    return checked_book_id(name)
