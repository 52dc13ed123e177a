"""How long runs and tests took: the original's ``-list-run-time`` and ``-list-test-time``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.status import ENDED
from megatest.reports import listing
from megatest.reports.table import columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """How long one run, or one test of it, took.

    Attributes:
        target, runname: the run.
        test: test and item; empty if the run is meant.
        status: of the test; empty for a run.
        began: seconds since the epoch.
        seconds: from there to its end, or to the latest end of the run's tests.
    """

    target: str
    runname: str
    test: str = ""
    status: str = ""
    began: float
    seconds: float


def time_of_run(run: RunRecord, tests: Iterable[TestRecord]) -> Time | None:
    """Return the time from the first begin to the last end of a run's tests; None if none has ended."""
    ended = [test for test in tests if _has_ended(test)]
    if not ended:
        return None
    began = min(_began(test) for test in ended)
    seconds = max(test.event_time for test in ended) - began
    return Time(target=str(run.target), runname=run.runname, began=began, seconds=seconds)


def times_of_tests(run: RunRecord, tests: Iterable[TestRecord]) -> list[Time]:
    """Return the time of each test that has ended, the longest first."""
    found = [
        Time(
            target=str(run.target),
            runname=run.runname,
            test=str(test.test_id),
            status=test.status,
            began=_began(test),
            seconds=test.run_duration_s,
        )
        for test in tests
        if _has_ended(test)
    ]
    return sorted(found, key=lambda time: (-time.seconds, time.test))


def _has_ended(test: TestRecord) -> bool:
    return test.attempt > 0 and not test.is_parent and test.state in ENDED


def _began(test: TestRecord) -> float:
    """Return when the latest attempt began: a record changes last when its test ends."""
    return test.event_time - test.run_duration_s


def times_text(times: Sequence[Time]) -> str:
    """Return a line for each, in columns; of runs without test and status."""
    rows = [_cells(time) for time in times]
    return "\n".join(columns([tuple(cell for cell in row if cell) for row in rows]))


def _cells(time: Time) -> tuple[str, ...]:
    name = f"{time.target}/{time.runname}"
    return name, time.test, time.status, listing.moment(time.began), listing.duration(time.seconds)


def times_csv(times: Sequence[Time]) -> str:
    """Return a table with a head, seconds as numbers."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("target", "runname", "test", "status", "began", "seconds"))
    writer.writerows(
        (time.target, time.runname, time.test, time.status, listing.iso(time.began), _exact(time.seconds))
        for time in times
    )
    return file.getvalue().rstrip("\n")


def times_json(times: Sequence[Time]) -> str:
    """Return a list of objects, without what a run does not have."""
    found = []
    for time in times:
        about_test = {"test": time.test, "status": time.status} if time.test else {}
        about_run = {"target": time.target, "runname": time.runname}
        when = {"began": listing.iso(time.began), "seconds": _exact(time.seconds)}
        found.append({**about_run, **about_test, **when})
    return listing.dumps(found)


def _exact(seconds: float) -> float:
    return round(seconds, 2)
