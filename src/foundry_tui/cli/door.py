"""What every command line passes: the group with its global options, and errors turned into a sentence and a code."""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from pathlib import Path

import click
from click.exceptions import NoArgsIsHelpError

from foundry_tui.cli.globals import FoundryGroup, Globals, global_options
from foundry_tui.cli.out import be_printable, called_with, complain, give_up_stdout, note, warn
from foundry_tui.domain.plain import plain
from foundry_tui.errors import (
    Conflict,
    EngineUnknown,
    FoundryError,
    Interrupted,
    NotFound,
    SourceNotFound,
    UsageError,
    VoiceMissing,
)
from foundry_tui.log_file import log_is_open

_log = logging.getLogger(__name__)

DONE, FAILED, USAGE, GAPS, INTERRUPTED = 0, 1, 2, 3, 130

# name: (where it is, what it is in one line)
VERBS = {
    "init": ("foundry_tui.cli.init:init", "Make a home."),
    "book": ("foundry_tui.cli.books:book", "The catalog: add, list, show, rm; which sections are narrated."),
    "narrator": ("foundry_tui.cli.narrators:narrator", "The roster: add, list, show, edit, rm."),
    "voices": ("foundry_tui.cli.voices:voices", "List the voices of a speech engine."),
    "produce": ("foundry_tui.cli.productions:produce", "Order an audiobook."),
    "queue": ("foundry_tui.cli.productions:queue", "Show what is still to be made."),
    "requeue": ("foundry_tui.cli.steering:requeue", "Put productions back into the queue."),
    "cancel": ("foundry_tui.cli.steering:cancel", "Cancel productions; what is done is kept."),
    "pause": ("foundry_tui.cli.steering:pause", "Pause productions."),
    "resume": ("foundry_tui.cli.steering:resume", "Let paused productions go on."),
    "priority": ("foundry_tui.cli.steering:priority", "Say which productions come first."),
    "rebuild": ("foundry_tui.cli.rebuild:rebuild", "Make again what something changed for; say what, and why."),
    "events": ("foundry_tui.cli.events:events", "Show what happened, or follow it."),
    "parse": ("foundry_tui.cli.parse:parse", "Parse one book, without a home."),
    "lexicon": ("foundry_tui.cli.lexicon:lexicon", "How words are said: list, add, edit, remove, suggest, import."),
    "chunk": ("foundry_tui.cli.chunk:chunk", "What a single chunk says: show, edit, restore."),
    "retake": ("foundry_tui.cli.retake:retake", "Speak single chunks again."),
    "sample": ("foundry_tui.cli.sample:sample", "A narrator's sample: make it, or send it to a player."),
    "jobs": ("foundry_tui.cli.jobs:jobs", "Jobs one by one: list, show, retry, cancel."),
    "work": ("foundry_tui.cli.work:work", "Work the queue as a daemon, until stopped."),
    "clean": ("foundry_tui.cli.clean:clean", "Give back space: delete what can be made again."),
    "doctor": ("foundry_tui.cli.doctor:doctor", "Say what is not right, and what to do."),
    "backup": ("foundry_tui.cli.backup:backup", "Back up the home, at work or not."),
    "restore": ("foundry_tui.cli.backup:restore", "Bring a backup back into an empty home."),
    "db": ("foundry_tui.cli.database:db", "The database: copy it to another, forget what is old."),
}


