"""``megatest wait``."""

from __future__ import annotations

from megatest.app.kill import WaitReport, wait_for
from megatest.app.query import TestFilter, with_counts
from megatest.cli.declare import AREA, JSON, RUN, Value, command, flag, option, optional
from megatest.cli.main import print_error
from megatest.cli.opened import matching, open_area_and_records
from megatest.cli.output import count_of, echo
from megatest.cli.stream import go_on_without_output
from megatest.model.record import RunRecord
from megatest.reports import listing


@command(
    "wait",
    optional("pattern", Value.PATTERN),
    option("--timeout", "SECONDS", "Give up after so long.", value=Value.SECONDS, default=None),
    flag("-q --quiet", "Print nothing."),
    JSON,
    *RUN,
    *AREA,
)
def wait_command(
    pattern: str,
    timeout: float | None,
    quiet: bool,
    as_json: bool,
    target: str,
    runname: str,
    area: str,
    config_name: str,
) -> int:
    """Wait until nothing of a run, or of its tests that match PATTERN, is under way.

    Exit status: 0 all of them are good, 1 some are not or the time is up, 2 wrong use, 130 interrupted.
    """
    go_on_without_output()
    opened = open_area_and_records(area, config_name)
    run = opened.runs(target, runname)[0]
    which = TestFilter(pattern=pattern)
    if pattern:
        matching(opened, run, which)
    report = wait_for(opened.desk, run, which, timeout_s=timeout)
    if as_json:
        echo(listing.dumps(_json(with_counts(opened.records, [run])[0], report)))
    elif not quiet:
        echo(f"Run {run.name}: {listing.counts_text(listing.counts(report.tests))}")
    if not report.over:
        left = count_of(len(report.under_way), "test")
        print_error(f"error: {left} of run {run.name} still under way after {timeout:g} s")
    return 0 if report.over and not report.bad else 1


def _json(run: RunRecord, report: WaitReport) -> dict[str, object]:
    return {
        **listing.run_json(run, listing.counts(report.tests)),
        "over": report.over,
        "bad": [str(test.test_id) for test in report.bad],
        "under_way": [str(test.test_id) for test in report.under_way],
    }
