"""The original's ``-list-runs`` and its lines during a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from megatest.model.error import UserError
from megatest.model.record import RunRecord, StepRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.status import State, Status
from megatest.reports.listing import dumps
from megatest.reports.sexpr import Datum, sexpr
from megatest.reports.table import printable

_QUIET: Final = frozenset({Status.PASS, Status.WARN})

_RUN_FIELDS: Final[Mapping[str, Callable[[RunRecord], str | int]]] = {
    "target": lambda run: str(run.target),
    "id": lambda run: run.id,
    "runname": lambda run: run.runname,
    "state": lambda run: run.state,
    "status": lambda run: run.status,
    "owner": lambda run: run.owner,
    "event_time": lambda run: run.event_time,
    "comment": lambda run: run.comment,
    "fail_count": lambda run: run.fail_count,
    "pass_count": lambda run: run.pass_count,
}

_TEST_FIELDS: Final[Mapping[str, Callable[[TestRecord], str | int | float]]] = {
    "id": lambda test: test.id,
    "run_id": lambda test: test.run_id,
    "testname": lambda test: test.test_id.test,
    "state": lambda test: test.state,
    "status": lambda test: test.status,
    "event_time": lambda test: test.event_time,
    "host": lambda test: test.host,
    "cpuload": lambda test: test.cpuload,
    "diskfree": lambda test: test.diskfree_kib,
    "uname": lambda test: test.uname,
    "rundir": lambda test: test.rundir,
    "item_path": lambda test: test.test_id.item,
    "run_duration": lambda test: round(test.run_duration_s),
    "final_logf": lambda test: test.final_logf,
    "comment": lambda test: test.comment,
    "shortdir": lambda test: test.shortdir,
    "attemptnum": lambda test: test.attempt,
    "archived": lambda _: 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What ``-list-runs`` prints of each record.

    Attributes:
        fields: names of the target's fields.
        run: columns of a run, in order; `target` among them takes the line's usual beginning away.
        test: columns of a test; empty for no tests at all.
        steps: also the steps, where something went wrong.
        sort: a column of the tests to sort by; empty for name and item, the last first.
    """

    fields: tuple[str, ...]
    run: tuple[str, ...]
    test: tuple[str, ...] = tuple(_TEST_FIELDS)
    steps: bool = True
    sort: str = ""

    def run_values(self, run: RunRecord) -> dict[str, str | int]:
        """Return a run's columns that are asked for, by name."""
        of_target = dict(zip(self.fields, run.target.values, strict=True))
        return {name: of_target[name] if name in of_target else _RUN_FIELDS[name](run) for name in self.run}

    def test_values(self, test: TestRecord) -> dict[str, str | int | float]:
        """Return a test's columns that are asked for, by name."""
        return {name: _TEST_FIELDS[name](test) for name in self.test}

    def sorted(self, tests: Iterable[TestRecord]) -> list[TestRecord]:
        """Return tests in the order that is asked for."""
        if not self.sort:
            return sorted(tests, key=lambda t: t.test_id, reverse=True)
        column = _TEST_FIELDS[self.sort]
        return sorted(tests, key=lambda t: (column(t), t.test_id))


def parse_listing(fields: Sequence[str], text: str = "", sort: str = "") -> Listing:
    """Read ``-fields runs:a,b+tests:x,y+steps`` and ``-sort FIELD`` for an area's fields.

    A table without columns means all of the tests' columns and the `id` of runs; a table that is
    not named is left out.  Without any text everything is printed.

    Raises:
        UserError: an unknown table or column, with those there are.
    """
    known_run = (*fields, *_RUN_FIELDS)
    default_run = (*fields, *(name for name in _RUN_FIELDS if name != "target"))
    if sort:
        _check("-sort", [sort], _TEST_FIELDS)
    if not text:
        return Listing(fields=tuple(fields), run=default_run, sort=sort)
    tables = {table: names for table, names in map(_table, text.split("+")) if table}
    _check("-fields", tables, ("runs", "tests", "steps"), "table")
    run, test = tables.get("runs", ()), tables.get("tests", ())
    _check("-fields", run, known_run)
    _check("-fields", test, _TEST_FIELDS)
    return Listing(
        fields=tuple(fields),
        run=run or ("id",) if "runs" in tables else default_run,
        test=test or tuple(_TEST_FIELDS) if "tests" in tables else (),
        steps="steps" in tables,
        sort=sort,
    )


def _table(part: str) -> tuple[str, tuple[str, ...]]:
    table, _, names = part.partition(":")
    return table.strip(), tuple(name for name in map(str.strip, names.split(",")) if name)


def _check(option: str, names: Iterable[str], known: Iterable[str], what: str = "field") -> None:
    listed = tuple(known)
    for name in names:
        if name not in listed:
            raise UserError(f"{option}: there is no {what} {name!r}", hint=f"known: {', '.join(listed)}")


