"""Why a test waits, ran, did not run, or has its status: sentences with the values compared."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from megatest.app import wiring
from megatest.app.planning import dry_run, select_tests
from megatest.app.query import RunFilter, default_runname, find_runs
from megatest.app.queueing import about_limits
from megatest.app.request import RunRequest
from megatest.app.session import AreaRequest, Session, open_area
from megatest.model.error import ConfigError
from megatest.model.ids import TestId
from megatest.model.record import AttemptRecord, EditRecord, RunRecord, StepRecord, TestRecord
from megatest.model.status import ACTIVE, State, Status
from megatest.plan.explain import MAY_START, Planned
from megatest.plan.plan import Plan
from megatest.reports import listing


def why(request: AreaRequest, test: str, *, target: str = "", runname: str = "") -> list[str]:
    """Return what there is to say about a test of a run, the present first, then the next run.

    Args:
        request: which area.
        test: ``TEST`` or ``TEST/ITEM``.
        target, runname: which run; the newest one by default.

    Raises:
        UserError: there is no such test or item, neither in the area nor in the run.
    """
    session = open_area(request)
    name, _, item = test.partition("/")
    test_id = TestId(name, item)
    store = wiring.open_records_if_any(session)
    run = _run(store, session, target, runname)
    record = store.test(run.id, test_id) if store is not None and run is not None else None
    sentences: list[str] = []
    if store is not None and run is not None and record is not None:
        steps, edits = store.steps(record.id), store.edits(record.id)
        sentences += _about_record(run, record, steps, edits, store.attempts(record.id))
        holder = store.holder(run.id)
        if holder is not None and record.state not in (State.COMPLETED, State.KILLED):
            sentences.append(f"The run is held by process {holder.pid} on {holder.host} ({holder.user}).")
    try:
        planned, plan = _plan_next(request, run, target, runname, test_id)
    except ConfigError as error:
        if record is None:
            raise
        return [*sentences, f"The next run would refuse it: {error.message}."]
    limits: list[str] = []
    if store is not None and run is not None and plan.is_ready(test_id):
        limits = about_limits(store, run, plan, test_id, record)
    return sentences + _about_next(planned, plan, test_id, record, waits=bool(limits)) + limits


def _run(store: wiring.AllRecords | None, session: Session, target: str, runname: str) -> RunRecord | None:
    if store is None:
        return None
    runs = find_runs(store, session.area.field_names, RunFilter(target=target, runname=runname))
    return runs[-1] if runs else None


def _about_record(
    run: RunRecord,
    record: TestRecord,
    steps: Sequence[StepRecord],
    edits: Sequence[EditRecord],
    attempts: Sequence[AttemptRecord],
) -> list[str]:
    """Say how the test stands in its run, and because of what."""
    head = f"{record.test_id} is {record.state}/{record.status} in run {run.name}"
    sentences = [f"{head}: {record.comment}." if record.comment else f"{head}."]
    if record.is_parent:
        sentences.append(
            f"It sums up its items: {record.pass_count} passed, {record.fail_count} failed; "
            f"see: megatest list {shlex.quote(record.test_id.test)}"
        )
        return sentences
    failed = [s for s in steps if s.state == "end" and s.status not in ("0", "PASS", "pass", "n/a")]
    if record.status == Status.FAIL and failed:
        step = failed[0]
        log = f", its log is {record.rundir}/{step.logfile}" if step.logfile else ""
        sentences.append(f"Step {step.stepname} ended with {step.status}{log}.")
    sentences += _about_failure(record, attempts)
    if record.state in ACTIVE:
        sentences.append(
            f"Attempt {record.attempt} was last heard of at {listing.moment(record.event_time)}."
        )
    elif record.attempt:
        took = listing.duration(record.run_duration_s)
        sentences.append(
            f"That is the result of attempt {record.attempt}, which ended at "
            f"{listing.moment(record.event_time)} after {took} on {record.host}."
        )
    if edits:
        edit = edits[-1]
        change = f"from {edit.old_state}/{edit.old_status} to {edit.new_state}/{edit.new_status}"
        when = listing.moment(edit.time)
        sentences.append(f"{edit.user} set it by hand at {when} {change}: {edit.reason}.")
    return sentences


def _about_failure(record: TestRecord, attempts: Sequence[AttemptRecord]) -> list[str]:
    """Say what the failure has in common with others, and what came before the latest attempt."""
    sentences = []
    if record.signature:
        text = record.failure.replace("\n", " | ")
        alike = f"see: megatest triage {shlex.quote(record.test_id.test)}"
        sentences.append(f"Its failure is {record.signature}: {text} ({alike}).")
    if record.flaky:
        times = f"{record.retries} time{'' if record.retries == 1 else 's'}"
        sentences.append(f"It is flaky: it failed {times} before it passed.")
    before = [a for a in attempts if a.attempt < record.attempt or record.state == State.NOT_STARTED]
    if before and record.retries:
        ends = ", ".join(f"{a.attempt} {a.status} {a.signature}".rstrip() for a in before)
        sentences.append(f"Its earlier attempts: {ends}.")
    return sentences


def _plan_next(
    request: AreaRequest, run: RunRecord | None, target: str, runname: str, test_id: TestId
) -> tuple[Sequence[Planned], Plan]:
    """Return what a plain ``megatest run`` of the same run would do."""
    wanted = RunRequest(
        area=request,
        target=str(run.target) if run is not None else target,
        runname=run.runname if run is not None else runname or default_runname(wiring.SystemClock().now()),
        pattern=str(test_id),
    )
    return dry_run(select_tests(wanted))


def _about_next(
    planned: Sequence[Planned], plan: Plan, test_id: TestId, record: TestRecord | None, *, waits: bool
) -> list[str]:
    """Say what the next run would do with a test; waits: for limits, of which more is said."""
    reasons = [reason for reason in _reasons(plan, test_id) if not (waits and reason.startswith(MAY_START))]
    if not reasons:
        return []
    runs = any(line.test_id == test_id or line.test_id.test == test_id.test for line in planned)
    before = [str(line.test_id) for line in planned if line.test_id.test != test_id.test]
    head = "The next run would run it" if runs else "The next run would not run it"
    if record is not None and record.state in ACTIVE:
        head = "A second run now would leave it alone"
    sentences = [f"{head}: {'; '.join(reasons)}."]
    if runs and before:
        names = ", ".join(before[:5]) + (f" and {len(before) - 5} more" if len(before) > 5 else "")
        sentences.append(f"Before it would run: {names}.")
    return sentences


def _reasons(plan: Plan, test_id: TestId) -> list[str]:
    return [
        text.removeprefix("it does not run: ").removeprefix("it runs because ") for text in plan.why(test_id)
    ]
