"""What may run at once: jobs over all runs, job groups, pools, slots of executors.

A limit never drops a test.  What can never fit is refused when it is planned.  Who goes first where
several wait is decided in `line`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from megatest.model.claim import GROUP, JOBS, POOL, SLOTS, Holding, Share
from megatest.model.error import Diagnostic, Severity
from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.model.slotted import dataclass, field
from megatest.model.spec import TestSpec, too_many
from megatest.plan.account import WORDS, Account, Limited
from megatest.plan.account import Demand as Demand


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """The limits themselves; absent or None means no limit.

    Attributes:
        max_concurrent_jobs: tests at once over all runs of the area.
        jobgroups: tests at once of a group, over all runs.
        pools: units of a pool.
        slots: tests at once of an executor.
        own: kinds and names of the limits that count this run's tests only.
    """

    max_concurrent_jobs: int | None = None
    jobgroups: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)
    own: frozenset[tuple[str, str]] = frozenset()


_ONE_JOB: Final = Demand()


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
    return f"its {WORDS[share.kind]} {share.name!r} has the limit {size}"


class Limits:
    """The limits of an area and who uses them; asked before each start.

    Attributes:
        generation: grows whenever `set_elsewhere` is called.
        has_common: whether there are limits that all runs together must never exceed.
        is_contended: whether other runs use any of the limits, or have waited for it longer.
    """

    __slots__ = (
        "_accounts",
        "_active_elsewhere",
        "_demand_of",
        "_limited",
        "generation",
        "has_common",
        "is_contended",
    )

    def __init__(self, settings: LimitSettings | None = None, demand_of: DemandOf | None = None) -> None:
        """Begin with nothing in use.

        Args:
            settings: the limits; none without.
            demand_of: what each test takes, tests of other runs included; without, one job.
        """
        settings = settings or LimitSettings()
        self._demand_of = demand_of or _one_job
        self._limited = _limited_by(settings)
        self._accounts: dict[Demand, Account] = {}
        self._active_elsewhere: frozenset[TestId] = frozenset()
        self.generation = 0
        self.has_common = any(limited.is_common for limited in self._limited.values())
        self.is_contended = False

    def demand(self, test_id: TestId, executor: str = "") -> Demand:
        """Return what a test takes while it runs."""
        return self._demand_of(test_id, executor)

    def account(self, demand: Demand) -> Account:
        """Return what is used by tests with this demand; the same one for equal demands."""
        account = self._accounts.get(demand)
        if account is None:
            wanted = (
                ((JOBS, ""), 1),
                ((GROUP, demand.jobgroup), 1),
                ((SLOTS, demand.executor), 1),
                *(((POOL, name), amount) for name, amount in demand.pools),
            )
            draws = tuple((self._limited[key], amount) for key, amount in wanted if key in self._limited)
            account = self._accounts[demand] = Account(demand, draws)
        return account

    def size(self, share: Share) -> int:
        """Return how much there is of what a share is of."""
        return self._limited[share.key].size

    def misfit(self, demand: Demand) -> Share | None:
        """Return the share for which a test with this demand could never start; None if it can."""
        found = (s for s in self.account(demand).shares if s.kind != JOBS and s.amount > self.size(s))
        return next(found, None)

    def active_elsewhere(self, test_id: TestId) -> bool:
        """Return whether the same test or item is active in another run (mode exclusive)."""
        return test_id in self._active_elsewhere

    def take(self, demand: Demand) -> None:
        """Count a test that runs."""
        self.account(demand).change(1)

    def give_back(self, demand: Demand) -> None:
        """Count a test that ended."""
        self.account(demand).change(-1)

    # -- other runs -----------------------------------------------------------------------------

    def set_elsewhere(self, active: Iterable[TestRecord], holdings: Iterable[Holding] = ()) -> None:
        """Replace what other runs use.

        Args:
            active: their tests in which a process may exist.
            holdings: what they hold of groups and pools.  A test that is active without a word
                about that (its database was made anew) counts with what its file asks for.

        Cost: linear in them.
        """
        for limited in self._limited.values():
            limited.forget_elsewhere()
        known: set[int] = set()
        for holding in holdings:
            known.add(holding.row)
            held = self._limited.get(holding.share.key)
            if held is not None:
                held.add_elsewhere(holding.share.amount)
        tests: set[TestId] = set()
        for record in active:
            tests.add(record.test_id)
            for limited, amount in self.account(self._demand_of(record.test_id, record.executor)).draws:
                if not (limited.is_common and record.id in known):
                    limited.add_elsewhere(amount)
        self._active_elsewhere = frozenset(tests)
        self.generation += 1
        self._note_contention()

    def set_ahead(self, ahead: Mapping[tuple[str, str], int]) -> None:
        """Replace what is left to other runs, by kind and name, because they have waited longer."""
        for key, limited in self._limited.items():
            limited.set_ahead(ahead.get(key, 0))
        self._note_contention()

    def _note_contention(self) -> None:
        self.is_contended = any(limited.is_contended for limited in self._limited.values())


def _limited_by(settings: LimitSettings) -> dict[tuple[str, str], Limited]:
    """Return what is limited, by kind and name."""
    jobs = settings.max_concurrent_jobs
    sizes = {
        **{(GROUP, name): size for name, size in settings.jobgroups.items()},
        **{(POOL, name): size for name, size in settings.pools.items()},
        **{(SLOTS, name): size for name, size in settings.slots.items()},
        **({} if jobs is None else {(JOBS, ""): jobs}),
    }
    return {key: Limited(*key, size, is_own=key in settings.own) for key, size in sizes.items()}
