"""How long runs and tests took, as -list-run-time and -list-test-time print it."""

from __future__ import annotations

import json

import pytest

from fakes.records import run_record
from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.reports.times import time_of_run, times_csv, times_json, times_of_tests, times_text

RUN = run_record("ubuntu", "nfs", runname="w1", event_time=1_000)


def ended(name: str, item: str, at: int, took_s: float, *, parent: bool = False) -> TestRecord:
    return TestRecord(
        id=at,
        run_id=1,
        test_id=TestId(name, item),
        state="COMPLETED",
        status="PASS",
        attempt=0 if parent else 1,
        is_parent=parent,
        event_time=at,
        run_duration_s=took_s,
    )


WAITING = TestRecord(id=9, run_id=1, test_id=TestId("later", ""), state="NOT_STARTED", status="n/a")
TESTS = [
    ended("a", "", 1_010, 5),
    ended("b", "", 1_200, 0, parent=True),
    ended("b", "x", 1_200, 150.5),
    WAITING,
]


def test_a_run_takes_from_its_first_begin_to_its_last_end() -> None:
    time = time_of_run(RUN, TESTS)
    assert time is not None
    assert (time.began, time.seconds) == (1_005, 195)


def test_what_was_changed_by_hand_says_nothing_of_when_it_ran() -> None:
    time = time_of_run(RUN, TESTS, {1_010})
    assert time is not None
    assert (time.began, time.seconds) == (1_049.5, 150.5)
    assert [time.began for time in times_of_tests(RUN, TESTS, {1_010})] == [1_049.5, None]
    assert "n/a" in times_text(times_of_tests(RUN, TESTS, {1_010}))
    assert times_csv(times_of_tests(RUN, TESTS, {1_010})).endswith("a,PASS,,5")


def test_a_run_in_which_nothing_has_ended_has_no_time() -> None:
    assert time_of_run(RUN, [WAITING]) is None


def test_tests_that_have_run_come_longest_first_and_parents_not_at_all() -> None:
    assert [(time.test, time.seconds) for time in times_of_tests(RUN, TESTS)] == [("b/x", 150.5), ("a", 5)]


def test_a_table_has_a_line_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    first, second = times_text(times_of_tests(RUN, TESTS)).splitlines()
    assert first.split()[:3] == ["ubuntu/nfs/w1", "b/x", "PASS"]
    assert first.endswith("2m 30s")
    assert second.endswith("5.00s")
    assert times_text([]) == ""


def test_a_run_has_neither_test_nor_status_in_its_line() -> None:
    time = time_of_run(RUN, TESTS)
    assert time is not None
    assert len(times_text([time]).split("  ")) == 3
    assert "test" not in json.loads(times_json([time]))[0]


def test_programs_get_seconds_as_numbers() -> None:
    times = times_of_tests(RUN, TESTS)
    head, row, _ = times_csv(times).splitlines()
    assert head == "target,runname,test,status,began,seconds"
    assert row == "ubuntu/nfs,w1,b/x,PASS,1970-01-01T00:17:29Z,150.5"
    assert json.loads(times_json(times))[0] == {
        "target": "ubuntu/nfs",
        "runname": "w1",
        "test": "b/x",
        "status": "PASS",
        "began": "1970-01-01T00:17:29Z",
        "seconds": 150.5,
    }
