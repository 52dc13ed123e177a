"""What may run at once: jobs over all runs, job groups, pools, slots of executors, launch delay.

A limit never drops a test.  What can never fit is refused when it is planned.  Who goes first where
several wait is decided in `line`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from megatest.model.claim import GROUP, JOBS, POOL, SLOTS, Holding, Share, too_many
from megatest.model.error import Diagnostic, Severity
from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.model.slotted import dataclass, field
from megatest.model.spec import TestSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one test takes of the limits while it runs; tests with equal demands share a queue.

    Attributes:
        jobgroup: its group; unlimited unless the area names it.
        pools: units of named pools, by name, none twice.
        executor: the executor that will run it; empty where there is only one.
    """

    jobgroup: str = "default"
    pools: tuple[tuple[str, int], ...] = ()
    executor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """The limits themselves; absent or None means no limit.

    Attributes:
        max_concurrent_jobs: tests at once over all runs of the area.
        jobgroups: tests at once of a group, over all runs.
        pools: units of a pool.
        slots: tests at once of an executor.
        own: kinds and names of the limits that count this run's tests only.
        launch_delay_s: least time between two launches.
    """

    max_concurrent_jobs: int | None = None
    jobgroups: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)
    own: frozenset[tuple[str, str]] = frozenset()
    launch_delay_s: float = 0


_ONE_JOB: Final = Demand()
_WORDS: Final = {GROUP: "job group", POOL: "pool", SLOTS: "executor"}


def _one_job(_test_id: TestId, executor: str) -> Demand:
    return Demand(executor=executor) if executor else _ONE_JOB


DemandOf = Callable[[TestId, str], Demand]
"""Says what a test takes, given the executor of its record (empty: not chosen yet)."""


def demand_of_spec(spec: TestSpec, pools: Collection[str], executor: str = "") -> Demand:
    """Return what a test takes by its file: its job group, and what it takes of these pools."""
    amounts = {wish.name: wish.amount for wish in spec.requirements.pools if wish.name in pools}
    return Demand(jobgroup=spec.meta.jobgroup, pools=tuple(sorted(amounts.items())), executor=executor)


def misfit_finding(test_id: TestId, spec: TestSpec, share: Share, size: int) -> Diagnostic:
    """Return the finding about a test that asks for a share of which there is never enough."""
    if share.kind == POOL:
        for wish in spec.requirements.pools:
            if wish.name == share.name:
                return wish.finding(str(test_id), size)
    message = f"test {str(test_id)!r} can never start: {misfit_sentence(share, size)}"
    return Diagnostic(severity=Severity.ERROR, message=message)


def misfit_sentence(share: Share, size: int) -> str:
    """Return why a test that asks for a share of which there is never enough cannot start."""
    if share.kind == POOL:
        return too_many(share.name, share.amount, size)
    return f"its {_WORDS[share.kind]} {share.name!r} has the limit {size}"


