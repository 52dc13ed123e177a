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
from megatest.plan.account import Account, Limited

Kept = dict[Limited, tuple[int, Account]]
"""How much of what is kept, and for tests of which account."""


class Line:
    """Remembers who lacks a group or pool.

    Tests stand in it by account, each with the best of its tests.
    """

    __slots__ = ("_short",)

    def __init__(self) -> None:
        self._short: set[Account] = set()

    def first(self, accounts: Iterable[Account]) -> Account | None:
        """Return the first account of which a test may start; None if there is none.

        Args:
            accounts: of the tests that wait, those of better tests first.

        Cost: linear in them.
        """
        kept: Kept = {}
        for account in accounts:
            if self._may_start(account, kept):
                return account
        return None

    def kept(self, accounts: Iterable[Account]) -> Kept:
        """Return what is kept, and for whom; accounts as for `first`."""
        kept: Kept = {}
        for account in accounts:
            self._may_start(account, kept)
        return kept

    def _may_start(self, account: Account, kept: Kept) -> bool:
        fits = account.fits()
        if fits and (not kept or self.kept_back(account, kept) is None):
            self._short.discard(account)
            return True
        if not fits and _lacks_common(account):
            self._short.add(account)
        if account in self._short:
            for limited, amount in account.draws:
                if limited.is_common:
                    kept.setdefault(limited, (amount, account))
        return False

    def kept_back(self, account: Account, kept: Kept) -> Limited | None:
        """Return of what so much is kept that too little is left for an account; None if of nothing."""
        for limited, amount in account.draws:
            if limited in kept and limited.lacks(amount, kept[limited][0]):
                return limited
        return None

    def forget(self, account: Account) -> None:
        """Note that no test of this account waits any more."""
        self._short.discard(account)

    def wants(self, accounts: Iterable[Account]) -> dict[tuple[str, str], Share]:
        """Return what those who wait lack because other runs use it or have waited for it longer.

        Args:
            accounts: as for `first`, of none of which a test may start.

        Returns:
            By kind and name: what is kept here for the best of those who lack it, and what it lacks
            of jobs and slots; nobody waits for a slot who could not use it.
        """
        wanted: dict[Limited, int] = {}
        for account in accounts:
            if account in self._short:
                draws = [draw for draw in account.draws if draw[0].is_common]
            elif _lacks_common(account):
                draws = []
            else:
                draws = [(limited, amount) for limited, amount in account.draws if limited.lacks(amount)]
            for limited, amount in draws:
                wanted.setdefault(limited, amount)
        return {what.key: what.share(amount) for what, amount in wanted.items() if what.is_contended}


def _lacks_common(account: Account) -> bool:
    return any(limited.is_common and limited.lacks(amount) for limited, amount in account.draws)
