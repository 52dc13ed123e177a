"""Run a selection of tests to its end: take the run, recover, plan, execute, report."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from megatest.app import wiring
from megatest.app.beside import run_environment
from megatest.app.briefing import RunContext, TestBriefing
from megatest.app.caretaker import Caretaker
from megatest.app.hold import Door, patience_s
from megatest.app.hooks import POST_HOOK, PRE_HOOK, run_hook
from megatest.app.intake import RequestIntake
from megatest.app.launcher import COMMAND, LOCAL, choose, executors_of_items
from megatest.app.meta import record_meta
from megatest.app.planning import Selected, local_slots, make_plan
from megatest.app.request import RUN, packed
from megatest.app.scene import open_scene
from megatest.app.session import Session, inherited_environment
from megatest.engine.interrupt import Interrupts, Level
from megatest.engine.outcome import Outcome
from megatest.engine.ports import Clock, Watcher
from megatest.engine.wait import DescriptorWaiter
from megatest.failpoint import reach
from megatest.model.error import EnvironmentFault
from megatest.model.ids import TestId
from megatest.model.lease import Lease, LeaseLost
from megatest.model.record import RequestRecord, RunRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.status import ACTIVE, GOOD, State
from megatest.workarea.linktree import link_from_area
from megatest.workarea.ondisk import SHIM_DIR


@dataclass(slots=True, kw_only=True)
class RunReport:
    """How a run of this command went.

    Attributes:
        run: the run's record.
        outcome: the counts.
    """

    run: RunRecord
    outcome: Outcome


def run_tests(
    selected: Selected, *, watcher: Watcher, interrupts: Interrupts, clock: Clock | None = None
) -> RunReport:
    """Register the run and run the selection to its end.

    If another engine holds the run, it gets the request and this command watches; if that engine
    dies, this one goes on in its place.

    Raises:
        UserError, ConfigError: the plan cannot be made.
        EnvironmentFault: the database or the disks do not play along, or another engine took the
            run over from this one.
    """
    clock = clock or wiring.SystemClock()
    session, request = selected.session, selected.request
    for name in executor_names(selected, ()):
        wiring.check_executor(session, name)
    wiring.check_disks(session, clock)
    store = wiring.open_records(session, create=True)
    try:
        assert session.target is not None, "a selection has a target"
        user = wiring.user_name(session.request.environ)
        run = store.register_run(
            session.target, selected.runname, owner=user, comment=request.comment, time=int(clock.now())
        )
        reach("run registered")
        door = Door(
            store=store,
            run=run,
            me=wiring.this_process(user),
            clock=clock,
            patience_s=patience_s(session.request.environ),
        )
        return _enter(selected, door, watcher, interrupts, clock)
    except LeaseLost as error:
        raise EnvironmentFault(
            f"another engine took run {selected.runname} over from this one; this one wrote nothing more",
            hint="this process stood still for too long; see how the run is now with: megatest list",
        ) from error
    finally:
        store.close()


def _enter(
    selected: Selected, door: Door, watcher: Watcher, interrupts: Interrupts, clock: Clock
) -> RunReport:
    """Become the run's engine, after watching another one if there is one."""
    store, run = door.store, door.run
    handed_over = 0
    answer = door.try_to_enter()
    if not isinstance(answer, Lease):
        handed_over = store.add_request(run.id, RUN, packed(selected.request), time=int(clock.now()))
        from megatest.app.join import watch_until_free

        lease = watch_until_free(
            door, answer, watcher=watcher, interrupts=interrupts, waiter=DescriptorWaiter()
        )
        if lease is None:
            return RunReport(run=run, outcome=Outcome(interrupted=interrupts.level))
        answer = lease
    reach("lease taken")
    try:
        waiting = store.take_requests(run.id, answer)
        if handed_over and not waiting and not door.relieved:
            return RunReport(run=run, outcome=_outcome_of_others(selected, store.tests(run.id)))
        others = [record for record in waiting if record.id != handed_over]
        return _execute(selected, door, answer, others, watcher, interrupts, clock)
    finally:
        reach("lease before release")
        store.release(answer)


