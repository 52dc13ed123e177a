"""In which order ready tests start: the user's priority, then the longest path of work, then name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from megatest.typed import Final

from megatest.model.ids import TestId
from megatest.model.spec import Requirements

UNKNOWN_DURATION_S: Final = 1.0

Rank = tuple[float, float, TestId]
"""Sorts ready tests: what comes first is smallest."""


def longest_tails(upstream: Sequence[Sequence[int]], weights: Sequence[float]) -> list[float]:
    """Return for each test the longest chain of work that hangs on it, without its own.

    Args:
        upstream: for each of n tests the indices of those that it waits on, all smaller than its
            own (m in all).
        weights: seconds of each test.

    Cost: O(n + m), no recursion.
    """
    tails = [0.0] * len(upstream)
    for index in range(len(upstream) - 1, -1, -1):
        path = tails[index] + weights[index]
        for before in upstream[index]:
            if tails[before] < path:
                tails[before] = path
    return tails


def duration_s(past: Mapping[TestId, float], test_id: TestId) -> float:
    """Return the seconds to expect of a test: of earlier passes, 1 if there were none."""
    return past.get(test_id, UNKNOWN_DURATION_S)


def rank(test_id: TestId, requirements: Requirements, path_s: float) -> Rank:
    """Return the place of a test among the ready ones.

    Args:
        test_id: its name, which decides last.
        requirements: a priority given by the user outranks every estimate; none counts as 0.
        path_s: its own seconds and those of the longest chain behind it.
    """
    return (-requirements.priority if requirements.priority_given else 0.0, -path_s, test_id)
