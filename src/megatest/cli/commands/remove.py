"""``megatest rm``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from megatest.app.query import TestFilter, find_tests
from megatest.app.removal import RemoveOrder, RemoveReport
from megatest.app.remove import remove_tests
from megatest.app.retention import Retention, age_s, expired
from megatest.cli.declare import AREA, JSON, RUN, Declined, Misuse, Value, argument, command, flag, option
from megatest.cli.live import PlainWatcher
from megatest.cli.main import print_error
from megatest.cli.opened import Opened, author, matching, open_area_and_records
from megatest.cli.output import count_of, echo
from megatest.cli.stream import go_on_without_output
from megatest.model.error import UserError
from megatest.model.record import RunRecord
from megatest.reports import listing


@command(
    "rm",
    argument("pattern", Value.PATTERN),
    option("--keep", "N", "Leave the N newest runs of each target alone.", value=Value.COUNT, default=None),
    option("--older-than", "TIME", "Leave alone what began later: 30d, 12h.", default=None),
    flag("--keep-results", "Remove only directories; the results stay as they are."),
    flag("--keep-records", "Remove only directories; the tests are NOT_STARTED then."),
    flag("--dry-run", "Print what would go; do nothing."),
    flag("-y --yes", "Do not ask."),
    JSON,
    *RUN,
    *AREA,
)
def rm_command(
    pattern: str,
    keep: int | None,
    older_than: str | None,
    keep_results: bool,
    keep_records: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    target: str,
    runname: str,
    area: str,
    config_name: str,
) -> int:
    """Remove the directories and records of tests that match PATTERN; '%' means all of a run.

    -n and -t may be patterns that mean several runs.  Running tests are killed first.  A run without
    tests goes too.  Locked runs, and directories that are not surely ours, stay.

    With --keep or --older-than all runs are meant where -n and -t do not say which.  With these, and with
    --keep-results, nothing is killed: runs in which something runs stay.

    Exit status: 0 all is gone, 1 something stays, 2 wrong use.
    """
    if keep_results and keep_records:
        raise Misuse("says that the results stay, --keep-records that they go", "--keep-results")
    retention = _retention(keep, older_than)
    opened = open_area_and_records(area, config_name, read_only=dry_run)
    if retention is None:
        runs = opened.runs(target, runname)
    else:
        runs = _expired(opened, opened.all_runs(target, runname), retention)
    which = TestFilter(pattern=pattern)
    if retention is None and len(runs) == 1 and opened.records.tests(runs[0].id):
        matching(opened, runs[0], which)
    if retention is not None and runs and not any(find_tests(opened.records, run, which) for run in runs):
        print_error(f"warning: no test of {count_of(len(runs), 'old run')} matches {pattern!r}")
        runs = []
    if runs and not dry_run and not yes:
        _confirm(opened, runs, which, keep_rows=keep_records or keep_results)
    order = RemoveOrder(
        which=which,
        keep_records=keep_records,
        keep_results=keep_results,
        only_idle=retention is not None,
        dry_run=dry_run,
        author=author(),
        reason="megatest rm",
    )
    if not dry_run:
        go_on_without_output()
    report = remove_tests(opened.desk, runs, order, PlainWatcher(sys.stdout, quiet=True))
    if as_json:
        echo(listing.dumps(_json(report)))
    else:
        _tell(report, "would remove" if dry_run else "removed")
    return 1 if report.kept else 0


def _retention(keep: int | None, older_than: str | None) -> Retention | None:
    """Return which runs are to stay; None if nothing was said about it.

    Raises:
        Misuse: --older-than is no time.
    """
    if keep is None and older_than is None:
        return None
    younger_than_s = age_s(older_than) if older_than is not None else 0.0
    if younger_than_s is None:
        raise Misuse(f"{older_than!r} is no time; write words like 30d, 12h, 10m", "--older-than")
    return Retention(newest=keep or 0, younger_than_s=younger_than_s)


def _expired(opened: Opened, runs: Sequence[RunRecord], retention: Retention) -> list[RunRecord]:
    gone = expired(runs, retention, opened.desk.clock.now())
    if not gone:
        print_error("no run is old enough to go")
    return list(gone)


def _confirm(opened: Opened, runs: Sequence[RunRecord], which: TestFilter, *, keep_rows: bool) -> None:
    tests = sum(len(find_tests(opened.records, run, which)) for run in runs)
    names = ", ".join(run.name for run in runs[:5]) + (" ..." if len(runs) > 5 else "")
    what = "the directories" if keep_rows else "directories and records"
    if not sys.stdin.isatty():
        raise UserError(
            f"rm would remove {what} of {count_of(tests, 'test')} of {names}",
            hint="give -y to do it without being asked, --dry-run to see what would go",
        )
    _ask(f"Remove {what} of {count_of(tests, 'test')} of {names}?")


def _ask(question: str) -> None:
    """Ask for a yes.

    Raises:
        Declined: the answer was another, or none.
    """
    import click

    try:
        click.confirm(question, abort=True, err=True)
    except click.Abort:
        raise Declined from None


def _tell(report: RemoveReport, verb: str) -> None:
    for gone in report.gone:
        echo(f"{verb} {gone.name}" + "".join(f"\n    {path}" for path in gone.paths))
    for kept in report.kept:
        print_error(f"warning: {kept.name} stays: {kept.reason}")


def _json(report: RemoveReport) -> dict[str, object]:
    return {
        "removed": [{"run": g.run, "test": g.test, "paths": list(g.paths)} for g in report.gone],
        "kept": [{"run": k.run, "test": k.test, "reason": k.reason} for k in report.kept],
    }
