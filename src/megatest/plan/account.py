"""Who uses how much of each limit, counted so that a start, an end and a question cost next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from megatest.typed import Final

from megatest.model.claim import GROUP, POOL, SLOTS, Share
from megatest.model.slotted import dataclass

WORDS: Final = {GROUP: "job group", POOL: "pool", SLOTS: "executor"}
"""What people call each kind of limit that has names."""


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
        kind, name: what it is; see `megatest.model.claim.Share`.
        size: how much there is.
        is_common: see `Share.is_common`.
        here: what this run uses.
        room: what other runs leave to this one, used or not.
    """

    __slots__ = ("_ahead", "_elsewhere", "_is_own", "here", "is_common", "kind", "name", "room", "size")

    def __init__(self, kind: str, name: str, size: int, *, is_own: bool = False) -> None:
        """Begin with nothing in use.

        Args:
            kind, name, size: see the attributes.
            is_own: it counts this run's tests only.
        """
        self.kind = kind
        self.name = name
        self.size = self.room = size
        self.is_common = kind in (GROUP, POOL)
        self.here = 0
        self._is_own = is_own
        self._elsewhere = 0
        self._ahead = 0

    @property
    def key(self) -> tuple[str, str]:
        """What it is, as shares name it."""
        return (self.kind, self.name)

    @property
    def is_contended(self) -> bool:
        """Whether other runs use some of it, or have waited for it longer."""
        return bool(self._elsewhere or self._ahead)

    def lacks(self, amount: int, kept: int = 0) -> bool:
        """Return whether there is too little left for an amount, if some is kept for others."""
        return self.here + kept + amount > self.room

    def share(self, amount: int) -> Share:
        """Return an amount of it, as those say who do not count."""
        return Share(self.kind, self.name, amount)

    def forget_elsewhere(self) -> None:
        """Begin to count anew what other runs use."""
        self.add_elsewhere(-self._elsewhere)

    def add_elsewhere(self, amount: int) -> None:
        """Count what other runs use."""
        if not self._is_own:
            self._elsewhere += amount
            self.room -= amount

    def set_ahead(self, amount: int) -> None:
        """Replace what is left to other runs that have waited longer."""
        if not self._is_own:
            self.room += self._ahead - amount
            self._ahead = amount

    def about(self) -> str:
        """Return a sentence on how much there is and who uses it."""
        what = f"{WORDS[self.kind]} {self.name!r}" if self.kind in WORDS else "max_concurrent_jobs"
        elsewhere = self._elsewhere
        users = f"{self.here} in this run" + (f", {elsewhere} in other runs" if elsewhere else "")
        kept = f"; {self._ahead} go to runs that have waited longer" if self._ahead else ""
        return f"{what} has {self.size}, in use are {self.here + elsewhere} ({users}){kept}"


class Account:
    """What tests with one demand use of the limits; made by `Limits.account`.

    It holds only what is limited at all, so a start or an end costs nothing for the rest.

    Attributes:
        demand: what each of the tests takes.
        draws: what it takes of each limit that there is.
        shares: the same for those who do not count.
    """

    __slots__ = ("demand", "draws", "shares")

    def __init__(self, demand: Demand, draws: Sequence[tuple[Limited, int]]) -> None:
        self.demand = demand
        self.draws = draws
        self.shares = tuple(limited.share(amount) for limited, amount in draws)

    def fits(self) -> bool:
        """Return whether the limits let one more of these tests run."""
        for limited, amount in self.draws:
            left = limited.room - limited.here
            if amount > left:
                return False
        return True

    def why_not(self) -> str:
        """Return what keeps one more of these tests from running; empty if nothing does."""
        return next((limited.about() for limited, amount in self.draws if limited.lacks(amount)), "")

    def change(self, sign: int) -> None:
        """Count a test of this run that starts (1) or has ended (-1)."""
        for limited, amount in self.draws:
            limited.here += sign * amount
