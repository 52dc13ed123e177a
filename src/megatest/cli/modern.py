"""The modern commands: their table, and how a line finds its command.

A line that is beyond doubt is read by `megatest.cli.plain`; help, completion and whatever is wrong with
a line are click's, in `megatest.cli.spoken`.  Both know the commands from one declaration.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from megatest.cli.declare import Command, Declined, Misuse
from megatest.cli.main import EXIT_INTERRUPTED, load, working_directory
from megatest.cli.plain import read

if TYPE_CHECKING:
    from megatest.app.session import AreaRequest

COMPLETION: Final = "_MEGATEST_COMPLETE"
"""The variable by which a shell asks for completions, as click calls it for a program of this name."""

_READER_GONE: Final = 1

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


def declared(name: str) -> Command:
    """Import and return a command by the word that calls it."""
    command: Command = load(f"commands.{COMMANDS[name][0]}", f"{name}_command")
    return command


def run(arguments: Sequence[str]) -> int:
    """Run one modern command line; return its exit status."""
    first = arguments[0] if arguments else ""
    if first in COMMANDS and not os.environ.get(COMPLETION):
        found = read(declared(first), arguments[1:])
        if found is not None:
            try:
                return _act(*found)
            except Misuse:
                pass  # nothing was done yet, and click words it
    from megatest.cli import spoken

    try:
        return spoken.run(arguments)
    except Declined:
        return EXIT_INTERRUPTED


def _act(command: Command, values: Mapping[str, object]) -> int:
    """Do what a line asks; an interruption and a reader that is gone end it as they do under click."""
    try:
        return command.action(**values) or 0
    except Declined:
        return EXIT_INTERRUPTED
    except (EOFError, KeyboardInterrupt):
        sys.stderr.write("\n")  # behind the ^C of the terminal
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        return _READER_GONE


def area_request(area: str, config_name: str) -> AreaRequest:
    """Return which area a command line means."""
    from megatest.app.session import AreaRequest  # reads configuration; --help has none

    start = "" if area else working_directory()
    return AreaRequest(start=start, area=area, config_name=config_name, environ=dict(os.environ))
