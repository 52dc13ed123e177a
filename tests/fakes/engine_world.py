"""A whole world for the engine without processes, files or real time.

``world = EngineWorld("b: a", "c: b", plans={"a": Plan(code=1)})`` is an area of three tests with
their prerequisites; ``world.run()`` runs an engine over it and returns its outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fakes.executor import FakeCluster, FakeExecutor
from fakes.executor import Plan as JobPlan
from fakes.store import FakeRecords, FakeStore
from megatest.engine.attempt import Attempt
from megatest.engine.interrupt import Level
from megatest.engine.ledger import Ledger
from megatest.engine.loop import Engine, Settings
from megatest.engine.outcome import Outcome
from megatest.engine.ports import Addition, Brief, Failure, Move, Opinion
from megatest.engine.recover import recover
from megatest.model.attempt import (
    AttemptSpec,
    Ended,
    Entry,
    JournalPart,
    Prepared,
    Revoked,
    Started,
)
from megatest.model.change import Change
from megatest.model.error import MegatestError
from megatest.model.ids import Target, TestId
from megatest.model.job import Job
from megatest.model.lease import Holder, Lease
from megatest.model.pattern import parse_pattern
from megatest.model.record import TestRecord
from megatest.model.signature import signature_of
from megatest.model.spec import ItemVariable, Requirements, TestSpec, Variable, Waiton
from megatest.plan.items import Item, expand_items
from megatest.plan.limits import Demand, Limits, LimitSettings
from megatest.plan.plan import Plan
from megatest.plan.rerun import Prior, RerunRequest
from megatest.plan.select import select

TARGET = Target(("linux",))


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.wall_offset_s = 0.0

    def now(self) -> float:
        """Return a time of day."""
        return 1_700_000_000.0 + self.seconds + self.wall_offset_s

    def monotonic(self) -> float:
        """Return the time."""
        return self.seconds


@dataclass(slots=True)
class FakeWaiter:
    """Lets the clock jump to where the engine wants to be woken."""

    clock: FakeClock
    before: Callable[[], None] = lambda: None
    waits: int = 0

    def wait(self, fds: Sequence[int], timeout_s: float) -> None:
        """See the port."""
        self.waits += 1
        assert self.waits < 100_000, "the engine does not come to an end"
        self.before()
        self.clock.seconds += max(timeout_s, 0.001)


@dataclass(slots=True)
class FakeInterrupts:
    """Interrupts that a test sets by hand."""

    level: Level = Level.NONE
    fd: int = 0

    def drain_wakeups(self) -> None:
        """Nothing to drain."""


@dataclass(slots=True)
class FakeWorkArea:
    """Run directories as dictionaries: a journal for each.

    Attributes:
        journals: entries by run directory.
        unpreparable: messages by test for which no directory can be made.
        variables: what an attempt was told, by run directory.
        full: what `low_space` says.
        unreadable: run directories whose journal cannot be read.
    """

    journals: dict[str, list[Entry]] = field(default_factory=dict)
    unpreparable: dict[str, str] = field(default_factory=dict)
    full: str = ""
    unreadable: set[str] = field(default_factory=set)
    discarded: list[str] = field(default_factory=list)
    variables: dict[str, tuple[Variable, ...]] = field(default_factory=dict)

    def prepare(self, spec: AttemptSpec) -> Prepared:
        """See the port."""
        if spec.test_id.test in self.unpreparable:
            raise MegatestError(self.unpreparable[spec.test_id.test])
        run_dir = f"/runs/{spec.test_id}.{spec.attempt}"
        self.variables[run_dir] = spec.variables
        return Prepared(
            run_dir=run_dir, link=f"/lt/{spec.test_id}", script=f"{run_dir}/s", log=f"{run_dir}/l"
        )

    def discard(self, prepared: Prepared) -> None:
        """See the port."""
        self.discarded.append(prepared.run_dir)

    def read_journal(self, run_dir: str, offset: int) -> JournalPart:
        """See the port."""
        if run_dir in self.unreadable:
            return JournalPart(offset=offset, trouble=f"cannot read {run_dir}/journal: Permission denied")
        entries = self.journals.get(run_dir)
        if entries is None:
            return JournalPart(offset=offset, exists=False)
        return JournalPart(entries=tuple(entries[offset:]), offset=len(entries))

    def revoke(self, run_dir: str, attempt: int) -> bool:
        """See the port."""
        entries = self.journals.setdefault(run_dir, [Revoked(attempt=attempt)])
        return isinstance(entries[0], Revoked)

    def low_space(self) -> str:
        """See the port."""
        return self.full

    def free_kib(self, path: str) -> int:
        """See the port."""
        return 1 << 20


class FakeRunLog:
    """Remembers what was logged."""

    def __init__(self) -> None:
        self.commits: list[tuple[int, tuple[Change, ...]]] = []
        self.registered: list[TestRecord] = []

    def rows(self, records: Iterable[TestRecord]) -> None:
        """See the port."""
        self.registered.extend(records)

    def changes(self, changes: Sequence[Change], token: int) -> None:
        """See the port."""
        self.commits.append((token, tuple(changes)))


@dataclass(slots=True)
class FakeWatcher:
    """Remembers what users would have been told."""

    launches: list[str] = field(default_factory=list)
    ends: list[tuple[str, str, str]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)

    def launched(self, test_id: TestId, attempt: int) -> None:
        """See the port."""
        self.launches.append(f"{test_id}.{attempt}")

    def ended(
        self,
        test_id: TestId,
        state: str,
        status: str,
        duration_s: float,
        comment: str,
        flaky: bool = False,
    ) -> None:
        """See the port."""
        if flaky:
            self.flaky.append(str(test_id))
        self.ends.append((str(test_id), f"{state}/{status}", comment))

    def counted(self, running: int, waiting: int) -> None:
        """See the port."""

    def said(self, sentence: str) -> None:
        """See the port."""
        self.sentences.append(sentence)


@dataclass(slots=True)
class FakeIntake:
    """Requests that a test puts in."""

    additions: list[Addition] = field(default_factory=list)

    def take(self) -> Sequence[Addition]:
        """See the port."""
        additions, self.additions = self.additions, []
        return additions


@dataclass(slots=True)
class FakeReviewer:
    """Opinions as a test wants them.

    Attributes:
        retries: how often a test is tried again, by name.
        waived: comments of waivers, by name.
        objections: why a waiver does not hold, by name.
        slow: the opinion comes later, by `poll`; this many calls of it later.
        asked: what was asked about, as ``TEST.ATTEMPT``.
    """

    retries: Mapping[str, int] = field(default_factory=dict)
    waived: Mapping[str, str] = field(default_factory=dict)
    objections: Mapping[str, str] = field(default_factory=dict)
    slow: int = 0
    asked: list[str] = field(default_factory=list)
    _due: list[tuple[int, Opinion]] = field(default_factory=list)
    _polls: int = 0

    def ask(self, failure: Failure) -> Opinion | None:
        """See the port."""
        opinion = self.answer(failure)
        if not self.slow:
            return opinion
        self._due.append((self._polls + self.slow, opinion))
        return None

    def poll(self) -> Sequence[Opinion]:
        """See the port."""
        self._polls += 1
        ready = [opinion for due, opinion in self._due if due <= self._polls]
        self._due = [(due, opinion) for due, opinion in self._due if due > self._polls]
        return ready

    def answer(self, failure: Failure) -> Opinion:
        """See the port."""
        self.asked.append(f"{failure.test_id}.{failure.attempt}")
        name = failure.test_id.test
        return Opinion(
            row=failure.row,
            attempt=failure.attempt,
            signature=signature_of(f"{name} is {failure.status}"),
            waived=self.waived.get(name, ""),
            retries=self.retries.get(name, 0),
            objection=self.objections.get(name, ""),
        )

    def fds(self) -> Sequence[int]:
        """See the port."""
        return ()

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class FakeBell:
    """Remembers what moved, as ``TEST STATE/STATUS``."""

    heard: list[str] = field(default_factory=list)

    def wants(self, test: str) -> bool:
        """See the port."""
        return True

    def moved(self, moves: Sequence[Move]) -> None:
        """See the port."""
        self.heard += [f"{move.test_id} {move.state}/{move.status}" for move in moves]


@dataclass(slots=True)
class FakeBriefing:
    """Briefs from specs; items and skips as the world says."""

    world: EngineWorld

    def brief(self, test_id: TestId, row: int, attempt: int) -> Brief:
        """See the port."""
        spec = self.world.specs[test_id.test]
        return Brief(
            spec=AttemptSpec(
                run_id=self.world.run_id,
                row=row,
                target=TARGET,
                runname="r",
                test_id=test_id,
                attempt=attempt,
                source=spec.directory,
            ),
            executor="fake",
            environment={},
            run_limit_s=spec.requirements.run_limit_s,
        )

    def why_skip(self, test_id: TestId) -> str:
        """See the port."""
        return self.world.skips.get(str(test_id), "")

    def run_limit_s(self, test_id: TestId) -> float | None:
        """See the port."""
        return self.world.limit_s.get(test_id.test)

    def items(self, test: str) -> Sequence[Item]:
        """See the port."""
        return expand_items(test, self.world.late_items[test], None)


@dataclass(slots=True, kw_only=True)
class EngineWorld:
    """An area, its records, its cluster; see the module.

    Attributes:
        graph: a line for each test: ``name: prerequisites``, an item list in brackets behind the name
            (``t[x y]: a``).
        jobs: what the jobs of a test do, by test or item, or by one attempt of it (``t.2``).
        said: what a test writes into its journal when it begins.
        limit_s: run limits by test.
        late_items: item lists that are known only when the prerequisites have ended.
        skips: reasons by test or item.
        slots: tests at once.
        make_executor: what each engine gets as its view of the cluster.
        runname: of the run; worlds that share records, and whose runs have other names, are several
            engines at work in one area.
        limits: all limits, in place of `slots`.
        demands: what tests take of them; others take a job.
        units: names of the units of pools.
        open_store: makes the engine's connection.
    """

    graph: tuple[str, ...]
    jobs: Mapping[str, JobPlan] = field(default_factory=dict)
    limit_s: Mapping[str, float] = field(default_factory=dict)
    late_items: Mapping[str, tuple[ItemVariable, ...]] = field(default_factory=dict)
    skips: Mapping[str, str] = field(default_factory=dict)
    slots: int = 2
    said: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    records: FakeRecords = field(default_factory=FakeRecords)
    workarea: FakeWorkArea = field(default_factory=FakeWorkArea)
    watcher: FakeWatcher = field(default_factory=FakeWatcher)
    interrupts: FakeInterrupts = field(default_factory=FakeInterrupts)
    log: FakeRunLog = field(default_factory=FakeRunLog)
    intake: FakeIntake = field(default_factory=FakeIntake)
    reviewer: FakeReviewer = field(default_factory=FakeReviewer)
    bell: FakeBell = field(default_factory=FakeBell)
    specs: dict[str, TestSpec] = field(default_factory=dict)
    run_id: int = 0
    runname: str = "r"
    limits: LimitSettings | None = None
    demands: Mapping[str, Demand] = field(default_factory=dict)
    units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    open_store: Callable[[FakeRecords], FakeStore] = FakeStore
    make_executor: Callable[[FakeCluster], FakeExecutor] = FakeExecutor
    cluster: FakeCluster = field(init=False)
    waiter: FakeWaiter = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = FakeCluster(
            self.clock.monotonic, on_start=self._begin_job, on_end=self._end_job, choose=self._plan_of
        )
        self.waiter = FakeWaiter(self.clock)
        for line in self.graph:
            spec = self._spec(line)
            self.specs[spec.name] = spec

    def _spec(self, line: str) -> TestSpec:
        head, _, waitons = line.partition(":")
        name, _, items = head.strip().rstrip("]").partition("[")
        return TestSpec(
            name=name,
            directory=f"/tests/{name}",
            config_file=f"/tests/{name}/testconfig",
            items=(ItemVariable(name="I", values=tuple(items.split())),)
            if items
            else self.late_items.get(name),
            items_need_upstream=name in self.late_items,
            requirements=Requirements(
                waitons=tuple(Waiton(test=w) for w in waitons.split()), run_limit_s=self.limit_s.get(name)
            ),
        )

    # -- what the jobs do to their journals -------------------------------------------------------

    def _test_of(self, job: Job) -> str:
        return job.run_dir.removeprefix("/runs/").rpartition(".")[0]

    def _begin_job(self, job: Job) -> None:
        assert job.run_dir not in self.workarea.journals, f"{job.name} was started twice"
        entries: list[Entry] = [Started(attempt=job.attempt, pid=1, uptime_s=self.clock.seconds)]
        entries += self.said.get(self._test_of(job), ())
        self.workarea.journals[job.run_dir] = entries

    def _end_job(self, job: Job, code: int | None) -> None:
        if code is not None:
            end = Ended(code=code, uptime_s=self.clock.seconds)
            self.workarea.journals[job.run_dir].append(end)

    # -- running ----------------------------------------------------------------------------------

    def run(self, pattern: str = "%", request: RerunRequest | None = None) -> Outcome:
        """Run one engine over the world, recovery first, as a command would."""
        store = self.open_store(self.records)
        now = int(self.clock.now())
        run = store.register_run(TARGET, self.runname, owner="me", time=now)
        self.run_id = run.id
        lease = store.acquire_lease(run.id, Holder(host="h", pid=len(self.log.commits) + 1))
        if isinstance(lease, Holder):
            lease = store.take_over(run.id, lease.token, Holder(host="h", pid=7))
        engine, adopted = self._engine(store, lease, pattern, request or RerunRequest())
        outcome = engine.run(adopted)
        store.release(lease)
        return outcome

    def _engine(
        self, store: FakeStore, lease: Lease, pattern: str, request: RerunRequest
    ) -> tuple[Engine, Sequence[Attempt]]:
        executors = {"fake": self.make_executor(self.cluster)}
        ledger = Ledger(
            run_id=self.run_id,
            store=store,
            log=self.log,
            lease=lease,
            clock=self.clock,
            records=store.tests(self.run_id),
            bell=self.bell,
        )
        adopted = recover(
            store.tests(self.run_id),
            ledger=ledger,
            executors=executors,
            workarea=self.workarea,
            clock=self.clock,
            reviewer=self.reviewer,
            job_prefix="j",
        )
        ledger.commit()
        limits = self.limits or LimitSettings(max_concurrent_jobs=self.slots)
        plan = Plan(limits=Limits(limits, self._demand))
        selection = select(self.specs.keys(), self.specs.__getitem__, parse_pattern(pattern))
        plan.add(selection, request, {t.test_id: _prior(t) for t in store.tests(self.run_id)})
        engine = Engine(
            plan=plan,
            ledger=ledger,
            store=store,
            workarea=self.workarea,
            executors=executors,
            briefing=FakeBriefing(self),
            intake=self.intake,
            reviewer=self.reviewer,
            watcher=self.watcher,
            clock=self.clock,
            interrupts=self.interrupts,  # type: ignore[arg-type]
            settings=Settings(job_prefix="j", kill_grace_s=5, pool_units=self.units),
            waiter=self.waiter,
        )
        return engine, adopted

    def _demand(self, test_id: TestId, executor: str) -> Demand:
        return replace(self.demands.get(test_id.test, Demand()), executor=executor or "fake")

    def _plan_of(self, job: Job) -> JobPlan:
        return self.jobs.get(f"{self._test_of(job)}.{job.attempt}") or self.jobs.get(
            self._test_of(job), JobPlan()
        )

    # -- looking ----------------------------------------------------------------------------------

    def results(self) -> dict[str, str]:
        """Return ``STATE/STATUS`` of each test and item."""
        tests = FakeStore(self.records).tests(self.run_id)
        return {str(t.test_id): f"{t.state}/{t.status}" for t in tests}

    def record(self, name: str) -> TestRecord:
        """Return one test's record."""
        test, _, item = name.partition("/")
        found = FakeStore(self.records).test(self.run_id, TestId(test, item))
        assert found is not None, name
        return found


def _prior(test: TestRecord) -> Prior:
    return Prior(
        state=test.state,
        status=test.status,
        attempt=test.attempt,
        accounted=test.state in ("LAUNCHED", "REMOTEHOSTSTART", "RUNNING", "KILLREQ"),
        is_parent=test.is_parent,
    )
