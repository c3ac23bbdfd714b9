"""A home with years behind it: thousands of finished productions with steps, jobs and events, written in bulk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakes.homes import shell

STEPS = (
    "parsing", "metadata", "audio_generation", "audio_processing", "final_compilation", "quality_check", "publishing",
)  # fmt: skip
BEGAN = datetime(2015, 1, 1, tzinfo=UTC)
EVENTS_A_STEP = 3


def write_history(home: Path, productions: int) -> None:
    """``productions`` finished ones (a book each) in the migrated database of ``home``."""
    stamps = [(BEGAN + timedelta(hours=8 * number)) for number in range(productions)]
    ids = [stamp.strftime("%Y%m%d%H%M%S") for stamp in stamps]
    with shell(home) as database:
        database.execute("INSERT INTO narrators (narrator_id, narrator_name, language) VALUES ('anna', 'Anna', 'eng')")
        database.executemany(
            "INSERT INTO books (id, book_id, book_name, language) VALUES (?, ?, ?, 'eng')",
            ((made, f"book_{number}", f"Book {number}") for number, made in enumerate(ids)),
        )
        database.executemany(
            "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language, status)"
            " VALUES (?, ?, 'anna', 'eng', 'success')",
            ((made, f"book_{number}") for number, made in enumerate(ids)),
        )
        database.executemany(
            "INSERT INTO jobs (job_id, name, status, queue_key, created_at, finished_at) VALUES (?, ?, 'success', ?, 1, 2)",
            (
                (7 * number + place + 1, f"STEP{place + 1}_{name}", f"{made}:{place:02d}")
                for number, made in enumerate(ids)
                for place, name in enumerate(STEPS)
            ),
        )
        database.executemany(
            "INSERT INTO production_steps (audiobook_id, step_number, step_name, position, status, job_id)"
            " VALUES (?, ?, ?, ?, 'success', ?)",
            (
                (made, f"STEP{place + 1}_{name}", name, place, 7 * number + place + 1)
                for number, made in enumerate(ids)
                for place, name in enumerate(STEPS)
            ),
        )
        database.executemany(
            "INSERT INTO audiobook_process_events (audiobook_id, timestamp, step_number, step_name, status, message)"
            " VALUES (?, ?, ?, ?, 'success', 'It went as it should.')",
            (
                (
                    made,
                    (stamps[number] + timedelta(seconds=10 * place + nth)).strftime("%Y-%m-%d %H:%M:%S.000"),
                    f"STEP{place + 1}_{name}",
                    name,
                )
                for number, made in enumerate(ids)
                for place, name in enumerate(STEPS)
                for nth in range(EVENTS_A_STEP)
            ),
        )


def write_long_book(path: Path, words: int) -> None:
    """A book of about ``words`` words in chapters of some 4,000."""
    sentence = "The lamp on the quay was lit at {} o'clock, and nobody who passed had asked why it burned so low. "
    each = len(sentence.split())
    with path.open("w", encoding="utf-8") as file:
        file.write('<html lang="en"><head><title>A Very Long Book</title></head><body><h1>A Very Long Book</h1>\n')
        for chapter in range(words // 4000):
            file.write(f'<h2 id="c{chapter}">Chapter {chapter + 1}</h2>\n')
            for paragraph in range(4000 // each // 5):
                lines = "".join(sentence.format(chapter * 97 + paragraph * 5 + k) for k in range(5))
                file.write(f"<p>{lines}</p>\n")
        file.write("</body></html>\n")
