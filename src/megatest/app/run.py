"""Plan a selection of tests, run it, say how it went."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from megatest.app import wiring
from megatest.app.briefing import RunContext, TestBriefing
from megatest.app.launcher import LOCAL, choose
from megatest.app.query import default_runname
from megatest.app.session import AreaRequest, Session, open_target
from megatest.config.testconfig import Purpose, load_test
from megatest.engine.interrupt import Interrupts
from megatest.engine.ledger import Ledger
from megatest.engine.loop import Engine, Outcome, Settings
from megatest.engine.ports import Clock, Watcher
from megatest.engine.recover import recover
from megatest.model.error import ConfigError, Diagnostic, Severity, UserError
from megatest.model.ids import TestId
from megatest.model.lease import Holder, Lease
from megatest.model.pattern import Pattern, parse_pattern, parse_words
from megatest.model.record import RunRecord, TestRecord
from megatest.model.spec import Area, TestSpec, Variable
from megatest.model.status import ACTIVE
from megatest.plan.explain import Planned
from megatest.plan.limits import Demand, Limits, LimitSettings, demand_of_spec
from megatest.plan.plan import Plan
from megatest.plan.rerun import Prior, RerunRequest
from megatest.plan.select import Selection, select
from megatest.workarea.ondisk import SHIM_DIR, WorkAreaOnDisk


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a user asks to run.

    Attributes:
        area: which area.
        target: ``a/b/c``; empty for the area's default.
        require_target: the target must be a section of runconfigs (``-reqtarg``).
        runname: empty for today's date.
        pattern: which tests; empty for TESTPATT of runconfigs, else all.
        tags: a tag expression; empty without.
        mode_key: the runconfigs key that holds the pattern instead of TESTPATT.
        rerun: statuses to run again; None: not asked.
        force, keepgoing, rerun_all, rerun_clean: see `megatest.plan.rerun`.
        preclean: remove what earlier attempts left.
        jobs: tests at once; None for the area's limit.
        executor: by name; empty for the area's choice.
        variables: set in every test.
        comment: for the run's record.
    """

    area: AreaRequest
    target: str = ""
    require_target: bool = False
    runname: str = ""
    pattern: str = ""
    tags: str = ""
    mode_key: str = ""
    rerun: tuple[str, ...] | None = None
    force: bool = False
    keepgoing: bool = False
    rerun_all: bool = False
    rerun_clean: bool = False
    preclean: bool = False
    jobs: int | None = None
    executor: str = ""
    variables: tuple[Variable, ...] = ()
    comment: str = ""


@dataclass(slots=True, kw_only=True)
class Job:
    """A request that was read and selected, ready to be planned.

    Attributes:
        session: the opened area and target.
        request: what was asked.
        runname: the run's name.
        directories: of all tests, by name.
        specs: of the tests that take part, by name.
        selection: what takes part.
    """

    session: Session
    request: RunRequest
    runname: str
    directories: Mapping[str, str]
    specs: dict[str, TestSpec]
    selection: Selection

    @property
    def findings(self) -> Sequence[Diagnostic]:
        """Warnings of everything read."""
        return self.session.findings


def select_tests(request: RunRequest, clock: Clock | None = None) -> Job:
    """Open the area and find out which tests take part; nothing is written.

    Raises:
        UserError, ConfigError: something is wrong with the request or the files; everything that
            is wrong is in it.
    """
    now = (clock or wiring.SystemClock()).now()
    runname = request.runname or default_runname(now)
    session = open_target(request.area, request.target, runname, request.mode_key)
    _check_target(session, request)
    directories = session.tests()
    pattern = _pattern(session, request)
    specs: dict[str, TestSpec] = {}

    def look_up(name: str) -> TestSpec:
        specs[name] = _load(session, name, directories[name])
        return specs[name]

    tags = parse_words(request.tags) if request.tags else None
    selection = select(directories.keys(), look_up, pattern, tags)
    _check_runnable(selection)
    return Job(
        session=session,
        request=request,
        runname=runname,
        directories=directories,
        specs=specs,
        selection=selection,
    )


