"""What may run at once: jobs over all runs, job groups, pools, slots of executors, launch delay.

A limit never drops a test.  What can never fit is refused when it is planned.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from megatest.model.error import UserError
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
        launch_delay_s: least time between two launches.
    """

    max_concurrent_jobs: int | None = None
    jobgroups: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)
    launch_delay_s: float = 0


class _Counted:
    """One kind of limit: amounts in use by name, here and in other runs."""

    __slots__ = ("_elsewhere", "_here", "_limits")

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = dict(limits)
        self._here: Counter[str] = Counter()
        self._elsewhere: Counter[str] = Counter()

    def limit(self, name: str) -> int | None:
        return self._limits.get(name)

    def why_not(self, name: str, amount: int, what: str) -> str:
        limit = self._limits.get(name)
        here, elsewhere = self._here[name], self._elsewhere[name]
        if limit is None or here + elsewhere + amount <= limit:
            return ""
        users = f"{here} in this run" + (f", {elsewhere} in other runs" if elsewhere else "")
        return f"{what} has {limit}, in use are {here + elsewhere} ({users})"

    def change(self, name: str, amount: int) -> None:
        self._here[name] += amount

    def set_elsewhere(self, used: Counter[str]) -> None:
        self._elsewhere = used


_JOBS: Final = ""


_ONE_JOB: Final = Demand()


def _one_job(_test_id: TestId, executor: str) -> Demand:
    return Demand(executor=executor) if executor else _ONE_JOB


DemandOf = Callable[[TestId, str], Demand]
"""Says what a test takes, given the executor of its record (empty: not chosen yet)."""


def demand_of_spec(spec: TestSpec, pools: Collection[str], executor: str = "") -> Demand:
    """Return what a test takes by its file: its job group, and each wish that names a pool.

    Raises:
        UserError: an amount of a pool is not a whole number of at least 1.
    """
    amounts: dict[str, int] = {}
    for name, text in spec.requirements.resources.extra:
        if name in pools:
            if not (text.isascii() and text.isdigit() and int(text) > 0):
                raise UserError(
                    f"test {spec.name!r} asks for {text!r} of pool {name!r}",
                    hint="give a whole number of at least 1",
                )
            amounts[name] = int(text)
    return Demand(jobgroup=spec.meta.jobgroup, pools=tuple(sorted(amounts.items())), executor=executor)


class Limits:
    """The limits of an area and who uses them; asked before each start.

    Attributes:
        generation: grows whenever `set_elsewhere` is called.
    """

    __slots__ = (
        "_active_elsewhere",
        "_demand_of",
        "_groups",
        "_jobs",
        "_open_at",
        "_pools",
        "_settings",
        "_slots",
        "generation",
    )

    def __init__(self, settings: LimitSettings | None = None, demand_of: DemandOf | None = None) -> None:
        """Begin with nothing in use.

        Args:
            settings: the limits; none without.
            demand_of: what each test takes, tests of other runs included; without, one job.
        """
        self._settings = settings or LimitSettings()
        self._demand_of = demand_of or _one_job
        self.generation = 0
        most = self._settings.max_concurrent_jobs
        self._jobs = _Counted({} if most is None else {_JOBS: most})
        self._groups = _Counted(self._settings.jobgroups)
        self._pools = _Counted(self._settings.pools)
        self._slots = _Counted(self._settings.slots)
        self._active_elsewhere: frozenset[TestId] = frozenset()
        self._open_at = -math.inf

    def demand(self, test_id: TestId, executor: str = "") -> Demand:
        """Return what a test takes while it runs."""
        return self._demand_of(test_id, executor)

    @property
    def open_at(self) -> float:
        """The monotonic time from which the launch delay lets the next test start."""
        return self._open_at

    def refusal(self, demand: Demand) -> str:
        """Return why a test with this demand could never start; empty if it can."""
        group = self._groups.limit(demand.jobgroup)
        if group is not None and group < 1:
            return f"its job group {demand.jobgroup!r} has the limit {group}"
        for name, amount in demand.pools:
            size = self._pools.limit(name)
            if size is not None and amount > size:
                return f"it asks for {amount} of pool {name!r}, which has {size}"
        slots = self._slots.limit(demand.executor)
        if slots is not None and slots < 1:
            return f"its executor {demand.executor!r} has the limit {slots}"
        return ""

    def why_not(self, demand: Demand, now: float | None = None) -> str:
        """Return what keeps a test with this demand from starting; empty if it may.

        Args:
            demand: of the test.
            now: monotonic seconds; None: the caller sees to the launch delay itself.

        Cost: O(pools of the demand).
        """
        if now is not None and now < self._open_at:
            return f"the launch delay lasts {self._open_at - now:.3g} s more"
        reason = (
            self._jobs.why_not(_JOBS, 1, "max_concurrent_jobs")
            or self._groups.why_not(demand.jobgroup, 1, f"job group {demand.jobgroup!r}")
            or self._slots.why_not(demand.executor, 1, f"executor {demand.executor!r}")
        )
        for name, amount in demand.pools:
            reason = reason or self._pools.why_not(name, amount, f"pool {name!r}")
        return reason

    def active_elsewhere(self, test_id: TestId) -> bool:
        """Return whether the same test or item is active in another run (mode exclusive)."""
        return test_id in self._active_elsewhere

    def take(self, demand: Demand, now: float | None = None) -> None:
        """Count a test that starts now; None: one that was started earlier, or see `why_not`."""
        self._change(demand, 1)
        if now is not None and self._settings.launch_delay_s > 0:
            self._open_at = now + self._settings.launch_delay_s

    def give_back(self, demand: Demand) -> None:
        """Count a test that ended."""
        self._change(demand, -1)

    def _change(self, demand: Demand, sign: int) -> None:
        self._jobs.change(_JOBS, sign)
        self._groups.change(demand.jobgroup, sign)
        self._slots.change(demand.executor, sign)
        for name, amount in demand.pools:
            self._pools.change(name, sign * amount)

    def set_elsewhere(self, active: Iterable[TestRecord]) -> None:
        """Replace what other runs use, given their tests in which a process may exist.

        Cost: linear in them.
        """
        tests: set[TestId] = set()
        jobs: Counter[str] = Counter()
        groups: Counter[str] = Counter()
        slots: Counter[str] = Counter()
        pools: Counter[str] = Counter()
        for record in active:
            demand = self._demand_of(record.test_id, record.executor)
            tests.add(record.test_id)
            jobs[_JOBS] += 1
            groups[demand.jobgroup] += 1
            slots[demand.executor] += 1
            for name, amount in demand.pools:
                pools[name] += amount
        self._active_elsewhere = frozenset(tests)
        self._jobs.set_elsewhere(jobs)
        self._groups.set_elsewhere(groups)
        self._slots.set_elsewhere(slots)
        self._pools.set_elsewhere(pools)
        self.generation += 1
