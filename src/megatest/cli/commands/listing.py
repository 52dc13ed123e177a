"""``megatest list``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from megatest.app.look import settle_on_look
from megatest.app.query import (
    RunFilter,
    TestFilter,
    counts_by_run,
    find_glances,
    find_runs,
    find_tests,
    no_match,
    one_run,
    with_counts,
)
from megatest.app.session import open_area
from megatest.app.wiring import open_records
from megatest.cli.declare import AREA, JSON, RUN, Value, command, flag, option, optional
from megatest.cli.modern import area_request
from megatest.cli.output import echo
from megatest.model.record import Glance, RunRecord, TestRecord
from megatest.model.spec import Area, TestMeta
from megatest.reports import listing
from megatest.reports.verdict import needs_attention

if TYPE_CHECKING:
    from megatest.app.wiring import Records


@command(
    "list",
    optional("pattern", Value.PATTERN),
    flag("--runs -r", "List runs, not the tests of one run."),
    option("--state", "A,B", "Only tests in these states.", name="states"),
    option("--status", "A,B", "Only tests with these statuses.", name="statuses"),
    flag("--bad", "Only what needs attention."),
    option(
        "--sort",
        "",
        "Order of the tests.",
        value=Value.CHOICE,
        choices=("name", "time", "duration", "status"),
        default="name",
        show_default=True,
    ),
    JSON,
    *RUN,
    *AREA,
)
def list_command(
    pattern: str,
    runs: bool,
    states: str,
    statuses: str,
    bad: bool,
    sort: str,
    as_json: bool,
    target: str,
    runname: str,
    area: str,
    config_name: str,
) -> None:
    """List the tests of a run that match PATTERN, or (--runs) the runs of the area.

    Without -t and -n the newest run is meant.  PATTERN is a test, TEST/ITEM, or has wildcards:
    'compile/%', 'a,b', '~slow%'.

    Exit status: 0, whatever stands in the list; 2 wrong use, no such run, no test that matches PATTERN.
    """
    session = open_area(area_request(area, config_name))
    records = open_records(session, read_only=True)
    if runs:
        found = find_runs(records, session.area.field_names, RunFilter(target=target, runname=runname))
        _echo_runs(records, found, as_json=as_json)
        return
    run = one_run(records, session, target, runname)
    note = settle_on_look(session, records, run)
    which = TestFilter(pattern=pattern, states=_words(states), statuses=_words(statuses))
    _warn(session.area, which)
    if as_json:
        every = find_tests(records, run, which)
        _check_match(records, run, pattern, every)
        tests = _chosen(every, bad=bad, sort=sort)
        (counted,) = with_counts(records, [run])
        echo(listing.dumps({**listing.run_json(counted), "note": note, "tests": _with_meta(records, tests)}))
        return
    found_tests = find_glances(records, run, which)
    _check_match(records, run, pattern, found_tests)
    glances = _chosen(found_tests, bad=bad, sort=sort)
    echo(f"Run {run.name}: {listing.counts_text(listing.counts(glances))}")
    _echo_lines(listing.test_lines(glances))
    if note:
        echo(note)


def _echo_runs(records: Records, runs: Sequence[RunRecord], *, as_json: bool) -> None:
    by_run = counts_by_run(records, runs)
    counts = {run.id: listing.ordered(by_run[run.id]) for run in runs}
    if as_json:
        echo(listing.dumps([listing.run_json(run, counts[run.id]) for run in with_counts(records, runs)]))
    else:
        _echo_lines(listing.run_lines([(run, counts[run.id]) for run in runs]))


def _with_meta(records: Records, tests: Sequence[TestRecord]) -> list[dict[str, object]]:
    """Return what is told of each test as data, with what its file says of it for people."""
    metas, nothing = records.meta(), TestMeta()
    return [{**listing.test_json(t), **listing.meta_json(metas.get(t.test_id.test, nothing))} for t in tests]


def _warn(area: Area, which: TestFilter) -> None:
    """Warn of words that are no state or status."""
    if which.states or which.statuses:
        from megatest.cli.words import warn_of_states, warn_of_statuses  # few lines name any

        warn_of_states(area, which.states)
        warn_of_statuses(area, which.statuses)


def _check_match(records: Records, run: RunRecord, pattern: str, found: Sequence[object]) -> None:
    """Refuse a pattern that matches no test of a run, in whatever state."""
    if pattern and not found and not find_glances(records, run, TestFilter(pattern=pattern)):
        raise no_match(run, pattern)


_Listed = TypeVar("_Listed", TestRecord, Glance)


def _chosen(tests: Sequence[_Listed], *, bad: bool, sort: str) -> Sequence[_Listed]:
    """Return the tests that are to be listed, in the order that was asked for."""
    wanted = [t for t in tests if needs_attention(t.state, t.status)] if bad else tests
    return _sorted(wanted, sort)


def _sorted(tests: Sequence[_Listed], order: str) -> Sequence[_Listed]:
    if order == "time":
        return sorted(tests, key=lambda t: (t.event_time, t.test_id))
    if order == "duration":
        return sorted(tests, key=lambda t: -t.run_duration_s)
    if order == "status":
        return sorted(tests, key=lambda t: (t.state, t.status, t.test_id))
    return tests


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def _echo_lines(lines: list[str]) -> None:
    echo("\n".join(lines))