def _check_target(session: Session, request: RunRequest) -> None:
    runconfig = session.runconfig
    if request.require_target and runconfig is not None and not runconfig.found_target:
        known = ", ".join(s for s in runconfig.sections if s != "default") or "none"
        raise UserError(
            f"target {session.target} is not a section of {runconfig.path}", hint=f"its targets: {known}"
        )


def _pattern(session: Session, request: RunRequest) -> Pattern:
    runconfig = session.runconfig
    configured = runconfig.testpatt if runconfig is not None else None
    if request.mode_key and not configured:
        raise UserError(f"runconfigs has no test pattern {request.mode_key!r} for target {session.target}")
    if request.mode_key:
        return parse_pattern(configured or "")
    return parse_pattern(request.pattern or configured or "%")


def _load(session: Session, name: str, directory: str) -> TestSpec:
    environ = {**session.environ, "MT_TEST_NAME": name}
    loaded = load_test(
        session.area,
        name,
        directory,
        env=environ,
        cache=session.cache,
        runconfig=session.runconfig,
        purpose=Purpose.SCAN,
    )
    session.findings.extend(f for f in loaded.findings if f.severity is not Severity.ERROR)
    if any(f.severity is Severity.ERROR for f in loaded.findings):
        raise ConfigError(loaded.findings)
    return loaded.value


def _check_runnable(selection: Selection) -> None:
    if not any(test.asked for test in selection.tests.values()):
        raise UserError(
            f"no test matches {str(selection.pattern)!r}", hint="see which there are: megatest list --tests"
        )


def dry_run(job: Job) -> tuple[Sequence[Planned], Plan]:
    """Return what would run, in order, with the reasons; nothing is written.

    Raises:
        ConfigError: as `run_tests` would.
    """
    records: Sequence[TestRecord] = ()
    past: Mapping[TestId, float] = {}
    if os.path.exists(job.session.database):
        store = wiring.open_records(job.session, read_only=True)
        assert job.session.target is not None
        run = store.run(job.session.target, job.runname)
        records = store.tests(run.id) if run is not None else ()
        past = store.past_durations(job.selection.tests)
    plan = _plan(job, records, past)
    plan.begin()
    return plan.order(), plan


def _plan(job: Job, records: Iterable[TestRecord], past: Mapping[TestId, float]) -> Plan:
    area, request = job.session.area, job.request
    plan = Plan(limits=_limits(job), past_durations=past)
    rerun = RerunRequest(
        force=request.force,
        rerun=frozenset(request.rerun) if request.rerun is not None else None,
        keepgoing=request.keepgoing,
        everything=request.rerun_all,
        clean_states=frozenset(area.clean_rerun_states) if request.rerun_clean else frozenset(),
        clean_statuses=frozenset(area.clean_rerun_statuses) if request.rerun_clean else frozenset(),
    )
    priors = {record.test_id: _prior(record) for record in records}
    plan.add(job.selection, rerun, priors)
    return plan


def _prior(record: TestRecord) -> Prior:
    return Prior(
        state=record.state,
        status=record.status,
        attempt=record.attempt,
        accounted=record.state in ACTIVE,
        is_parent=record.is_parent,
    )


def _limits(job: Job) -> Limits:
    area, request = job.session.area, job.request

    def demand(test_id: TestId, executor: str) -> Demand:
        spec = job.specs.get(test_id.test)
        chosen = executor or choose(area, test_id, job.session.environ, request.executor).executor
        if spec is None:
            return Demand(executor=chosen)
        return demand_of_spec(spec, area.pools.keys(), chosen)

    settings = LimitSettings(
        max_concurrent_jobs=request.jobs if request.jobs is not None else area.max_concurrent_jobs,
        jobgroups=area.jobgroups,
        pools=area.pools,
        slots={LOCAL: local_slots(area, request.jobs)},
    )
    return Limits(settings, demand)


def local_slots(area: Area, jobs: int | None) -> int:
    """Return how many tests run on this machine at once."""
    return jobs or area.max_concurrent_jobs or len(os.sched_getaffinity(0))


@dataclass(slots=True, kw_only=True)
class RunReport:
    """How a run of this command went.

    Attributes:
        run: the run's record.
        outcome: the engine's counts.
        adopted: tests of an earlier engine that this one took over.
    """

    run: RunRecord
    outcome: Outcome
    adopted: int = 0


