"""What tests take of limited things, counted for all tests that take the same."""

from __future__ import annotations

from collections.abc import Sequence

from megatest.model.slotted import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one test takes of the limits while it runs; tests with equal demands share an account and a queue.

    Attributes:
        jobgroup: its group; unlimited unless the area names it.
        pools: units of named pools, by name, none twice.
        executor: the executor that will run it; empty where there is only one.
    """

    jobgroup: str = "default"
    pools: tuple[tuple[str, int], ...] = ()
    executor: str = ""


class Limited:
    """One thing of which there is only so much, and who uses it.

    Attributes:
        what: it is, for sentences.
        limit: how much there is.
        here, elsewhere: what this run and other runs use of it.
    """

    __slots__ = ("elsewhere", "here", "limit", "what")

    def __init__(self, what: str, limit: int) -> None:
        self.what = what
        self.limit = limit
        self.here = 0
        self.elsewhere = 0

    def why_not(self, amount: int) -> str:
        """Return why so much more of it cannot be had; empty if it can."""
        used = self.here + self.elsewhere
        if used + amount <= self.limit:
            return ""
        users = f"{self.here} in this run" + (f", {self.elsewhere} in other runs" if self.elsewhere else "")
        return f"{self.what} has {self.limit}, in use are {used} ({users})"


class Account:
    """What tests with one demand use of the limits; made by `Limits.account`.

    It holds only what is limited at all, so a start or an end costs nothing for the rest.

    Attributes:
        demand: what each of the tests takes.
    """

    __slots__ = ("_draws", "demand")

    def __init__(self, demand: Demand, draws: Sequence[tuple[Limited, int]]) -> None:
        self.demand = demand
        self._draws = draws

    def fits(self) -> bool:
        """Return whether the limits let one more of these tests run."""
        for limited, amount in self._draws:
            if limited.here + limited.elsewhere + amount > limited.limit:
                return False
        return True

    def why_not(self) -> str:
        """Return what keeps one more of these tests from running; empty if nothing does."""
        return next((why for limited, amount in self._draws if (why := limited.why_not(amount))), "")

    def change(self, sign: int) -> None:
        """Count a test of this run that starts (1) or has ended (-1)."""
        for limited, amount in self._draws:
            limited.here += sign * amount

    def add_elsewhere(self) -> None:
        """Count a test of another run."""
        for limited, amount in self._draws:
            limited.elsewhere += amount
