"""What PostgreSQL tells its listeners by itself, whoever wrote: triggers that NOTIFY when the writer commits."""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

JOBS = "foundry_jobs"  # a job may be claimed
PRODUCTIONS = "foundry_productions"  # a production was put in, reopened or cancelled, perhaps by hand
EVENTS = "foundry_events"  # the event log has grown
CHANNELS = (JOBS, PRODUCTIONS, EVENTS)

NOTIFY_FUNCTION = """
CREATE OR REPLACE FUNCTION foundry_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify(TG_ARGV[0], '');
  RETURN NULL;
END
$$
""".strip()

# table -> (trigger, when it fires). Notices of one transaction that are alike are sent once.
NOTIFYING: dict[str, tuple[str, str]] = {
    "jobs": (
        "jobs_notify",
        (
            "AFTER INSERT OR UPDATE OF status, paused, priority, run_after ON jobs FOR EACH ROW "
            f"WHEN (NEW.status = 'pending' AND NOT NEW.paused) EXECUTE FUNCTION foundry_notify('{JOBS}')"
        ),
    ),
    "audiobook_productions": (
        "audiobook_productions_notify",
        (
            "AFTER INSERT OR UPDATE OF status ON audiobook_productions FOR EACH ROW "
            f"WHEN (NEW.status IN ('pending', 'cancelled')) EXECUTE FUNCTION foundry_notify('{PRODUCTIONS}')"
        ),
    ),
    "audiobook_process_events": (
        "audiobook_process_events_notify",
        f"AFTER INSERT ON audiobook_process_events FOR EACH STATEMENT EXECUTE FUNCTION foundry_notify('{EVENTS}')",
    ),
    "app_events": (
        "app_events_notify",
        f"AFTER INSERT ON app_events FOR EACH STATEMENT EXECUTE FUNCTION foundry_notify('{EVENTS}')",
    ),
}


def notify_statements() -> tuple[str, ...]:
    """What gives a database that has its tables the triggers."""
    triggers = (f"CREATE TRIGGER {name} {fires}" for name, fires in NOTIFYING.values())
    return (NOTIFY_FUNCTION, *triggers)


def notifies(table: Table) -> None:
    """Give ``table`` its trigger when metadata creates it (migrations carry their own copy)."""
    name, fires = NOTIFYING[table.name]
    for statement in (NOTIFY_FUNCTION, f"CREATE TRIGGER {name} {fires}"):
        made: DDL = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", made.execute_if(dialect="postgresql"))