Found = Sequence[tuple[RunRecord, Sequence[TestRecord]]]
"""Runs with their tests."""

StepsOf = Callable[[TestRecord], Sequence[StepRecord]]
"""Looks up a test's steps."""


def list_runs(found: Found, listing: Listing, steps_of: StepsOf) -> list[str]:
    """Return the lines of a listing: runs by start time, each with its tests."""
    lines = []
    for run, tests in _by_start(found):
        lines.append(run_line(run, listing))
        if listing.test:
            for test in listing.sorted(tests):
                lines += test_lines(test, listing, steps_of)
    return lines


def _by_start(found: Found) -> Found:
    return sorted(found, key=lambda pair: (pair[0].event_time, pair[0].id))


def run_line(run: RunRecord, listing: Listing) -> str:
    """Return the line that begins a run: its name, then the columns that are asked for."""
    head = "" if "target" in listing.run else f"Run: {run.name} "
    values = listing.run_values(run).items()
    return head + "".join(f"{name}: {printable(str(value))} " for name, value in values)


def test_lines(test: TestRecord, listing: Listing, steps_of: StepsOf) -> list[str]:
    """Return the lines of one test; more than one where something went wrong."""
    shown = listing.test_values(test)
    name = f"{test.test_id.test}({test.test_id.item})" if test.test_id.item else test.test_id.test
    head = f"  Test: {name:<25} State: {shown.get('state', ''):<15} Status: {shown.get('status', ''):<15} "
    tail = f"Time: {shown.get('event_time', ''):<22} Host: {shown.get('host', ''):<10}"
    lines = [f"{head}Runtime: {shown.get('run_duration', ''):>5}s {tail}"]
    if test.status in _QUIET or test.state == State.NOT_STARTED:
        return lines
    for column, label in (
        ("cpuload", "cpuload:  "),
        ("diskfree", "diskfree: "),
        ("uname", "uname:    "),
        ("rundir", "rundir:   "),
    ):
        if column in shown:
            lines.append(f"         {label}{shown[column]}")
    return lines + (_step_lines(steps_of(test)) if listing.steps else [])


def _step_lines(steps: Iterable[StepRecord]) -> list[str]:
    return [
        f"    Step: {s.stepname:<20} State: {s.state:<10} Status: {s.status:<10} Time {s.event_time:<22}"
        for s in steps
    ]


def list_runs_json(found: Found, listing: Listing) -> str:
    """Return a listing as ``{TARGET: {RUN: {"meta": {...}, "data": {TEST-ID: {...}}}}}``."""
    out: dict[str, dict[str, object]] = {}
    for run, tests in _by_start(found):
        meta = {name: str(value) for name, value in listing.run_values(run).items()}
        data = {str(test.id): listing.test_values(test) for test in listing.sorted(tests) if listing.test}
        out.setdefault(str(run.target), {})[run.runname] = {"meta": meta, "data": data}
    return dumps(out)


def list_runs_sexpr(found: Found, listing: Listing) -> str:
    """Return a listing as nested association lists, shaped as the JSON is."""
    out: dict[str, list[Datum]] = {}
    for run, tests in _by_start(found):
        meta: Datum = ["meta", *([name, str(value)] for name, value in listing.run_values(run).items())]
        data: Datum = [
            "data",
            *(
                [str(test.id), *([name, value] for name, value in listing.test_values(test).items())]
                for test in listing.sorted(tests)
                if listing.test
            ),
        ]
        out.setdefault(str(run.target), []).append([run.runname, meta, data])
    return sexpr([[target, *runs] for target, runs in out.items()])


def progress_header() -> str:
    """Return the heading of the lines that a classic run prints."""
    return f"{'State':<12}{'Status':<12}{'Start Time':<20}{'Duration':<12}{'Test path':<40}".rstrip()


def progress_line(state: str, status: str, start_s: float, duration_text: str, path: str) -> str:
    """Return the line of a test that reached an end during a classic run."""
    start = datetime.fromtimestamp(start_s, UTC).astimezone()
    year, week, day = start.isocalendar()
    when = f"{year}ww{week:02d}.{day} {start:%H:%M}"
    return f"{state:<12}{status:<12}{when:<20}{duration_text:<12}{path:<40}".rstrip()


def old_runs(runs: Iterable[RunRecord]) -> list[str]:
    """Return the lines of -remove-keep: each target, below it what is to go and when that began."""
    lines: list[str] = []
    target = None
    for run in runs:
        if run.target != target:
            target = run.target
            lines.append(f"{target}:")
        began = datetime.fromtimestamp(run.event_time, UTC).astimezone()
        lines.append(f" {run.runname} {began:WW%V.%u %H:%M:%S} REMOVE")
    return lines