def _outcome_of_others(selected: Selected, tests: Iterable[TestRecord]) -> Outcome:
    """Return how the selection came out in the hands of another engine."""
    outcome = Outcome()
    selection = selected.selection
    for test in tests:
        chosen = selection.tests.get(test.test_id.test)
        if test.is_parent or chosen is None or not chosen.asked:
            continue
        if not selection.pattern.matches(*test.test_id):
            continue  # an item that somebody else asked for
        if test.state == State.COMPLETED:
            outcome.good += test.status in GOOD
            outcome.bad += test.status not in GOOD
        elif test.state == State.NOT_STARTED:
            outcome.unrunnable += 1
        else:
            outcome.bad += 1
    return outcome


def _execute(
    selected: Selected,
    door: Door,
    lease: Lease,
    others: Sequence[RequestRecord],
    watcher: Watcher,
    interrupts: Interrupts,
    clock: Clock,
) -> RunReport:
    session, request, store, run = selected.session, selected.request, door.store, door.run
    began = int(clock.now())
    link_from_area(session.area.home, session.area.linktree)
    records = store.tests(run.id)
    if not records:
        _run_hook(session, run, PRE_HOOK, watcher)
    scene = open_scene(
        session,
        store,
        run,
        lease,
        clock,
        executors=executor_names(selected, records),
        slots=local_slots(session.area, request.jobs),
        specs=selected.specs,
    )
    try:
        record_meta(store, {name: spec.meta for name, spec in selected.specs.items()})
        adopted = scene.recover(records)
        records = ()  # they are as many as the run has tests, and the engine is going to keep its own
        intake = RequestIntake(
            store=store, lease=lease, selected=selected, watcher=watcher, waiting=list(others)
        )
        plan = make_plan(selected, store.tests(run.id), store.past_durations(selected.selection.tests))
        briefing = TestBriefing(
            session=session,
            context=_context(selected, run),
            directories=selected.directories,
            specs=selected.specs,
            history=store.history,
            clock=clock,
        )
        tend = Caretaker(session, store, clock, watcher)
        engine = scene.engine(plan, briefing, intake, watcher, interrupts, tend)
        outcome = engine.run(adopted)
        if outcome.interrupted is Level.NONE:
            _run_hook(session, run, POST_HOOK, watcher)
        if session.has_waivers:
            _speak_of_waivers(session, run, _ran_since(store, run, began), began, watcher)
        return RunReport(run=run, outcome=outcome)
    finally:
        scene.close()


def _run_hook(session: Session, run: RunRecord, name: str, watcher: Watcher) -> None:
    """Run a hook of the area to its end; one that fails is reported and stops nothing."""
    trouble = run_hook(session.area, name, run.name, run_environment(session, run))
    if trouble:
        watcher.said(trouble)


def _speak_of_waivers(
    session: Session, run: RunRecord, ran: Iterable[TestRecord], began: int, watcher: Watcher
) -> None:
    """Say which waivers are over or not needed any more, as far as this command ran their tests."""
    from megatest.app.waivers import day_of, remarks  # few areas have waivers

    for sentence in remarks(session, ran, run.target, day_of(began)):
        watcher.said(sentence)


def _ran_since(store: wiring.AllRecords, run: RunRecord, began: int) -> Iterator[TestRecord]:
    """Yield what this command ran; nothing is read until somebody asks."""
    yield from (test for test in store.tests(run.id) if test.event_time >= began)


def _context(selected: Selected, run: RunRecord) -> RunContext:
    request = selected.request
    return RunContext(
        run_id=run.id,
        target=run.target,
        runname=run.runname,
        variables=request.variables,
        preclean=request.preclean or request.rerun_all or request.rerun_clean,
        executor=request.executor,
        shim=os.path.join(SHIM_DIR, "megatest"),
        inherited=inherited_environment(selected.session.request.environ),
    )


def executor_names(selected: Selected, records: Iterable[TestRecord]) -> set[str]:
    """Return the executors that a selection's tests go to, and those that have tests of the run now."""
    area, asked = selected.session.area, selected.request.executor
    environ = selected.session.environ
    names = {choose(area, TestId(name), environ, asked).executor for name in selected.selection.tests}
    if area.flexi_launcher and not asked:
        # An item may go another way than its test.
        names |= {LOCAL, COMMAND} | executors_of_items(area)
    return names | {r.executor for r in records if r.state in ACTIVE and r.executor}
