"""Measured values against their tolerances: recorded cases, and what a caller is told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatest.engine.measure import Tally, complaint, judged, status_by_values, tally
from megatest.model.attempt import ValueSaid
from megatest.scheme.number import format_number, parse_number

RECORDED = json.loads((Path(__file__).parents[2] / "oracle" / "functions.json").read_text())

# Cases that may differ, each with the reason.
DIFFERENT = {
    "tol_042": "infinity prints as +inf.0, as in the version that our numbers follow",
    "tol_044": "'nan' is no number in that version",
}


def said(row: dict[str, str], status: str = "") -> ValueSaid:
    given: dict[str, Any] = {"status": status, **row}
    return ValueSaid(**given)


def printed(text: str) -> str:
    """Return a recorded field as the recordings show it: a number as Scheme prints it."""
    number = parse_number(text)
    return text if number is None else format_number(number)


def as_recorded(row: dict[str, str]) -> dict[str, str | None]:
    value = judged(said(row), 7)
    return {
        "value": printed(value.value),
        "expected": printed(value.expected) if value.expected else "#f",
        "tol": value.tol if value.expected else "#f",
        "status": None if value.status == "n/a" else value.status,
    }


@pytest.mark.parametrize("case", RECORDED["tolerance"], ids=lambda case: case["name"])
def test_a_value_is_judged_as_recorded(case: dict[str, Any]) -> None:
    same = as_recorded(case["row"]) == case["result"]

    assert same != (case["name"] in DIFFERENT), as_recorded(case["row"])


def test_what_differs_from_the_recordings_is_what_is_said_of_it() -> None:
    by_name = {case["name"]: case for case in RECORDED["tolerance"]}
    assert all(by_name[name]["version_dependent"] for name in DIFFERENT)
    assert judged(ValueSaid(value="+inf.0", expected="1", tol=">"), 7).status == "pass"
    assert judged(ValueSaid(value="nan", expected="nan", tol="0"), 7).status == "n/a"


@pytest.mark.parametrize("case", RECORDED["auto"], ids=lambda case: case["name"])
def test_values_decide_as_recorded(case: dict[str, Any]) -> None:
    values = Tally(fails=case["fail_rows"], passes=case["pass_rows"])

    assert status_by_values(case["status"], values) == case["result"]


def test_values_say_pass_and_fail_in_any_case_and_nothing_else() -> None:
    assert tally(["pass", "PASS", "Fail", "OK", "n/a", "passed", ""]) == Tally(fails=1, passes=2)
    assert tally([]) == Tally()


@pytest.mark.parametrize(
    ("given", "recorded"),
    [(" 1.50 ", "1.50"), ("1e9", "1e9"), ("1/2", "0.5"), ("#xff", "255"), ("12#", "120.0"), ("8mA", "8mA")],
)
def test_a_number_is_recorded_so_that_sql_can_read_it(given: str, recorded: str) -> None:
    assert judged(ValueSaid(value=given), 7).value == recorded


def test_what_else_was_said_of_a_value_is_kept() -> None:
    given = ValueSaid(category="c", variable="v", value="1", units="MiB", comment="x", type="t", tol="<")
    value = judged(given, 7)

    assert (value.test_row, value.category, value.variable) == (7, "c", "v")
    assert (value.units, value.comment, value.type) == ("MiB", "x", "t")
    assert value.tol == ""  # nothing is expected


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ({"value": " "}, "a measurement without a value"),
        ({"value": "x", "expected": "1", "tol": "0"}, "value 'x' is not a number"),
        ({"value": "x", "expected": "y", "tol": "0"}, "value 'x' is not a number"),
        ({"value": "1", "expected": "1"}, "an expected value without a tolerance"),
        (
            {"value": "1", "expected": "1", "tol": "1%"},
            "tolerance '1%' is neither a number nor one of > < >= <=",
        ),
        ({"value": "1", "expected": "1", "tol": "-2"}, "no value can pass with tolerance '-2'"),
        ({"value": "1", "expected": "1", "tol": "+nan.0"}, "no value can pass with tolerance '+nan.0'"),
    ],
)
def test_a_caller_is_told_what_cannot_be_compared(row: dict[str, str], wrong: str) -> None:
    assert complaint(said(row)) == wrong
    assert complaint(said(row, "pass")) == ("" if row["value"].strip() else wrong)


@given(st.builds(ValueSaid, value=st.text(), expected=st.text(), tol=st.text(), status=st.text()))
def test_any_text_gets_a_status(any_value: ValueSaid) -> None:
    assert judged(any_value, 1).status.strip()


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(min_value=0, allow_nan=False, allow_infinity=False),
)
def test_what_no_complaint_is_made_of_passes_or_fails(value: float, expected: float, tol: float) -> None:
    measured = ValueSaid(value=repr(value), expected=repr(expected), tol=repr(tol))

    assert complaint(measured) == ""
    status = judged(measured, 1).status
    assert status in ("pass", "fail")
    if math.isclose(value, expected, rel_tol=0, abs_tol=tol / 2):
        assert status == "pass"
