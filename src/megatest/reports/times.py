"""How long runs and tests took: the original's ``-list-run-time`` and ``-list-test-time``."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence

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
        began: seconds since the epoch; None where that is not known.
        seconds: from there to its end, or to the latest end of the run's tests.
    """

    target: str
    runname: str
    test: str = ""
    status: str = ""
    began: float | None
    seconds: float


def time_of_run(run: RunRecord, tests: Iterable[TestRecord], edited: Collection[int] = ()) -> Time | None:
    """Return the time from the first begin to the last end of a run's tests; None if none has ended.

    Args:
        run, tests: the run, and its tests that count.
        edited: rows that somebody changed by hand: when their tests ended is not known any more.
    """
    ended = [test for test in tests if _has_ended(test) and test.id not in edited]
    if not ended:
        return None
    began = min(_began(test) for test in ended)
    seconds = max(test.event_time for test in ended) - began
    return Time(target=str(run.target), runname=run.runname, began=began, seconds=seconds)


def times_of_tests(run: RunRecord, tests: Iterable[TestRecord], edited: Collection[int] = ()) -> list[Time]:
    """Return the time of each test that has ended, the longest first; see `time_of_run`."""
    found = [
        Time(
            target=str(run.target),
            runname=run.runname,
            test=str(test.test_id),
            status=test.status,
            began=None if test.id in edited else _began(test),
            seconds=test.run_duration_s,
        )
        for test in tests
        if _has_ended(test)
    ]
    return sorted(found, key=lambda time: (-time.seconds, time.test))


def _has_ended(test: TestRecord) -> bool:
    return test.attempt > 0 and not test.is_parent and test.state in ENDED


def _began(test: TestRecord) -> float:
    """Return when the latest attempt began: but for changes by hand a record changes last at its end."""
    return test.event_time - test.run_duration_s


def times_text(times: Sequence[Time]) -> str:
    """Return a line for each, in columns; of runs without test and status."""
    rows = [_cells(time) for time in times]
    is_about_tests = any(time.test for time in times)
    return "\n".join(columns(rows if is_about_tests else [(row[0], *row[3:]) for row in rows]))


def _cells(time: Time) -> tuple[str, ...]:
    name = f"{time.target}/{time.runname}"
    began = "n/a" if time.began is None else listing.moment(time.began)
    return name, time.test, time.status, began, listing.duration(time.seconds)


def times_csv(times: Sequence[Time]) -> str:
    """Return a table with a head, seconds as numbers."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("target", "runname", "test", "status", "began", "seconds"))
    writer.writerows(
        (time.target, time.runname, time.test, time.status, _iso(time.began) or "", _exact(time.seconds))
        for time in times
    )
    return file.getvalue().rstrip("\n")


def times_json(times: Sequence[Time]) -> str:
    """Return a list of objects, without what a run does not have."""
    found = []
    for time in times:
        about_test = {"test": time.test, "status": time.status} if time.test else {}
        about_run = {"target": time.target, "runname": time.runname}
        when = {"began": _iso(time.began), "seconds": _exact(time.seconds)}
        found.append({**about_run, **about_test, **when})
    return listing.dumps(found)


def _iso(began: float | None) -> str | None:
    return None if began is None else listing.iso(began)


def _exact(seconds: float) -> float:
    return round(seconds, 2)
