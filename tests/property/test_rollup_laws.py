"""Laws of the roll-up of items."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from megatest.model.rollup import RollUp, roll_up, spoils
from megatest.model.status import State, Status, is_good

words = st.sampled_from([*(s.value for s in State), "STARTED", "BOZZLEBLONKED"])
statuses = st.sampled_from([*(s.value for s in Status), "ODD", "LOCKED", "BLOCKED"])
pairs = st.tuples(words, statuses)
item_lists = st.lists(pairs, max_size=6)


@given(item_lists, st.randoms())
def test_order_and_repetition_do_not_matter(items: list[tuple[str, str]], chance: object) -> None:
    again = [*reversed(items), *items]
    assert roll_up(items) == roll_up(again)


@given(st.lists(st.tuples(st.integers(0, 3), pairs), max_size=12))
def test_counting_changes_gives_what_the_whole_gives(changes: list[tuple[int, tuple[str, str]]]) -> None:
    items: dict[int, tuple[str, str]] = {}
    rollup = RollUp()
    for item, pair in changes:
        if item in items:
            rollup.replace(items[item], pair)
        else:
            rollup.add(*pair)
        items[item] = pair
    assert rollup.top() == roll_up(items.values())
    alive = [status for state, status in items.values() if state != "DELETED"]
    assert rollup.pass_count == sum(status in ("PASS", "WARN") for status in alive)
    assert rollup.fail_count == sum(status in ("FAIL", "ABORT") for status in alive)
    for pair in items.values():
        rollup.remove(*pair)
    assert rollup.top() is None
    assert not rollup.pairs()


@given(item_lists)
def test_deleted_items_do_not_count(items: list[tuple[str, str]]) -> None:
    assert roll_up([*items, ("DELETED", "FAIL")]) == roll_up(pair for pair in items if pair[0] != "DELETED")


@given(pairs)
def test_items_that_agree_on_a_result_give_that_result(pair: tuple[str, str]) -> None:
    if pair[0] == "COMPLETED" and pair[1] != "PREQ_FAIL":
        assert roll_up([pair, pair]) == pair


@given(item_lists, pairs)
def test_an_item_that_spoils_keeps_the_parent_from_being_good(
    items: list[tuple[str, str]], pair: tuple[str, str]
) -> None:
    top = roll_up([*items, pair])
    if spoils(*pair):
        assert top is None or not is_good(*top)


@given(
    st.lists(
        st.tuples(st.just("COMPLETED"), st.sampled_from(["PASS", "WARN", "CHECK", "WAIVED", "SKIP"])),
        min_size=1,
    )
)
def test_good_items_make_a_good_parent(items: list[tuple[str, str]]) -> None:
    top = roll_up(items)
    assert top is not None
    assert is_good(*top)
