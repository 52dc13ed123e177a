"""Who holds how much of what there is only so much of, and who waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from megatest.model.ids import TestId
from megatest.model.slotted import dataclass

JOBS: Final = "jobs"
GROUP: Final = "group"
POOL: Final = "pool"
SLOTS: Final = "slots"


class Share(NamedTuple):
    """An amount of one limited thing.

    Attributes:
        kind: `JOBS`, `GROUP`, `POOL` or `SLOTS`.
        name: of the group, pool or executor; empty for jobs.
        amount: at least 1.
    """

    kind: str
    name: str
    amount: int

    @property
    def key(self) -> tuple[str, str]:
        """What it is of."""
        return self[:2]

    @property
    def is_common(self) -> bool:
        """Whether all runs together must never take more than there is, not even for a moment."""
        return self.kind in (GROUP, POOL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an attempt that is about to be launched wants to hold.

    Attributes:
        row, attempt: whose.
        share: of what, and how much.
        size: how much there is in all.
        units: names of all units there are; empty where they are only counted.
    """

    row: int
    attempt: int
    share: Share
    size: int
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What an attempt holds.

    Attributes:
        run_id, row, test_id, attempt: whose.
        share: of what, and how much.
        units: which, as many as the amount; empty where they are only counted.
        time: since when, in seconds since the epoch.
    """

    run_id: int
    row: int
    test_id: TestId
    attempt: int
    share: Share
    units: tuple[str, ...] = ()
    time: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a run waits for.

    Attributes:
        run_id: whose.
        share: of what, and how much.
        ticket: who has the smaller one has waited longer.
        renewed: when its engine last said that it lives, by the clock of its host.
    """

    run_id: int
    share: Share
    ticket: int
    renewed: int = 0


def grant(claims: Iterable[Claim], held: Iterable[Holding]) -> list[tuple[Claim, tuple[str, ...]]] | None:
    """Return each claim with the units that it gets; None if there is too little for one of them.

    Args:
        claims: of one attempt.
        held: everything that is held of what they are of.  Where a holder of named units is not
            known to hold certain ones, none can be given away until it ends.
    """
    used: Counter[tuple[str, str]] = Counter()
    taken: dict[tuple[str, str], set[str]] = {}
    vague: set[tuple[str, str]] = set()
    for holding in held:
        key = holding.share.key
        used[key] += holding.share.amount
        taken.setdefault(key, set()).update(holding.units)
        if not holding.units:
            vague.add(key)
    granted = []
    for claim in claims:
        key = claim.share.key
        free = [unit for unit in claim.units if unit not in taken.get(key, ())]
        too_few = claim.units and (key in vague or len(free) < claim.share.amount)
        if too_few or used[key] + claim.share.amount > claim.size:
            return None
        granted.append((claim, tuple(free[: claim.share.amount])))
    return granted
