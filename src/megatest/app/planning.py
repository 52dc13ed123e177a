"""From a request to a plan: which tests take part, what limits them; nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from megatest.app import wiring
from megatest.app.launcher import LOCAL, choose
from megatest.app.query import default_runname
from megatest.app.request import RunRequest
from megatest.app.session import Session, open_target, refuse_errors
from megatest.app.unmatched import check_pattern
from megatest.app.unmet import check_wishes
from megatest.config.testconfig import Purpose, load_test
from megatest.config.twin import Twins
from megatest.engine.ports import Clock
from megatest.model.claim import JOBS, SLOTS
from megatest.model.error import Diagnostic, Severity, UserError
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

_WILDCARDS: Final = frozenset("%*?[")


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
    if session.has_waivers:
        from megatest.config.waivers import load_waivers

        session.findings.extend(load_waivers(session.area.home, session.cache).findings)
    _check_target(session, request)
    if not _WILDCARDS.isdisjoint(runname):
        raise UserError(
            f"run name {runname!r} has a wildcard, and no command could mean this run alone",
            hint="choose a name without % * ? [",
        )
    directories = session.tests()
    pattern = _pattern(session, request)
    specs: dict[str, TestSpec] = {}
    twins = Twins()

    def look_up(name: str) -> TestSpec:
        specs[name] = _load(session, name, directories[name], twins)
        return specs[name]

    tags = parse_words(request.tags) if request.tags else None
    selection = select(directories.keys(), look_up, pattern, tags)
    session.cache.forget_copies()
    _check_runnable(selection, request.tags)
    _keep_warnings(session, check_pattern(pattern, directories, specs))
    session.findings.extend(check_wishes(session, specs, request.executor))
    return Selected(
        session=session,
        request=request,
        runname=runname,
        directories=directories,
        specs=specs,
        selection=selection,
    )


def _check_target(session: Session, request: RunRequest) -> None:
    target = str(session.target)
    if not _WILDCARDS.isdisjoint(target):
        raise UserError(
            f"target {target!r} has a wildcard, and a run has one target",
            hint="give each field one value; see: megatest targets",
        )
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


def _load(session: Session, name: str, directory: str, twins: Twins) -> TestSpec:
    environ = {**session.environ, "MT_TEST_NAME": name}
    loaded = load_test(
        session.area,
        name,
        directory,
        env=environ,
        cache=session.cache,
        runconfig=session.runconfig,
        purpose=Purpose.SCAN,
        twins=twins,
    )
    spec = loaded.value
    if not (spec.depends_on_items or spec.items_need_upstream):
        session.cache.forget(spec.config_file)  # the others are evaluated again when they start
    _keep_warnings(session, loaded.findings)
    return spec


def _keep_warnings(session: Session, findings: Sequence[Diagnostic]) -> None:
    """Keep the warnings for the user; raise if there is an error among the findings."""
    session.findings.extend(f for f in findings if f.severity is not Severity.ERROR)
    refuse_errors(findings)


def _check_runnable(selection: Selection, tags: str) -> None:
    if any(test.asked for test in selection.tests.values()):
        return
    pattern = str(selection.pattern)
    if tags:
        raise UserError(
            f"no test that matches {pattern!r} has a tag that matches {tags!r}",
            hint="a test's tags are in [test_meta] tags of its testconfig",
        )
    raise UserError(f"no test matches {pattern!r}", hint="see which there are: megatest run --dry-run %")


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
        auto=frozenset(area.auto_rerun),
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
    known: dict[tuple[str, object, str], Demand] = {}

    def demand(test_id: TestId, executor: str) -> Demand:
        spec = selected.specs.get(test_id.test)
        chosen = executor or choose(area, test_id, selected.session.environ, request.executor).executor
        if spec is None:
            return Demand(executor=chosen)
        says = spec.meta.jobgroup, spec.requirements.pools, chosen
        if says not in known:
            known[says] = demand_of_spec(spec, area.pools.keys(), chosen)
        return known[says]

    settings = LimitSettings(
        max_concurrent_jobs=request.jobs if request.jobs is not None else area.max_concurrent_jobs,
        jobgroups=area.jobgroups,
        pools=area.pools,
        slots={**_batch_slots(area), LOCAL: local_slots(area, request.jobs)},
        # Who asks for so many tests at once means this run's, whatever others do.
        own=frozenset({(JOBS, ""), (SLOTS, LOCAL)}) if request.jobs is not None else frozenset(),
    )
    return Limits(settings, demand)


def _batch_slots(area: Area) -> dict[str, int]:
    """Return the limits of executors' sections; what is no number is refused when one is made."""
    texts = {name: keys.get("slots", "").strip() for name, keys in area.executors.items()}
    return {name: int(text) for name, text in texts.items() if text.isascii() and text.isdigit()}


def local_slots(area: Area, jobs: int | None) -> int:
    """Return how many tests run on this machine at once."""
    return jobs or area.max_concurrent_jobs or len(os.sched_getaffinity(0))
