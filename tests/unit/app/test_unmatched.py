"""Parts of a request that match nothing."""

from __future__ import annotations

import pytest

from megatest.app.unmatched import check_pattern
from megatest.model.pattern import parse_pattern
from megatest.model.spec import ItemVariable, Requirements, TestSpec, Waiton


def _spec(name: str, *items: str, late: bool = False) -> TestSpec:
    return TestSpec(
        name=name,
        directory=f"/area/tests/{name}",
        config_file=f"/area/tests/{name}/testconfig",
        items=(ItemVariable(name="SPEED", values=items),) if items else None,
        items_need_upstream=late,
        requirements=Requirements(waitons=(Waiton(test="plain"),) if late else ()),
    )


SPECS = {
    spec.name: spec
    for spec in (_spec("check", "slow", "typical"), _spec("plain"), _spec("late", "x", late=True))
}


def _said(pattern: str) -> list[str]:
    return [finding.render() for finding in check_pattern(parse_pattern(pattern), SPECS, SPECS)]


@pytest.mark.parametrize(
    "pattern", ["%", "check", "check/slow", "check/s%,plain", "plain/", "%/slow", "~check", "late/anything"]
)
def test_what_matches_something_is_fine(pattern: str) -> None:
    assert _said(pattern) == []


def test_a_misspelt_item_is_an_error_that_names_the_nearest() -> None:
    said = ["error: test 'check' has no item 'slo'\nhint: did you mean 'check/slow'?"]
    assert _said("check/slo") == said
    assert _said("plain,check/slo") == said


def test_where_no_item_is_near_the_items_are_named() -> None:
    assert _said("plain,check/9") == ["error: test 'check' has no item '9'\nhint: its items: slow, typical"]


def test_an_item_of_a_test_without_items_is_an_error() -> None:
    assert _said("check,plain/x") == ["error: nothing matches 'plain/x': test 'plain' has no items"]


def test_wildcards_that_match_nothing_are_a_warning_beside_what_matches() -> None:
    assert _said("plain,check/z%") == ["warning: no item of test 'check' matches 'check/z%'"]
    assert _said("plain,z%") == ["warning: no test matches 'z%'"]
    assert _said("plain,c%/z") == ["warning: no item of any test matches 'c%/z'"]


def test_wildcards_are_an_error_where_nothing_matches_at_all() -> None:
    assert _said("check/z%") == ["error: no item of test 'check' matches 'check/z%'"]
