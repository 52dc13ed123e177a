"""The line of those who wait for limits: who may pass whom, so that nobody waits for ever.

Small demands that always fit would keep a large one waiting as long as there are any.  So of
each group and pool that is short, what the best of those who lack it asks for is kept for it: the tests
behind it start only if they leave that much.  At most one test keeps of a pool, so what lies idle is less
than that test asks for, and lies idle no longer than what uses the pool runs.

A test that lacks one pool keeps of all that it asks for, and goes on doing so until it starts: else two
streams of small tests could take its two pools in turn.  Jobs and slots of executors are never
kept: whoever is first takes the next that is free.
"""

from __future__ import annotations

from collections.abc import Iterable

from megatest.model.claim import Share
from megatest.plan.limits import Demand, Limits

Kept = dict[tuple[str, str], tuple[int, Demand]]
"""How much is kept for which demand, by kind and name."""


class Line:
    """Remembers who lacks a group or pool.

    Args:
        limits: who uses what.
    """

    __slots__ = ("_limits", "_short")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._short: set[Demand] = set()

    def first(self, demands: Iterable[Demand]) -> Demand | None:
        """Return the first demand that may start; None if none may.

        Args:
            demands: of the tests that are first among those with equal demands, best first.

        Cost: linear in them.
        """
        kept: Kept = {}
        for demand in demands:
            if self._may_start(demand, kept):
                return demand
        return None

    def kept(self, demands: Iterable[Demand]) -> Kept:
        """Return what is kept, by kind and name, and for whom; demands as for `first`."""
        kept: Kept = {}
        for demand in demands:
            self._may_start(demand, kept)
        return kept

    def _may_start(self, demand: Demand, kept: Kept) -> bool:
        shares = self._limits.shares(demand)
        lacking = [share for share in shares if self._limits.lacks(share)]
        if not lacking and not any(self.lacks(share, kept) for share in shares):
            self._short.discard(demand)
            return True
        if any(share.is_common for share in lacking):
            self._short.add(demand)
        if demand in self._short:
            for share in shares:
                if share.is_common:
                    kept.setdefault(share.key, (share.amount, demand))
        return False

    def lacks(self, share: Share, kept: Kept) -> bool:
        """Return whether what is kept leaves too little for a share."""
        return share.key in kept and self._limits.lacks(share, kept[share.key][0])

    def forget(self, demand: Demand) -> None:
        """Note that no test with this demand waits any more."""
        self._short.discard(demand)

    def wants(self, demands: Iterable[Demand]) -> dict[tuple[str, str], Share]:
        """Return what those who wait lack because other runs use it or have waited for it longer.

        Args:
            demands: as for `first`, none of which may start.

        Returns:
            What is kept here for the best of those who lack it, and what it lacks of jobs and
            slots; nobody waits for a slot who could not use it.
        """
        wanted: dict[tuple[str, str], Share] = {}
        for demand in demands:
            shares = self._limits.shares(demand)
            common = [share for share in shares if share.is_common]
            if demand not in self._short:
                lacking = [share for share in shares if self._limits.lacks(share)]
                common = [] if any(share.is_common for share in lacking) else lacking
            for share in common:
                wanted.setdefault(share.key, share)
        return {key: share for key, share in wanted.items() if self._limits.is_used_elsewhere(share)}
