"""A migrated database is the one store.tables describes, on both kinds; upgrades are safe whoever runs them."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, inspect, text

from foundry_tui.errors import DatabaseUnavailable, SchemaTooNew
from foundry_tui.store.database import Database
from foundry_tui.store.notices import NOTIFYING
from foundry_tui.store.revisions import HEAD
from foundry_tui.store.tables import TOUCHED, metadata
from foundry_tui.store.upgrade import upgrade

# Such an index is compared by its text below.
pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")


def _described(connection: Connection) -> dict[str, object]:
    """Tables, columns, keys, checks, indexes and triggers as the database itself tells them."""
    inspector = inspect(connection)
    described: dict[str, object] = {}
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        described[table] = {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table),
            "foreign": sorted(inspector.get_foreign_keys(table), key=lambda key: key["name"]),
            "unique": sorted(inspector.get_unique_constraints(table), key=lambda key: key["name"]),
            "checks": sorted(inspector.get_check_constraints(table), key=lambda key: key["name"]),
        }
    if connection.dialect.name == "sqlite":
        query = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name <> 'alembic_version' ORDER BY 1, 2"
    else:
        query = (
            "SELECT 'index', indexname, tablename, indexdef FROM pg_indexes "
            "WHERE schemaname = 'public' AND tablename <> 'alembic_version' "
            "UNION ALL SELECT 'trigger', tgname, tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger "
            "WHERE NOT tgisinternal "
            "UNION ALL SELECT 'function', proname, '', prosrc FROM pg_proc WHERE proname LIKE 'foundry%' ORDER BY 1, 2"
        )
    described["objects"] = [
        tuple(row) for row in connection.execute(text(query)) if "alembic_version" not in (row[1], row[2])
    ]
    return described


async def test_migrated_equals_described(database: Database, empty_database: Database) -> None:
    async with empty_database.write() as connection:
        await connection.run_sync(metadata.create_all)
    async with empty_database.read() as left, database.read() as right:
        described = await left.run_sync(_described)
        migrated = await right.run_sync(_described)
    assert migrated == described
    triggers = [row[1] for row in migrated["objects"] if row[0] == "trigger"]  # type: ignore[attr-defined]
    notices = [] if database.is_sqlite else [name for name, _ in NOTIFYING.values()]
    assert triggers == sorted([*(f"{table.name}_touch" for table in TOUCHED), *notices])


async def test_every_constraint_has_a_name(database: Database) -> None:
    async with database.read() as connection:
        described = await connection.run_sync(_described)
    for table, told in described.items():
        if table == "objects":
            continue
        counted = (
            metadata.tables[table].primary_key.columns.values()[0].autoincrement is True
        )  # SQLite names no such key
        assert told["key"]["name"] or counted, table  # type: ignore[index]
        for kind in ("foreign", "unique", "checks"):
            assert all(constraint["name"] for constraint in told[kind]), (table, kind)  # type: ignore[index]


async def test_upgrade_from_nothing_then_nothing_to_do(empty_database: Database) -> None:
    first = await upgrade(empty_database)
    second = await upgrade(empty_database)
    assert (first.before, first.after, first.changed, first.backup) == (None, HEAD, True, None)
    assert (second.before, second.changed, second.backup) == (HEAD, False, None)


async def test_many_upgrades_at_once(empty_database_url: str) -> None:
    databases = [Database.connect(empty_database_url) for _ in range(4)]
    try:
        reports = await asyncio.gather(*(upgrade(database) for database in databases))
        assert sorted(report.changed for report in reports) == [False, False, False, True]
        for database in databases:
            assert (await database.fetch("SELECT count(*) AS n FROM books"))[0]["n"] == 0
    finally:
        for database in databases:
            await database.close()


async def test_a_newer_schema_is_refused(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match=f"schema 9999; this Foundry knows schemas up to {HEAD}"):
        await upgrade(database)


async def test_somebody_elses_tables_are_refused(empty_database: Database) -> None:
    async with empty_database.write() as connection:
        await connection.execute(text("CREATE TABLE recipes (id INTEGER)"))
    with pytest.raises(DatabaseUnavailable, match=r"holds tables that Foundry did not make \(recipes\)"):
        await upgrade(empty_database)
    assert (await empty_database.fetch("SELECT count(*) AS n FROM recipes"))[0]["n"] == 0


async def test_touch_fires_on_raw_updates_and_only_on_them(database: Database) -> None:
    old = "2020-01-01 00:00:00.000" if database.is_sqlite else "2020-01-01 00:00:00+00"
    statements = [
        f"INSERT INTO narrators (narrator_id, narrator_name, language, updated_at) VALUES ('n', 'N', 'eng', '{old}')",
        f"INSERT INTO books (id, book_id, book_name, language, updated_at) VALUES ('1', 'b', 'B', 'eng', '{old}')",
        f"INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language, updated_at) VALUES ('1', 'b', 'n', 'eng', '{old}')",
    ]
    async with database.write() as connection:
        if database.is_sqlite:
            await connection.execute(text("PRAGMA recursive_triggers=ON"))
        for statement in statements:
            await connection.execute(text(statement))
    for table, change in (
        ("narrators", "accent = 'x'"),
        ("books", "genre = 'x'"),
        ("audiobook_productions", "priority = 3"),
    ):
        assert (await database.fetch(f"SELECT updated_at AS u FROM {table}"))[0]["u"] is not None
        async with database.write() as connection:
            if database.is_sqlite:
                await connection.execute(text("PRAGMA recursive_triggers=ON"))
            await connection.execute(text(f"UPDATE {table} SET {change}"))
        touched = await database.fetch(f"SELECT count(*) AS n FROM {table} WHERE updated_at > '2025-01-01'")
        assert touched[0]["n"] == 1, table
        async with database.write() as connection:
            await connection.execute(text(f"UPDATE {table} SET {change}, updated_at = '2021-05-05 00:00:00'"))
        kept = await database.fetch(f"SELECT count(*) AS n FROM {table} WHERE updated_at < '2022-01-01'")
        assert kept[0]["n"] == 1, f"{table}: a value somebody sets himself stands"