@click.group(
    name="foundry-tui",
    cls=FoundryGroup,
    verbs=VERBS,
    examples=(
        "foundry-tui init",
        "foundry-tui book add alice.html",
        "foundry-tui produce pg11 --narrator NARRATOR",
        "foundry-tui --run-all",
    ),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@global_options
@click.option("--run-all", is_flag=True, help="Work the whole queue, oldest first, without the console; then exit.")
@click.option("--workers", type=click.IntRange(0, 64), help="Steps worked on at once; 0: a console that only watches.")
@click.option("--json", "as_json", is_flag=True, help="With --run-all: one JSON object a line on stdout.")
@click.option("--fail-fast", is_flag=True, help="With --run-all: begin nothing new after the first failure.")
@click.option("--no-retry-failed", is_flag=True, help="With --run-all: leave productions that failed before alone.")
@click.option("--readonly", is_flag=True, help="A console that shows everything and changes nothing.")
@click.option("--low-bandwidth", is_flag=True, help="A console that sends as little as it can.")
@click.option("--theme", help="The console's colours: dark, light, ansi, high-contrast or deuteranopia.")
@click.version_option(None, "--version", package_name="foundry-tui", message="%(prog)s %(version)s")
@click.pass_context
def foundry(
    context: click.Context,
    run_all: bool,
    workers: int | None,
    as_json: bool,
    fail_fast: bool,
    no_retry_failed: bool,
    readonly: bool,
    low_bandwidth: bool,
    theme: str | None,
) -> None:
    """Turn books into published audiobooks.

    Without a verb the operator console opens. With --run-all every unfinished production is carried through its
    seven steps to a chaptered M4B in the library, headless; stop it with Ctrl-C and start it again, and it goes on
    where it was. A verb does one thing and ends.

    Exit codes: 0 done; 1 at least one production failed; 2 the command or the configuration is wrong; 3 nothing
    failed, but an audiobook was finished with gaps; 130 interrupted, nothing is lost.
    """
    if context.invoked_subcommand is not None:
        if run_all:
            raise click.UsageError("--run-all takes no verb.")
        return
    if not run_all and (as_json or fail_fast or no_retry_failed):
        raise click.UsageError("--json, --fail-fast and --no-retry-failed go with --run-all.")
    if run_all and (readonly or low_bandwidth or theme):
        raise click.UsageError("--readonly, --low-bandwidth and --theme are the console's.")
    if run_all and workers == 0:
        raise click.UsageError("--run-all needs a worker.")
    state = context.find_object(Globals) or Globals()
    if run_all:
        from foundry_tui.cli.running import run_queue

        context.exit(
            run_queue(state, workers=workers, as_json=as_json, fail_fast=fail_fast, retry_failed=not no_retry_failed)
        )
    from foundry_tui.cli.opening import open_console

    context.exit(open_console(state, workers=workers, readonly=readonly, low_bandwidth=low_bandwidth, theme=theme))


def enter(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; every error ends as one sentence on stderr and a documented exit code."""
    be_printable()
    called_with({})
    # A log that cannot be written (a full disk) is no reason to fill the operator's screen with traces.
    logging.raiseExceptions = False
    try:
        result = foundry.main(arguments, prog_name="foundry-tui", standalone_mode=False)
    except NoArgsIsHelpError as error:
        note(error.ctx.get_help())
        return USAGE
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and error.ctx is not None:
            warn(error.ctx.get_usage(), f"Try '{error.ctx.command_path} --help' for help.", "")
        warn(f"Error: {plain(error.format_message())}")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        warn("Interrupted.")
        return INTERRUPTED
    except FoundryError as error:
        complain(error)
        return exit_code(error)
    except BrokenPipeError:
        # The reader went away (``foundry-tui queue | head``): nothing is wrong, and nothing more can be said.
        give_up_stdout()
        return DONE
    except OSError as error:
        _log.exception("The system refused")
        place = f" {Path(str(error.filename))}" if error.filename else ""
        warn(f"The system says of{place or ' the work'}: {error.strerror or error}.")
        return USAGE if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} else FAILED
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, the operator reads a sentence
        # Where no log is open yet, logging's last resort writes the trace to stderr.
        _log.exception("A fault in Foundry")
        warn(f"This is a fault in Foundry: {type(error).__name__}: {error}")
        if log_is_open():
            warn("The whole trace is in logs/foundry.log.")
        return FAILED
    return result if isinstance(result, int) else DONE


def exit_code(error: FoundryError) -> int:
    """The documented exit code of an error that ended a verb."""
    if isinstance(error, Interrupted):
        return INTERRUPTED
    wrong = (UsageError, NotFound, Conflict, SourceNotFound, EngineUnknown, VoiceMissing)
    return USAGE if isinstance(error, wrong) else FAILED
