from __future__ import annotations

from plan_builder import tid

from megatest.model.spec import Requirements
from megatest.plan.priority import duration_s, longest_tails, rank


def test_the_tail_of_a_test_is_the_longest_chain_behind_it() -> None:
    # 0 <- 1 <- 3, 0 <- 2 <- 3, 4 alone
    assert longest_tails([[], [0], [0], [1, 2], []], [1, 2, 5, 1, 9]) == [6, 1, 1, 0, 0]


def test_a_chain_of_a_hundred_thousand_needs_no_recursion() -> None:
    size = 100_000
    tails = longest_tails([[n - 1] if n else [] for n in range(size)], [1.0] * size)
    assert tails[0] == size - 1


def test_a_test_without_a_past_weighs_a_second() -> None:
    assert duration_s({tid("a"): 7.0}, tid("a")) == 7
    assert duration_s({}, tid("a")) == 1


def test_given_priority_then_path_then_name_decide() -> None:
    plain = Requirements()
    ranks = [
        rank(tid("z"), Requirements(priority=2, priority_given=True), 1),
        rank(tid("m"), plain, 9),
        rank(tid("a"), plain, 3),
        rank(tid("b"), plain, 3),
        rank(tid("a"), Requirements(priority=-1, priority_given=True), 99),
    ]
    assert sorted(ranks) == ranks
