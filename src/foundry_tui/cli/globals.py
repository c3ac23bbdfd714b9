"""The options every verb understands, before or after its name, and the group that loads a verb when it is called."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from foundry_tui.cli.out import called_with, warn
from foundry_tui.errors import HomeUnusable
from foundry_tui.settings import ENVIRONMENTS, Settings, load_settings

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass
class Globals:
    """What the global options said."""

    home: Path | None = None
    environment: str | None = None
    database_url: str | None = None

    def settings(self, *, workers: int | None = None) -> Settings:
        """The settings as they stand, the home's log opened; names the home on stderr where nobody gave it."""
        from foundry_tui.log_file import open_log

        settings = load_settings(
            home=self.home, environment=self.environment, database_url=self.database_url, workers=workers
        )
        if settings.origin in {"current folder", "user data folder"}:
            warn(f"Home: {settings.home} ({settings.origin})")
        open_log(settings.home, settings.log_level)
        return settings

    def ready_settings(self, *, workers: int | None = None) -> Settings:
        """Like ``settings``, but raises HomeUnusable where ``init`` has not been."""
        from foundry_tui.operations.setup import require_tables

        settings = self.settings(workers=workers)
        if not settings.is_ready:
            if settings.keeps_own_file:
                require_tables(settings.home, settings.database_file)
            raise HomeUnusable(
                f"There is no Foundry home at {settings.home} yet.",
                next_action="Run `foundry-tui init` there first, or choose another with --home DIR.",
            )
        return settings


def global_options(command: Decorated) -> Decorated:
    """Give ``command`` --home, --env and --database-url."""
    for names, settings in reversed(_OPTIONS):
        command = click.option(*names, expose_value=False, callback=_keep, **settings)(command)
    return command


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    state = context.ensure_object(Globals)
    if value is not None and parameter.name is not None:
        setattr(state, parameter.name, value)
        called_with(
            {"--home": state.home, "--env": state.environment, "--database-url": state.database_url and "URL"}
        )  # it may hold a password


_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--home",),
        {
            "type": click.Path(path_type=Path),
            "metavar": "DIR",
            "help": "The working home. Else FOUNDRY_HOME, the current folder if it is a home, your user data folder.",
        },
    ),
    (
        ("--env", "environment"),
        {
            "type": click.Choice(ENVIRONMENTS),
            "help": "alpha works in its own tree and database below the home (FOUNDRY_ENV).",
        },
    ),
    (
        ("--database-url",),
        {"metavar": "URL", "help": "Another database than the home's own file (FOUNDRY_DATABASE_URL)."},
    ),
)


class _WithExamples(click.Command):
    """A command whose help ends in examples, one command line each."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are to be typed."""
        if self._examples:
            with formatter.section("Examples"):
                for line in self._examples:
                    formatter.write(f"  {line}\n")
        super().format_epilog(ctx, formatter)


class Verb(_WithExamples):
    """A verb that also takes the global options after its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for names, settings in _OPTIONS:
            self.params.append(click.Option(names, expose_value=False, callback=_keep, hidden=True, **settings))


class Noun(click.Group):
    """A noun's verbs: ``book add``, ``book list``."""

    command_class = Verb

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order an operator meets them."""
        del ctx
        return list(self.commands)


class FoundryGroup(_WithExamples, click.Group):
    """The verbs by name, each imported when it is called or helped, not before."""

    def __init__(self, *args: Any, verbs: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order an operator meets them."""
        del ctx
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's room."""
        del ctx
        if cmd_name not in self._verbs:
            return None
        module, _, attribute = self._verbs[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs and their one line each, without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._verbs.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name what may have been meant where there is no such verb."""
        if args and args[0] not in self._verbs and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self._verbs, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"There is no verb {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)
