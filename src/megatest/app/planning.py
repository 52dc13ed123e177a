"""From a request to a plan: which tests take part, what limits them; nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from megatest.app import wiring
from megatest.app.launcher import LOCAL, choose
from megatest.app.query import default_runname
from megatest.app.request import RunRequest
from megatest.app.session import Session, open_target
from megatest.config.testconfig import Purpose, load_test
from megatest.config.waivers import load_waivers
from megatest.engine.ports import Clock
from megatest.model.error import ConfigError, Diagnostic, Severity, UserError
from megatest.model.ids import TestId
from megatest.model.pattern import Pattern, parse_pattern, parse_words
from megatest.model.record import TestRecord
from megatest.model.slotted import dataclass
from megatest.model.spec import Area, TestSpec
from megatest.model.status import ACTIVE
from megatest.plan.explain import Planned
from megatest.plan.limits import Demand, Limits, LimitSettings, demand_of_spec
from megatest.plan.plan import Plan
from megatest.plan.rerun import Prior, RerunRequest
from megatest.plan.select import Selection, select


@dataclass(slots=True, kw_only=True)
class Selected:
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


def select_tests(request: RunRequest, clock: Clock | None = None) -> Selected:
    """Open the area and find out which tests take part; nothing is written.

    Raises:
        UserError, ConfigError: something is wrong with the request or the files; everything that
            is wrong is in it.
    """
    now = (clock or wiring.SystemClock()).now()
    runname = request.runname or default_runname(now)
    session = open_target(request.area, request.target, runname, request.mode_key)
    session.findings.extend(load_waivers(session.area.home, session.cache).findings)
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
    return Selected(
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


def dry_run(selected: Selected) -> tuple[Sequence[Planned], Plan]:
    """Return what would run, in order, with the reasons; nothing is written.

    Raises:
        ConfigError: as `run_tests` would.
    """
    records: Sequence[TestRecord] = ()
    past: Mapping[TestId, float] = {}
    store = wiring.open_records_if_any(selected.session)
    if store is not None:
        assert selected.session.target is not None
        run = store.run(selected.session.target, selected.runname)
        records = store.tests(run.id) if run is not None else ()
        past = store.past_durations(selected.selection.tests)
    plan = make_plan(selected, records, past)
    plan.begin()
    return plan.order(), plan


def make_plan(selected: Selected, records: Iterable[TestRecord], past: Mapping[TestId, float]) -> Plan:
    """Return a plan for what was selected, given the run's records."""
    plan = Plan(limits=_limits(selected), past_durations=past)
    priors = {record.test_id: _prior(record) for record in records}
    plan.add(selected.selection, rerun_request(selected), priors)
    return plan


def rerun_request(selected: Selected) -> RerunRequest:
    """Return what a request says about tests that have results."""
    area, request = selected.session.area, selected.request
    return RerunRequest(
        force=request.force,
        rerun=frozenset(request.rerun) if request.rerun is not None else None,
        keepgoing=request.keepgoing,
        everything=request.rerun_all,
        clean_states=frozenset(area.clean_rerun_states) if request.rerun_clean else frozenset(),
        clean_statuses=frozenset(area.clean_rerun_statuses) if request.rerun_clean else frozenset(),
    )


def _prior(record: TestRecord) -> Prior:
    return Prior(
        state=record.state,
        status=record.status,
        attempt=record.attempt,
        accounted=record.state in ACTIVE,
        is_parent=record.is_parent,
    )


def _limits(selected: Selected) -> Limits:
    area, request = selected.session.area, selected.request

    def demand(test_id: TestId, executor: str) -> Demand:
        spec = selected.specs.get(test_id.test)
        chosen = executor or choose(area, test_id, selected.session.environ, request.executor).executor
        if spec is None:
            return Demand(executor=chosen)
        return demand_of_spec(spec, area.pools.keys(), chosen)

    settings = LimitSettings(
        max_concurrent_jobs=request.jobs if request.jobs is not None else area.max_concurrent_jobs,
        jobgroups=area.jobgroups,
        pools=area.pools,
        slots={**_slots_of_sections(area), LOCAL: local_slots(area, request.jobs)},
    )
    return Limits(settings, demand)


def _slots_of_sections(area: Area) -> dict[str, int]:
    """Return the slots that ``[executor NAME]`` sections set; what is no number is refused elsewhere."""
    slots = {name: keys.get("slots", "").strip() for name, keys in area.executors.items()}
    return {name: int(text) for name, text in slots.items() if text.isascii() and text.isdecimal()}


def local_slots(area: Area, jobs: int | None) -> int:
    """Return how many tests run on this machine at once."""
    return jobs or area.max_concurrent_jobs or len(os.sched_getaffinity(0))
