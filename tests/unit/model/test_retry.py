import pytest

from megatest.model.retry import RetryRule, has_parts
from megatest.model.signature import signature_of

SIGNATURE = signature_of("FAIL: exit 4", "", ["error: cannot reach the server"])


def allowed(*on: str) -> int:
    return RetryRule(retries=2, on=on).allowed(
        status="FAIL", code=4, signature=SIGNATURE, log=["pass", "cannot REACH 10.0.0.1"]
    )


def test_without_conditions_any_failure_is_tried_again() -> None:
    assert allowed() == 2


@pytest.mark.parametrize(
    "word",
    ["FAIL", "fail", "4", "signature:cannot%server", f"signature:{SIGNATURE.id}", "log:reach%10.", "log:"],
)
def test_one_condition_that_fits_is_enough(word: str) -> None:
    assert allowed("ABORT", word) == 2


@pytest.mark.parametrize("word", ["ABORT", "3", "signature:reach%cannot", "log:server", "cannot"])
def test_a_failure_that_no_condition_names_is_final(word: str) -> None:
    assert allowed(word) == 0


def test_parts_stand_in_order_and_do_not_overlap() -> None:
    assert has_parts("abcabc", "abc%abc")
    assert not has_parts("abcab", "abc%abc")
    assert has_parts("anything", "%")
