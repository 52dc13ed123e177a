"""The modern commands: a click group that imports a command's module only when it is used."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from megatest.app.session import AreaRequest
from megatest.cli.main import working_directory

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("run", "plan, launch and wait for tests"),
    "list": ("listing", "runs, tests and items, and how they stand"),
    "show": ("show", "one test: steps, attempts, log, how to reproduce it"),
    "why": ("why", "why a test waits, ran, did not run, or has its status"),
    "triage": ("triage", "failures grouped by what they have in common, over runs and targets"),
    "log": ("log", "a test's log, or one step's; -f follows it"),
    "wait": ("wait", "wait until nothing of a run is under way"),
    "kill": ("kill", "end running tests, with every process of theirs"),
    "rm": ("remove", "remove tests' directories and records"),
    "waive": ("waive", "accept a known failure for a while; list and remove such waivers"),
    "set": ("edit", "set state and status by hand, with the reason"),
    "lock": ("edit", "protect a run from removal and changes by hand"),
    "unlock": ("edit", "take a run's protection away"),
    "steps": ("show", "the steps of a test"),
    "values": ("values", "measured values over runs"),
    "logpro": ("logpro", "judge a log by rules"),
    "init": ("create", "make a new area, commented"),
    "new": ("create", "make a new test, commented"),
    "check": ("config", "everything that is wrong with the area's files"),
    "config": ("config", "resolved values and where each came from"),
    "targets": ("config", "the targets that runconfigs names"),
    "rebuild": ("rebuild", "make a lost or damaged database again from what lies on disk"),
    "doctor": ("doctor", "what is wrong with the area and its surroundings, and the remedy"),
    "completion": ("completion", "completion for bash, zsh or fish"),
}
"""Name -> (module of `megatest.cli.commands`, one line of help)."""

IN_TEST: Final[dict[str, str]] = {
    "step": "inside a test: report a step",
    "status": "inside a test: report its own state and status",
    "log-file": "inside a test: name its log",
    "value": "inside a test: report a measured value",
}
"""Handled before click is loaded, see `megatest.cli.start`; here for the help only."""


class Commands(click.Group):
    """Looks commands up by name and imports no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name, in the order in which the help shows them."""
        return [*COMMANDS, *IN_TEST]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"megatest.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that a line begins with; name the nearest one if there is none."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; see: megatest --help"
            ctx.fail(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        with formatter.section("Inside a test"):
            formatter.write_dl(list(IN_TEST.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def group() -> None:
    """Run large suites of long tests, keep every result, rerun only what must be.

    The original's command line works too: megatest -runtests a,b -target x/y -runname w1
    (all of its options: megatest -h).
    """


def area_options(function: Any) -> Any:
    """Add the options that say which area is meant."""
    function = click.option(
        "--config-name", default="megatest.config", metavar="NAME", help="Name of the area's file."
    )(function)
    return click.option(
        "--area", "-C", default="", metavar="DIR", help="The area. [default: the nearest one upward]"
    )(function)


def run_options(function: Any) -> Any:
    """Add the options that say which run is meant."""
    function = click.option("--runname", "-n", default="", metavar="NAME", help="Name of the run.")(function)
    return click.option("--target", "-t", default="", metavar="A/B/C", help="A value for each field.")(
        function
    )


def area_request(area: str, config_name: str) -> AreaRequest:
    """Return which area a command line means."""
    from megatest.app.session import AreaRequest  # reads configuration; --help has none

    start = "" if area else working_directory()
    return AreaRequest(start=start, area=area, config_name=config_name, environ=dict(os.environ))


def run(arguments: Sequence[str]) -> int:
    """Run one modern command line; return its exit status."""
    try:
        result = group.main(args=list(arguments), prog_name="megatest", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        return 130
    return result if isinstance(result, int) else 0
