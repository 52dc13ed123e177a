"""``megatest set``, ``megatest lock`` and ``megatest unlock``."""

from __future__ import annotations

from collections.abc import Collection

import click

from megatest.app.beside import ring_for
from megatest.app.edit import set_lock, set_tests
from megatest.app.query import TestFilter
from megatest.app.scene import open_run_log
from megatest.app.wiring import SystemClock
from megatest.cli.main import print_error
from megatest.cli.modern import area_options, run_options
from megatest.cli.opened import author, matching, open_area_and_records
from megatest.config.nearest import did_you_mean
from megatest.model.error import UserError
from megatest.model.status import State, Status


@click.command("set")
@click.argument("pattern")
@click.option("--state", metavar="STATE", help="The new state, e.g. COMPLETED.")
@click.option("--status", metavar="STATUS", help="The new status, e.g. PASS.")
@click.option("--comment", metavar="TEXT", help="The new comment. [default: the one it has]")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the records.")
@run_options
@area_options
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
        raise UserError("a test is not killed by setting its state", hint=f"use: megatest kill {pattern}")
    opened = open_area_and_records(area, config_name)
    settings = opened.session.area
    _warn_unknown("state", state, settings.valid_states or [word.value for word in State])
    _warn_unknown("status", status, settings.valid_statuses or [word.value for word in Status])
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
        click.echo(f"{run.name}/{test.test_id}: {test.state}/{test.status}")


def _warn_unknown(what: str, word: str | None, known: Collection[str]) -> None:
    """A word of the user's own is stored as it is, but it may be a slip of the finger."""
    if word is not None and word not in known:
        hint = did_you_mean(word, known)
        print_error(
            f"warning: {word!r} is no {what} that means anything here" + (f"; {hint}" if hint else "")
        )


@click.command("lock")
@run_options
@area_options
def lock_command(target: str, runname: str, area: str, config_name: str) -> None:
    """Protect a run, or the runs that -n and -t match, from removal and changes by hand."""
    _lock(target, runname, area, config_name, locked=True)


@click.command("unlock")
@run_options
@area_options
def unlock_command(target: str, runname: str, area: str, config_name: str) -> None:
    """Take the protection of a run away, or that of the runs that -n and -t match."""
    _lock(target, runname, area, config_name, locked=False)


def _lock(target: str, runname: str, area: str, config_name: str, *, locked: bool) -> None:
    opened = open_area_and_records(area, config_name)
    runs = opened.runs(target, runname)
    set_lock(opened.records, runs, locked=locked, author=author())
    for run in runs:
        click.echo(f"run {run.name} is {'locked' if locked else 'unlocked'}")
