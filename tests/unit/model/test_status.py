from __future__ import annotations

import itertools

import pytest

from megatest.model.status import SEVERITY, State, Status, is_ended, is_good, legal_change, severity


def test_severity_is_that_of_the_ruling() -> None:
    order = [
        "ABORT",
        "FAIL",
        "PREQ_FAIL",
        "CHECK",
        "WARN",
        "WAIVED",
        "SKIP",
        "PASS",
        "n/a",
        "a word of my own",
    ]
    assert sorted(order, key=severity, reverse=True) == order


def test_every_status_of_the_order_has_its_own_rank() -> None:
    assert sorted(SEVERITY, key=severity) == list(SEVERITY)
    assert len({severity(status) for status in SEVERITY}) == len(SEVERITY)


@pytest.mark.parametrize("status", ["PASS", "WARN", "CHECK", "WAIVED", "SKIP"])
def test_a_good_result_is_completed_with_a_good_status(status: str) -> None:
    assert is_good("COMPLETED", status)
    assert not is_good("RUNNING", status)
    assert not is_good("ARCHIVED", status)


@pytest.mark.parametrize("status", ["FAIL", "ABORT", "n/a", "AUTO", "PREQ_FAIL", "ODD"])
def test_other_statuses_are_not_good(status: str) -> None:
    assert not is_good("COMPLETED", status)


def test_ended_is_ended_however() -> None:
    assert is_ended("COMPLETED")
    assert is_ended("KILLED")
    assert not is_ended("NOT_STARTED")
    assert not is_ended("RUNNING")


def test_a_plain_life_is_legal() -> None:
    life = ["NOT_STARTED", "LAUNCHED", "REMOTEHOSTSTART", "RUNNING", "COMPLETED", "NOT_STARTED", "LAUNCHED"]
    assert all(legal_change(old, new) for old, new in itertools.pairwise(life))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("COMPLETED", "RUNNING"),
        ("COMPLETED", "KILLREQ"),
        ("COMPLETED", "KILLED"),
        ("RUNNING", "LAUNCHED"),
        ("RUNNING", "NOT_STARTED"),
        ("DELETED", "RUNNING"),
        ("NOT_STARTED", "RUNNING"),
        ("KILLREQ", "RUNNING"),
        ("RUNNING", "DELETED"),
    ],
)
def test_a_state_that_cannot_follow_is_refused(old: str, new: str) -> None:
    assert not legal_change(old, new)


@pytest.mark.parametrize("state", [state.value for state in State])
def test_staying_and_words_of_a_users_own_are_legal(state: str) -> None:
    assert legal_change(state, state)
    assert legal_change(state, "BOZZLEBLONKED")
    assert legal_change("BOZZLEBLONKED", state)
    assert legal_change("UNKNOWN", state)


@pytest.mark.parametrize("active", ["LAUNCHED", "REMOTEHOSTSTART", "RUNNING", "KILLREQ"])
@pytest.mark.parametrize("end", ["COMPLETED", "KILLED", "INCOMPLETE"])
def test_what_is_active_may_end_in_every_way(active: str, end: str) -> None:
    assert legal_change(active, end)


def test_the_words_of_states_and_statuses_are_plain_text() -> None:
    assert f"{State.COMPLETED}/{Status.STUCK_DEAD}" == "COMPLETED/STUCK/DEAD"
