"""The original's listing of runs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakes.records import run_record
from megatest.model.error import UserError
from megatest.model.ids import TestId
from megatest.model.record import StepRecord, TestRecord
from megatest.reports import classic

FIELDS = ("os", "site")
RUN = run_record(
    "linux", "here", runname="w1", event_time=100, comment="two\nlines", fail_count=1, pass_count=2
)
TEST = TestRecord(id=7, run_id=1, test_id=TestId("t", "a/b"), state="COMPLETED", status="FAIL", attempt=1)
STEP = StepRecord(test_row=7, stepname="s", state="end", status="1", event_time=5)


def listed(listing: classic.Listing, *tests: TestRecord) -> list[str]:
    return [line.rstrip() for line in classic.list_runs([(RUN, tests)], listing, lambda _: [STEP])]


def test_a_failed_test_has_its_facts_and_steps_below_it() -> None:
    lines = listed(classic.parse_listing(FIELDS), TEST)
    assert lines[0] == (
        "Run: linux/here/w1 os: linux site: here id: 1 runname: w1 state: new status: n/a owner: me "
        "event_time: 100 comment: two lines fail_count: 1 pass_count: 2"
    )
    assert lines[1].startswith("  Test: t(a/b)                    State: COMPLETED       Status: FAIL   ")
    assert lines[2] == "         cpuload:  -1.0"
    assert lines[-1] == "    Step: s                    State: end        Status: 1          Time 5"


@pytest.mark.parametrize(
    ("state", "status"), [("COMPLETED", "PASS"), ("COMPLETED", "WARN"), ("NOT_STARTED", "FAIL")]
)
def test_a_test_that_is_well_or_has_not_started_takes_one_line(state: str, status: str) -> None:
    assert len(listed(classic.parse_listing(FIELDS), replace(TEST, state=state, status=status))) == 2


def test_tests_come_last_name_first_unless_a_field_is_asked_for() -> None:
    other = replace(TEST, id=8, test_id=TestId("u"), status="PASS", event_time=3)
    names = [
        line.split()[1] for line in listed(classic.parse_listing(FIELDS), TEST, other) if "Test:" in line
    ]
    assert names == ["u", "t(a/b)"]
    by_time = classic.parse_listing(FIELDS, sort="event_time")
    assert [line.split()[1] for line in listed(by_time, other, TEST) if "Test:" in line] == ["t(a/b)", "u"]


def test_only_the_tables_and_fields_that_are_named_are_printed() -> None:
    listing = classic.parse_listing(FIELDS, "runs:site, runname+tests:state")
    lines = listed(listing, TEST)
    assert lines[0] == "Run: linux/here/w1 site: here runname: w1"
    assert lines[1].split() == [
        "Test:",
        "t(a/b)",
        "State:",
        "COMPLETED",
        "Status:",
        "Runtime:",
        "s",
        "Time:",
        "Host:",
    ]
    assert len(lines) == 2
    assert listed(classic.parse_listing(FIELDS, "runs"), TEST) == ["Run: linux/here/w1 id: 1"]
    assert listed(classic.parse_listing(FIELDS, "runs:target"), TEST) == ["target: linux/here"]


@pytest.mark.parametrize(
    ("fields", "sort", "named"),
    [("runs:x", "", "'x'"), ("tests:runname", "", "'runname'"), ("steps+x", "", "'x'"), ("", "x", "'x'")],
)
def test_an_unknown_table_or_field_is_refused_with_those_there_are(
    fields: str, sort: str, named: str
) -> None:
    with pytest.raises(UserError, match=named) as caught:
        classic.parse_listing(FIELDS, fields, sort)
    assert "known: " in str(caught.value.hint)


def test_json_and_s_expressions_have_the_same_shape() -> None:
    listing = classic.parse_listing(FIELDS, "runs:runname,id+tests:id,status")
    data = json.loads(classic.list_runs_json([(RUN, [TEST])], listing))
    assert data == {
        "linux/here": {
            "w1": {"meta": {"runname": "w1", "id": "1"}, "data": {"7": {"id": 7, "status": "FAIL"}}}
        }
    }
    assert classic.list_runs_sexpr([(RUN, [TEST])], listing) == (
        '(("linux/here" ("w1" ("meta" ("runname" "w1") ("id" "1"))'
        ' ("data" ("7" ("id" 7) ("status" "FAIL"))))))'
    )


def test_runs_come_by_start_time() -> None:
    later = replace(RUN, id=2, runname="w2", event_time=99)
    lines = classic.list_runs([(RUN, []), (later, [])], classic.parse_listing(FIELDS), lambda _: [])
    assert [line.split()[1] for line in lines] == ["linux/here/w2", "linux/here/w1"]


def test_a_progress_line_has_the_original_columns() -> None:
    line = classic.progress_line("COMPLETED", "PASS", 0, "1s", "lt/a/b")
    assert line.startswith("COMPLETED   PASS        19")
    assert line.endswith(" 1s          lt/a/b")
    assert classic.progress_header() == "State       Status      Start Time          Duration    Test path"
