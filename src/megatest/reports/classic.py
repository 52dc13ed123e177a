"""The original's ``-list-runs`` and its lines during a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from megatest.model.record import RunRecord, StepRecord, TestRecord
from megatest.model.status import State, Status

_QUIET = frozenset({Status.PASS, Status.WARN})


def run_line(run: RunRecord, fields: Sequence[str]) -> str:
    """Return the line that begins a run: its name and every column of its row."""
    values: dict[str, object] = dict(zip(fields, run.target.values, strict=True))
    values |= {
        "id": run.id,
        "runname": run.runname,
        "state": run.state,
        "status": run.status,
        "owner": run.owner,
        "event_time": run.event_time,
        "comment": run.comment,
        "fail_count": run.fail_count,
        "pass_count": run.pass_count,
    }
    return f"Run: {run.name} " + " ".join(f"{name}: {value}" for name, value in values.items())


def test_lines(test: TestRecord, steps: Sequence[StepRecord]) -> list[str]:
    """Return the lines of one test; more than one where something went wrong."""
    name = f"{test.test_id.test}({test.test_id.item})" if test.test_id.item else test.test_id.test
    head = f"  Test: {name:<25} State: {test.state:<15} Status: {test.status:<15} "
    lines = [
        f"{head}Runtime: {round(test.run_duration_s):>5}s Time: {test.event_time:<22} Host: {test.host:<10}"
    ]
    if test.status in _QUIET or test.state == State.NOT_STARTED:
        return lines
    lines += [
        f"         cpuload:  {test.cpuload:g}",
        f"         diskfree: {test.diskfree_kib}",
        f"         uname:    {test.uname}",
        f"         rundir:   {test.rundir}",
    ]
    lines += [
        f"    Step: {s.stepname:<20} State: {s.state:<10} Status: {s.status:<10} Time {s.event_time:<22}"
        for s in steps
    ]
    return lines


def list_runs(
    runs: Sequence[RunRecord],
    fields: Sequence[str],
    tests: Mapping[int, Sequence[TestRecord]],
    steps: Mapping[int, Sequence[StepRecord]],
) -> list[str]:
    """Return the whole listing: runs by start time, tests by name and item, the last first."""
    lines = []
    for run in sorted(runs, key=lambda r: (r.event_time, r.id)):
        lines.append(run_line(run, fields))
        for test in sorted(tests.get(run.id, ()), key=lambda t: t.test_id, reverse=True):
            lines += test_lines(test, steps.get(test.id, ()))
    return lines


def progress_header() -> str:
    """Return the heading of the lines that a classic run prints."""
    return f"{'State':<12}{'Status':<12}{'Start Time':<20}{'Duration':<12}{'Test path':<40}".rstrip()


def progress_line(state: str, status: str, start_s: float, duration_text: str, path: str) -> str:
    """Return the line of a test that reached an end during a classic run."""
    start = datetime.fromtimestamp(start_s, UTC).astimezone()
    year, week, day = start.isocalendar()
    when = f"{year}ww{week:02d}.{day} {start:%H:%M}"
    return f"{state:<12}{status:<12}{when:<20}{duration_text:<12}{path:<40}".rstrip()
