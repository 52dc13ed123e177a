"""``megatest kill``."""

from __future__ import annotations

import sys

from megatest.app.kill import KillReport, kill_tests
from megatest.app.query import TestFilter
from megatest.cli.declare import AREA, RUN, Value, argument, command, flag, option
from megatest.cli.live import PlainWatcher
from megatest.cli.main import print_error
from megatest.cli.opened import author, matching, open_area_and_records
from megatest.cli.output import count_of, echo
from megatest.cli.stream import go_on_without_output
from megatest.model.record import RunRecord


@command(
    "kill",
    argument("pattern", Value.PATTERN),
    option("--reason", "TEXT", "Why, for the records."),
    flag("--no-wait", "Only ask; do not wait for the end."),
    *RUN,
    *AREA,
)
def kill_command(
    pattern: str, reason: str, no_wait: bool, target: str, runname: str, area: str, config_name: str
) -> int:
    """End the tests that match PATTERN, with every process of theirs.

    The engine that holds the run is asked to, and not to start those that still wait; if none does, this
    command ends what runs itself.  A killed test runs again only when that is asked for: megatest run
    --keep-going, --rerun FAIL or --force.

    Exit status: 0 nothing is left of them, 1 something is, 2 wrong use.
    """
    go_on_without_output()
    opened = open_area_and_records(area, config_name)
    run = opened.runs(target, runname)[0]
    which = TestFilter(pattern=pattern)
    matching(opened, run, which)
    report = kill_tests(
        opened.desk,
        run,
        which,
        reason=reason or "megatest kill",
        author=author(),
        watcher=PlainWatcher(sys.stdout, quiet=True),
        wait=not no_wait,
    )
    return _tell(run, report, waited=not no_wait)


def _tell(run: RunRecord, report: KillReport, *, waited: bool) -> int:
    if not report.asked:
        echo(f"nothing that matches is under way in run {run.name}")
        return 0
    left = {test.id for test in report.left}
    for test in report.asked:
        if test.id not in left:
            echo(f"killed {test.test_id}")
    holder = report.holder
    by = f"process {holder.pid} on {holder.host}" if holder else "this command: no engine holds the run"
    if left and waited:
        print_error(f"error: {count_of(len(left), 'test')} of run {run.name} still not ended by {by}")
        return 1
    echo(f"asked {by}" if left else f"ended by {by}")
    return 0
