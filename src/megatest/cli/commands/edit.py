"""``megatest set``, ``megatest lock`` and ``megatest unlock``."""

from __future__ import annotations

import shlex

from megatest.app.beside import ring_for
from megatest.app.edit import set_lock, set_tests
from megatest.app.query import TestFilter
from megatest.app.runjournal import open_run_log
from megatest.app.wiring import SystemClock
from megatest.cli.declare import AREA, RUN, Value, argument, command, option
from megatest.cli.opened import author, matching, open_area_and_records
from megatest.cli.output import echo
from megatest.cli.words import warn_of_states, warn_of_statuses
from megatest.model.error import UserError
from megatest.model.status import State


@command(
    "set",
    argument("pattern", Value.PATTERN),
    option("--state", "STATE", "The new state, e.g. COMPLETED.", default=None),
    option("--status", "STATUS", "The new status, e.g. PASS.", default=None),
    option("--comment", "TEXT", "The new comment. [default: the one it has]", default=None),
    option("--reason", "TEXT", "Why, for the records.", default=None, required=True),
    *RUN,
    *AREA,
)
def set_command(
    pattern: str,
    state: str | None,
    status: str | None,
    comment: str | None,
    reason: str,
    target: str,
    runname: str,
    area: str,
    config_name: str,
) -> None:
    """Set state, status or comment of the tests that match PATTERN by hand.

    Who did it, when and why is kept: megatest show TEST.  Parents follow their items.
    """
    if state is None and status is None and comment is None:
        raise UserError("set needs --state, --status or --comment")
    if state == State.KILLREQ:
        raise UserError(
            "a test is not killed by setting its state", hint=f"use: megatest kill {shlex.quote(pattern)}"
        )
    opened = open_area_and_records(area, config_name)
    settings = opened.session.area
    warn_of_states(settings, [state] if state is not None else [])
    warn_of_statuses(settings, [status] if status is not None else [])
    run = opened.runs(target, runname)[0]
    which = TestFilter(pattern=pattern)
    matching(opened, run, which)
    changed = set_tests(
        opened.records,
        run,
        which,
        state=state,
        status=status,
        comment=comment,
        reason=reason,
        author=author(),
        log=open_run_log(opened.session, run),
    )
    ring_for(opened.session, run, changed, SystemClock())
    for test in changed:
        echo(f"{run.name}/{test.test_id}: {test.state}/{test.status}")


@command("lock", *RUN, *AREA)
def lock_command(target: str, runname: str, area: str, config_name: str) -> None:
    """Protect a run, or the runs that -n and -t match, from removal and changes by hand."""
    _lock(target, runname, area, config_name, locked=True)


@command("unlock", *RUN, *AREA)
def unlock_command(target: str, runname: str, area: str, config_name: str) -> None:
    """Take the protection of a run away, or that of the runs that -n and -t match."""
    _lock(target, runname, area, config_name, locked=False)


def _lock(target: str, runname: str, area: str, config_name: str, *, locked: bool) -> None:
    opened = open_area_and_records(area, config_name)
    runs = opened.runs(target, runname)
    set_lock(opened.session, opened.records, runs, locked=locked, author=author())
    for run in runs:
        echo(f"run {run.name} is {'locked' if locked else 'unlocked'}")
