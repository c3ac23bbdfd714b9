"""A home to look at: books, narrators and productions in every state, written straight into the tables."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakes import homes
from fakes.homes import shell
from foundry_tui.settings import FOLDERS, Settings, load_settings
from foundry_tui.store.database import Database
from foundry_tui.store.upgrade import upgrade

STEPS = (
    "parsing", "metadata", "audio_generation", "audio_processing", "final_compilation", "quality_check", "publishing",
)  # fmt: skip
BEGAN = datetime(2025, 9, 7, 12, 0, tzinfo=UTC)
HOSTILE = (
    "[/x] [red]not red[/red] [@click=app.quit]click[/]",
    "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x1b[31mgone",
    "坊っちゃん全集と長い長い長い題名の本",
    "ספר עם כותרת מימין לשמאל",
    "e\u0301\u0301\u0301 combining \u202egnp.exe",
    "x" * 4000,
    "tab\tnew\nline\r\x00nul",
    "👩‍👩‍👧‍👦 family 🇩🇪",
)
TITLES = (
    "The Adventures of Tom Sawyer", "Alice's Adventures in Wonderland", "Pride and Prejudice", "Moby Dick",
    "Candide, ou l'Optimisme", "Die Verwandlung", "War and Peace", "Dracula", "Frankenstein", "Middlemarch",
    "The Time Machine", "Great Expectations",
)  # fmt: skip
AUTHORS = ("Mark Twain", "Lewis Carroll", "Jane Austen", "Herman Melville", "Voltaire", "Franz Kafka")


def make_template(folder: Path) -> Path:
    """An empty home with its schema; copied for every test, for that is quicker than migrating."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    if homes.flags(folder):  # without a file of its own it is known for a home by this one
        (folder / "config.toml").touch()

    async def prepare() -> None:
        opened = Database.connect(homes.address(folder))
        try:
            await upgrade(opened, backup_folder=folder / "database")
        finally:
            await opened.close()

    asyncio.run(prepare())
    return folder


def copy_home(template: Path, target: Path) -> Settings:
    """A home of its own for one test."""
    shutil.copytree(template, target)
    return load_settings(home=target, environ={})