def run_tests(job: Job, *, watcher: Watcher, interrupts: Interrupts, clock: Clock | None = None) -> RunReport:
    """Register the run, recover what an earlier engine left, run the plan to its end.

    Raises:
        UserError: another engine holds the run; the plan cannot be made.
        EnvironmentFault: the database or the disks do not play along.
        LeaseLost: another engine took the run over.
    """
    clock = clock or wiring.SystemClock()
    store = wiring.open_records(job.session, create=True)
    target = job.session.target
    assert target is not None
    user = wiring.user_name(job.session.request.environ)
    run = store.register_run(
        target, job.runname, owner=user, comment=job.request.comment, time=int(clock.now())
    )
    lease = _lease(store, run, wiring.this_process(user))
    try:
        return _run_with_lease(job, run, lease, store, watcher, interrupts, clock)
    finally:
        store.release(lease)
        store.close()


def _lease(store: wiring.AllRecords, run: RunRecord, me: Holder) -> Lease:
    answer = store.acquire_lease(run.id, me)
    if isinstance(answer, Lease):
        return answer
    if wiring.is_dead(answer):
        return store.take_over(run.id, answer.token, me)
    raise UserError(
        f"run {run.name} is being run by process {answer.pid} on {answer.host} (user {answer.user})",
        hint="wait for it with: megatest wait",
    )


def _run_with_lease(
    job: Job,
    run: RunRecord,
    lease: Lease,
    store: wiring.AllRecords,
    watcher: Watcher,
    interrupts: Interrupts,
    clock: Clock,
) -> RunReport:
    area = job.session.area
    inherited = inherited_environment(job.session.request.environ)
    workarea = WorkAreaOnDisk(
        area,
        monotonic=clock.monotonic,
        now=clock.now,
        environment=inherited,
        python=sys.executable,
        home=inherited.get("HOME", ""),
    )
    records = store.tests(run.id)
    executors = wiring.make_executors(
        area, _executor_names(job, records), local_slots(area, job.request.jobs)
    )
    try:
        ledger = Ledger(run_id=run.id, store=store, lease=lease, clock=clock, records=records)
        adopted = recover(
            records,
            ledger=ledger,
            executors=executors,
            workarea=workarea,
            clock=clock,
            job_prefix=wiring.job_prefix(area),
        )
        ledger.commit()
        plan = _plan(job, store.tests(run.id), store.past_durations(job.selection.tests))
        context = RunContext(
            run_id=run.id,
            target=run.target,
            runname=run.runname,
            variables=job.request.variables,
            preclean=job.request.preclean or job.request.rerun_all or job.request.rerun_clean,
            executor=job.request.executor,
            shim=os.path.join(SHIM_DIR, "megatest"),
            inherited=inherited,
        )
        briefing = TestBriefing(
            session=job.session,
            context=context,
            directories=job.directories,
            specs=job.specs,
            history=store.history,
            clock=clock,
        )
        engine = Engine(
            plan=plan,
            ledger=ledger,
            store=store,
            workarea=workarea,
            executors=executors,
            briefing=briefing,
            watcher=watcher,
            clock=clock,
            interrupts=interrupts,
            settings=Settings(
                job_prefix=wiring.job_prefix(area),
                launch_delay_s=area.launch_delay_s,
                kill_grace_s=area.kill_grace_s,
                max_load=_max_load(area),
            ),
        )
        return RunReport(run=run, outcome=engine.run(adopted), adopted=len(adopted))
    finally:
        for executor in executors.values():
            executor.close()


def _max_load(area: Area) -> float | None:
    return None if area.max_load is None else area.max_load * (os.cpu_count() or 1)


def _executor_names(job: Job, records: Iterable[TestRecord]) -> set[str]:
    """Return the executors that the plan's tests go to, and those that have tests of ours now."""
    area, asked = job.session.area, job.request.executor
    environ = job.session.environ
    names = {choose(area, TestId(name), environ, asked).executor for name in job.selection.tests}
    if area.flexi_launcher:
        names |= {LOCAL, "command"}
    return names | {r.executor for r in records if r.state in ACTIVE and r.executor}


def inherited_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what tests inherit: the caller's environment without what an outer test set."""
    return {name: value for name, value in environ.items() if not name.startswith("MT_")}
