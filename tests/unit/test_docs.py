"""The documentation says what is there: verbs, commands, links, names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from foundry_tui.cli.door import VERBS, foundry

LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")  # pictures too
FENCE = re.compile(r"```(?:\w+)?\n(.*?)```", re.DOTALL)


def pages(repository: Path) -> list[Path]:
    return [repository / "README.md", repository / "CHANGELOG.md", *sorted((repository / "docs").rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere(repository: Path) -> None:
    broken = []
    for page in pages(repository):
        for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            if "://" in link:
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(repository)}: {link}")
    assert not broken


def test_every_page_can_be_reached(repository: Path) -> None:
    reached: set[Path] = set()
    waiting = [repository / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        links = LINK.findall(page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
    lost = [str(page.relative_to(repository)) for page in pages(repository) if page not in reached]
    assert not lost


def verbs() -> list[str]:
    """Every verb as it is typed: ``book add``, ``queue`` …"""
    import click

    named = []
    context = click.Context(foundry)
    for verb in VERBS:
        command = foundry.get_command(context, verb)
        inner = sorted(command.commands) if isinstance(command, click.Group) else []
        named += [f"{verb} {name}" for name in inner] or [verb]
    return named


def test_every_verb_is_documented(repository: Path) -> None:
    page = (repository / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    missing = [verb for verb in verbs() if not re.search(rf"foundry-tui {verb}\b|`{verb}[ `]", page)]
    assert not missing


def test_commands_in_the_documentation_exist(repository: Path) -> None:
    """Each ``foundry-tui VERB`` of an example is a verb, and each of its options is one that verb takes."""
    import click

    context = click.Context(foundry)
    wrong = []
    for page in pages(repository):
        lines = [line for block in FENCE.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
        for line in lines:
            words = line.partition("  #")[0].split()
            if not words or not words[0].endswith("foundry-tui"):
                continue
            command: click.Command = foundry
            options = {name for parameter in foundry.params for name in parameter.opts}
            rest = words[1:]
            while rest:
                word = rest.pop(0)
                if word == "--" or word.startswith((">", "|", "&")):
                    break  # what follows is the shell's, or no option
                if word.startswith("-"):
                    if word not in options:
                        wrong.append(f"{page.name}: {line.strip()} ({word})")
                    elif word in {"--home", "--env", "--database-url", "--workers"}:
                        rest = rest[1:]
                elif isinstance(command, click.Group):
                    found = command.get_command(context, word)
                    if found is None:
                        wrong.append(f"{page.name}: {line.strip()} ({word})")
                        break
                    command = found
                    options |= {name for parameter in command.params for name in parameter.opts}
    assert not wrong


def test_make_targets_in_the_documentation_exist(repository: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        word
        for page in pages(repository)
        for word in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"demo", "test", "lint", "torture", "bench"} <= named <= targets


def test_ci_runs_what_the_readme_says(repository: Path) -> None:
    script = (repository / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^make lint\nmake test$", script, re.MULTILINE)
    assert "FOUNDRY_REQUIRE_SERVERS=1" in script
    assert (repository / ".ci" / "run").stat().st_mode & 0o111


def test_every_column_of_the_operators_tables_is_mapped(repository: Path) -> None:
    from foundry_tui.store.tables import metadata

    page = (repository / "docs" / "reference" / "names.md").read_text(encoding="utf-8")
    for table in ("books", "narrators", "audiobook_productions", "audiobook_process_events"):
        rows = " ".join(line for line in page.splitlines() if f"`{table}." in line)
        missing = [
            column.name for column in metadata.tables[table].columns if not re.search(rf"[`.]{column.name}`", rows)
        ]
        assert not missing, (table, missing)


@pytest.mark.parametrize(
    "word",
    [
        "STEP1_parsing",
        "STEP7_publishing",
        "parse_novel_tts.parse_novel",
        "text_preprocessing",
        "chapter_001.json",
        "esp",
    ],
)
def test_names_of_the_requirements_are_mapped(repository: Path, word: str) -> None:
    assert f"`{word}" in (repository / "docs" / "reference" / "names.md").read_text(encoding="utf-8")


def test_every_error_code_has_a_next_action() -> None:
    from foundry_tui import errors

    tree = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.FoundryError)
    ]
    codes = [error.code for error in tree]
    assert len(codes) == len(set(codes))
    for error in tree:
        assert error.next_action.endswith("."), error
        assert (error.__doc__ or "").strip(), error
        assert error is errors.FoundryError or f"{error.__name__}" in (errors.__doc__ or ""), (
            f"{error} is not drawn in the tree"
        )