def tables(home: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(homes.file_of(home), timeout=30)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def stamp(number: int) -> str:
    return (BEGAN + timedelta(seconds=number)).strftime("%Y%m%d%H%M%S")


def moment(number: int) -> str:
    return (BEGAN + timedelta(seconds=number)).strftime("%Y-%m-%d %H:%M:%S.000")


def add_books(home: Path, count: int, titles: Sequence[str] = TITLES) -> None:
    """``count`` books; book_id ``book_0`` …"""
    rows = (
        (stamp(n), f"book_{n}", titles[n % len(titles)] + (f" {n}" if n >= len(titles) else ""),
         AUTHORS[n % len(AUTHORS)], "eng", 1800 + n % 120, moment(n), moment(n))
        for n in range(count)
    )  # fmt: skip
    with shell(home) as connection:
        connection.executemany(
            "INSERT INTO books (id, book_id, book_name, author, language, year_published, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def add_narrators(home: Path) -> None:
    """Three narrators: one with a sample, one whose sample is missing, one without."""
    rows = [
        ("amber", "Amber Vale", "female", "samples/amber.wav", "eng", "British", "espeak", "en-gb"),
        ("bruno", "Bruno Field", "male", "samples/bruno.wav", "eng", "American", "espeak", "en-us"),
        ("clara", "Clara Stone", "female", None, "deu", None, None, None),
    ]
    with shell(home) as connection:
        connection.executemany(
            "INSERT INTO narrators (narrator_id, narrator_name, gender, sample_filepath, language, accent, engine, voice)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def add_production(
    home: Path, number: int, *, book: str, status: str = "pending", done: int = 0, error: str | None = None,
    narrator: str = "amber", progress: dict[str, object] | None = None, reason: str | None = None, priority: int = 0,
) -> str:  # fmt: skip
    """A production with ``done`` finished steps; the next one carries the job."""
    audiobook_id = stamp(1000 + number)
    finished = status == "success"
    with shell(home) as connection:
        connection.execute(
            "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language, status, priority,"
            " error_message, totals, created_at, updated_at, publish_date) VALUES (?, ?, ?, 'eng', ?, ?, ?, ?, ?, ?, ?)",
            (audiobook_id, book, narrator, status, priority, error, json.dumps({"audio_s": 3600.0} if finished else {}),
             moment(1000 + number), moment(1000 + number), moment(9000 + number) if finished else None),
        )  # fmt: skip
        for place, name in enumerate(STEPS):
            of_step = "success" if place < done or finished else status if place == done else "pending"
            job = None
            if place == done and not finished:
                ((job,),) = connection.execute(
                    "INSERT INTO jobs (name, status, queue_key, attempt, max_attempts, reason, worker_id,"
                    " lease_expires_at, progress, error_code, error_message, payload, created_at, started_at)"
                    " VALUES (?, ?, ?, ?, 3, ?, ?, ?, ?, ?, ?, ?, 1, 2) RETURNING job_id",
                    (name, status, audiobook_id, 1 if status != "pending" else 0, reason,
                     "elsewhere:boot:1:1.00:x" if status == "processing" else None,
                     4e9 if status == "processing" else None, json.dumps(progress or {}),
                     "engine_refused" if error else None, error, json.dumps({"audiobook_id": audiobook_id})),
                )  # fmt: skip
            connection.execute(
                "INSERT INTO production_steps (audiobook_id, step_number, step_name, position, status, job_id)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (audiobook_id, f"STEP{place + 1}_{name}", name, place, of_step, job),
            )
    return audiobook_id


def add_events(home: Path, audiobook_id: str | None, messages: Sequence[tuple[str, str]]) -> None:
    """(level, message) each, of a production or of the house."""
    with shell(home) as connection:
        for level, message in messages:
            if audiobook_id is None:
                connection.execute(
                    "INSERT INTO app_events (timestamp, level, kind, message) VALUES (?, ?, 'note', ?)",
                    (moment(5000), level, message),
                )
                continue
            ((taken,),) = connection.execute(
                "SELECT count(*) FROM audiobook_process_events WHERE audiobook_id = ?", (audiobook_id,)
            )
            connection.execute(
                "INSERT INTO audiobook_process_events (audiobook_id, timestamp, step_number, status, level, kind,"
                " message, step_name) VALUES (?, ?, 'STEP3_audio_generation', 'processing', ?, 'note', ?, 'audio_generation')",
                (audiobook_id, moment(5000 + taken), level, message),
            )


def add_chunks(home: Path, audiobook_id: str, count: int, *, failed: Sequence[int] = (), engine: str = "edge") -> None:
    """``count`` chunks, ten a chapter; those in ``failed`` could not be spoken."""
    rows = []
    for n in range(count):
        bad = n in failed
        rows.append(
            (audiobook_id, n // 10 + 1, n % 10 + 1, f"{n:064x}", json.dumps({"text": f"Sentence number {n} of the book."}),
             "failed" if bad else "success", None if bad else 48_000, 24_000, json.dumps(["short"] if n == 3 else []),
             engine, "The engine refused." if bad else None)
        )  # fmt: skip
    with shell(home) as connection:
        connection.executemany(
            "INSERT INTO audio_chunks (audiobook_id, chapter_number, chunk_index, input_key, key_parts, status, samples,"
            " sample_rate, flags, engine, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def a_working_day(home: Path) -> dict[str, str]:
    """Twelve books and a production in every state; returns the ids by what they are."""
    add_books(home, 12)
    add_narrators(home)
    made = {
        "done": add_production(home, 0, book="book_0", status="success", done=7),
        "working": add_production(
            home, 1, book="book_1", status="processing", done=2,
            progress={"done": 312, "total": 960, "unit": "chunks", "audio_s": 1800.0},
        ),
        "failed": add_production(
            home, 2, book="book_2", status="failed", done=2,
            error="edge refused the request for good: no such voice. Check its key and settings, then requeue the step.",
        ),
        "cancelled": add_production(home, 3, book="book_3", status="cancelled", done=1),
        "queued": add_production(home, 4, book="book_4"),
        "also_failed": add_production(
            home, 5, book="book_5", status="failed", done=0, error="No source file was found for the book.",
        ),
    }  # fmt: skip
    add_chunks(home, made["failed"], 25, failed=(7,))
    add_events(home, None, [("info", "A worker started: process 4711 on press.")])
    add_events(home, made["working"], [("info", "parsing started."), ("info", "960 chunks to speak.")])
    add_events(
        home, made["failed"], [("warning", "The engine is busy: tried again."), ("error", "audio_generation failed.")]
    )
    return made
