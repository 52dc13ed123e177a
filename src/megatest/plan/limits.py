"""What may run at once: jobs over all runs, job groups, pools, slots of executors, launch delay.

A limit never drops a test.  What can never fit is refused when it is planned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from megatest.model.error import UserError
from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.model.slotted import dataclass, field
from megatest.model.spec import TestSpec
from megatest.plan.account import Account, Limited
from megatest.plan.account import Demand as Demand


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
        "_accounts",
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
        self._settings = settings = settings or LimitSettings()
        self._demand_of = demand_of or _one_job
        self.generation = 0
        most = settings.max_concurrent_jobs
        self._jobs = None if most is None else Limited("max_concurrent_jobs", most)
        self._groups = {name: Limited(f"job group {name!r}", n) for name, n in settings.jobgroups.items()}
        self._slots = {name: Limited(f"executor {name!r}", n) for name, n in settings.slots.items()}
        self._pools = {name: Limited(f"pool {name!r}", n) for name, n in settings.pools.items()}
        self._accounts: dict[Demand, Account] = {}
        self._active_elsewhere: frozenset[TestId] = frozenset()
        self._open_at = -math.inf

    def demand(self, test_id: TestId, executor: str = "") -> Demand:
        """Return what a test takes while it runs."""
        return self._demand_of(test_id, executor)

    def account(self, demand: Demand) -> Account:
        """Return what is used by tests with this demand; the same one for equal demands."""
        account = self._accounts.get(demand)
        if account is None:
            limited = [
                (self._jobs, 1),
                (self._groups.get(demand.jobgroup), 1),
                (self._slots.get(demand.executor), 1),
                *((self._pools.get(name), amount) for name, amount in demand.pools),
            ]
            draws = tuple((what, amount) for what, amount in limited if what is not None)
            account = self._accounts[demand] = Account(demand, draws)
        return account

    @property
    def open_at(self) -> float:
        """The monotonic time from which the launch delay lets the next test start."""
        return self._open_at

    def refusal(self, demand: Demand) -> str:
        """Return why a test with this demand could never start; empty if it can."""
        group = self._groups.get(demand.jobgroup)
        if group is not None and group.limit < 1:
            return f"its job group {demand.jobgroup!r} has the limit {group.limit}"
        for name, amount in demand.pools:
            pool = self._pools.get(name)
            if pool is not None and amount > pool.limit:
                return f"it asks for {amount} of pool {name!r}, which has {pool.limit}"
        slots = self._slots.get(demand.executor)
        if slots is not None and slots.limit < 1:
            return f"its executor {demand.executor!r} has the limit {slots.limit}"
        return ""

    def is_delayed(self, now: float | None) -> bool:
        """Return whether the launch delay still lasts; None: the caller sees to it itself."""
        return now is not None and now < self._open_at

    def why_not(self, demand: Demand, now: float | None = None) -> str:
        """Return what keeps a test with this demand from starting; empty if it may.

        Args:
            demand: of the test.
            now: monotonic seconds; None: the caller sees to the launch delay itself.

        Cost: O(pools of the demand).
        """
        if now is not None and now < self._open_at:
            return f"the launch delay lasts {self._open_at - now:.3g} s more"
        return self.account(demand).why_not()

    def active_elsewhere(self, test_id: TestId) -> bool:
        """Return whether the same test or item is active in another run (mode exclusive)."""
        return test_id in self._active_elsewhere

    def take(self, demand: Demand, now: float | None = None) -> None:
        """Count a test that starts now; None: one that was started earlier, or see `why_not`."""
        self.account(demand).change(1)
        self.delay(now)

    def delay(self, now: float | None) -> None:
        """Begin the delay to the next launch; None: nothing is launched now."""
        if now is not None and self._settings.launch_delay_s > 0:
            self._open_at = now + self._settings.launch_delay_s

    def give_back(self, demand: Demand) -> None:
        """Count a test that ended."""
        self.account(demand).change(-1)

    def set_elsewhere(self, active: Iterable[TestRecord]) -> None:
        """Replace what other runs use, given their tests in which a process may exist.

        Cost: linear in them.
        """
        jobs = () if self._jobs is None else (self._jobs,)
        for limited in (*jobs, *self._groups.values(), *self._slots.values(), *self._pools.values()):
            limited.elsewhere = 0
        tests: set[TestId] = set()
        for record in active:
            tests.add(record.test_id)
            self.account(self._demand_of(record.test_id, record.executor)).add_elsewhere()
        self._active_elsewhere = frozenset(tests)
        self.generation += 1
