from __future__ import annotations

import pytest

from megatest.model.rollup import RollUp, roll_up


def test_an_item_without_prerequisite_does_not_hide_one_that_failed() -> None:
    assert roll_up([("COMPLETED", "FAIL"), ("NOT_STARTED", "PREQ_FAIL")]) == ("COMPLETED", "FAIL")
    waiting = [("COMPLETED", "FAIL"), ("NOT_STARTED", "PREQ_FAIL"), ("NOT_STARTED", "n/a")]
    assert roll_up(waiting) == ("NOT_STARTED", "STARTED")


def test_a_parent_of_unknown_words_is_the_same_every_time() -> None:
    assert roll_up([("ODD", "A"), ("EVEN", "B")]) == roll_up([("EVEN", "B"), ("ODD", "A")])


def test_nothing_rolls_up_to_nothing() -> None:
    assert roll_up([]) is None
    assert RollUp().top() is None


def test_taking_away_what_is_not_there_is_a_defect() -> None:
    with pytest.raises(KeyError):
        RollUp([("COMPLETED", "PASS")]).remove("COMPLETED", "FAIL")


def test_the_top_of_many_items_costs_as_many_steps_as_there_are_pairs() -> None:
    rollup = RollUp([("COMPLETED", "PASS")] * 50_000 + [("RUNNING", "n/a")])
    assert len(rollup.pairs()) == 2
    rollup.replace(("RUNNING", "n/a"), ("COMPLETED", "FAIL"))
    assert rollup.top() == ("COMPLETED", "FAIL")
    assert (rollup.pass_count, rollup.fail_count) == (50_000, 1)