class Limits:
    """The limits of an area and who uses them; asked before each start.

    Attributes:
        generation: grows whenever `set_elsewhere` is called.
    """

    __slots__ = (
        "_active_elsewhere",
        "_ahead",
        "_demand_of",
        "_elsewhere",
        "_here",
        "_launch_delay_s",
        "_limits",
        "_open_at",
        "_own",
        "_parts",
        "generation",
        "has_common",
    )

    def __init__(self, settings: LimitSettings | None = None, demand_of: DemandOf | None = None) -> None:
        """Begin with nothing in use.

        Args:
            settings: the limits; none without.
            demand_of: what each test takes, tests of other runs included; without, one job.
        """
        settings = settings or LimitSettings()
        self._demand_of = demand_of or _one_job
        self._launch_delay_s = settings.launch_delay_s
        self.generation = 0
        self._limits = {
            **{(GROUP, name): limit for name, limit in settings.jobgroups.items()},
            **{(POOL, name): limit for name, limit in settings.pools.items()},
        }
        self.has_common = bool(self._limits)
        self._limits.update({(SLOTS, name): limit for name, limit in settings.slots.items()})
        if settings.max_concurrent_jobs is not None:
            self._limits[JOBS, ""] = settings.max_concurrent_jobs
        self._own = settings.own
        self._parts: dict[Demand, tuple[Share, ...]] = {}
        self._here: Counter[tuple[str, str]] = Counter()
        self._elsewhere: Counter[tuple[str, str]] = Counter()
        self._ahead: Mapping[tuple[str, str], int] = {}
        self._active_elsewhere: frozenset[TestId] = frozenset()
        self._open_at = -math.inf

    def demand(self, test_id: TestId, executor: str = "") -> Demand:
        """Return what a test takes while it runs."""
        return self._demand_of(test_id, executor)

    def shares(self, demand: Demand) -> tuple[Share, ...]:
        """Return what a demand takes of each limit that there is."""
        parts = self._parts.get(demand)
        if parts is None:
            wanted = (
                Share(JOBS, "", 1),
                Share(GROUP, demand.jobgroup, 1),
                Share(SLOTS, demand.executor, 1),
                *(Share(POOL, name, amount) for name, amount in demand.pools),
            )
            parts = self._parts[demand] = tuple(share for share in wanted if share.key in self._limits)
        return parts

    def size(self, share: Share) -> int:
        """Return how much there is of what a share is of."""
        return self._limits[share.key]

    @property
    def open_at(self) -> float:
        """The monotonic time from which the launch delay lets the next test start."""
        return self._open_at

    def misfit(self, demand: Demand) -> Share | None:
        """Return the share for which a test with this demand could never start; None if it can."""
        found = (s for s in self.shares(demand) if s.kind != JOBS and s.amount > self.size(s))
        return next(found, None)

    def lacks(self, share: Share, kept: int = 0) -> bool:
        """Return whether there is too little left for a share, if some is kept for others."""
        key = share.key
        taken = self._here[key] + self._elsewhere[key] + self._ahead.get(key, 0)
        return taken + kept + share.amount > self._limits[key]

    def why_not(self, demand: Demand, now: float | None = None) -> str:
        """Return what keeps a test with this demand from starting; empty if it may.

        Args:
            demand: of the test.
            now: monotonic seconds; None: the caller sees to the launch delay itself.

        Cost: O(pools of the demand).
        """
        if now is not None and now < self._open_at:
            return f"the launch delay lasts {self._open_at - now:.3g} s more"
        for share in self.shares(demand):
            if self.lacks(share):
                return self._about(share)
        return ""

    def _about(self, share: Share) -> str:
        key = share.key
        here, elsewhere, ahead = self._here[key], self._elsewhere[key], self._ahead.get(key, 0)
        what = f"{_WORDS[share.kind]} {share.name!r}" if share.kind in _WORDS else "max_concurrent_jobs"
        users = f"{here} in this run" + (f", {elsewhere} in other runs" if elsewhere else "")
        kept = f"; {ahead} go to runs that have waited longer" if ahead else ""
        return f"{what} has {self._limits[key]}, in use are {here + elsewhere} ({users}){kept}"

    def active_elsewhere(self, test_id: TestId) -> bool:
        """Return whether the same test or item is active in another run (mode exclusive)."""
        return test_id in self._active_elsewhere

    def take(self, demand: Demand, now: float | None = None) -> None:
        """Count a test that starts now; None: one that was started earlier, or see `why_not`."""
        self._change(demand, 1)
        if now is not None and self._launch_delay_s > 0:
            self._open_at = now + self._launch_delay_s

    def give_back(self, demand: Demand) -> None:
        """Count a test that ended."""
        self._change(demand, -1)

    def _change(self, demand: Demand, sign: int) -> None:
        for share in self.shares(demand):
            self._here[share.key] += sign * share.amount

    # -- other runs -----------------------------------------------------------------------------

    @property
    def is_contended(self) -> bool:
        """Whether other runs use any of the limits, or wait for it."""
        return bool(self._elsewhere or self._ahead)

    def is_used_elsewhere(self, share: Share) -> bool:
        """Return whether other runs use some of what a share is of, or have waited for it longer."""
        return bool(self._elsewhere[share.key] or self._ahead.get(share.key))

    def set_elsewhere(self, active: Iterable[TestRecord], holdings: Iterable[Holding] = ()) -> None:
        """Replace what other runs use.

        Args:
            active: their tests in which a process may exist.
            holdings: what they hold of groups and pools.  A test that is active without a word
                about that (its database was made anew) counts with what its file asks for.

        Cost: linear in them.
        """
        used: Counter[tuple[str, str]] = Counter()
        known: set[int] = set()
        for holding in holdings:
            known.add(holding.row)
            if holding.share.key in self._limits:
                used[holding.share.key] += holding.share.amount
        tests: set[TestId] = set()
        for record in active:
            tests.add(record.test_id)
            for share in self.shares(self._demand_of(record.test_id, record.executor)):
                if share.key not in self._own and not (share.is_common and record.id in known):
                    used[share.key] += share.amount
        self._active_elsewhere = frozenset(tests)
        self._elsewhere = used
        self.generation += 1

    def set_ahead(self, ahead: Mapping[tuple[str, str], int]) -> None:
        """Replace what is left to other runs, by kind and name, because they have waited longer."""
        self._ahead = {key: amount for key, amount in ahead.items() if key not in self._own}
