import datetime

from megatest.model.ids import Target, TestId
from megatest.model.waiver import Waiver, appeal

UBUNTU = Target(("ubuntu", "nfs"))
TODAY = datetime.date(2026, 11, 22)


def waiver(
    signature: str = "a" * 12, expires: str = "", targets: tuple[str, ...] = (), owner: str = "ann"
) -> Waiver:
    return Waiver(
        test_id=TestId("t", "x"),
        signature=signature,
        reason="bug 1",
        owner=owner,
        expires=datetime.date.fromisoformat(expires) if expires else None,
        targets=targets,
    )


def ask(*waivers: Waiver, item: str = "x", signature: str = "a" * 12) -> str:
    """Return the comment of the waiver that holds, or the objection."""
    found = appeal(waivers, TestId("t", item), UBUNTU, signature, TODAY)
    return found.waiver.comment if found.waiver is not None else found.objection


def test_a_waiver_holds_for_its_failure_and_says_who_why_and_until_when() -> None:
    assert ask(waiver(expires="2026-11-30")) == "waived by ann until 2026-11-30: bug 1"
    assert ask(waiver()) == "waived by ann: bug 1"


def test_the_last_day_is_the_last_one_that_counts() -> None:
    assert ask(waiver(expires="2026-11-22")).startswith("waived")
    assert ask(waiver(expires="2026-11-21")) == "its waiver by ann expired on 2026-11-21"


def test_another_failure_of_the_test_is_not_waived() -> None:
    assert ask(waiver(), signature="b" * 12) == "it fails otherwise than what ann waived"
    assert ask(waiver(expires="2020-01-01"), signature="b" * 12) == ""


def test_other_tests_items_and_targets_are_not_meant() -> None:
    assert ask(waiver(), item="y") == ""
    assert ask(waiver(), item="") == ""
    assert ask(waiver(targets=("suse/nfs",))) == ""
    assert ask(waiver(targets=("suse/nfs", "ubuntu/nfs"))).startswith("waived")


def test_of_several_waivers_a_living_one_of_the_failure_decides() -> None:
    assert ask(waiver(expires="2020-01-01", owner="old"), waiver(owner="new")) == "waived by new: bug 1"
    assert ask(waiver(signature="b" * 12), waiver(owner="bob")) == "waived by bob: bug 1"
