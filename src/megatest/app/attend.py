"""What a command does for a run that no engine holds: settle what ended, end what must end.

A test outlives the engine that launched it.  A command that looks later takes the run's lease
for a moment, reads the journals, and lets the engine's own recovery say what became of each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from megatest.app import wiring
from megatest.app.launcher import LOCAL
from megatest.app.planning import local_slots
from megatest.app.scene import Scene, open_scene
from megatest.app.session import Session
from megatest.engine.interrupt import Interrupts
from megatest.engine.outcome import Outcome
from megatest.engine.ports import Addition, Brief, Clock, Watcher
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.ids import TestId
from megatest.model.lease import Holder, Lease, LeaseLost
from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.status import ACTIVE, State
from megatest.plan.items import Item
from megatest.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the functions here work with: an opened area, its records, the time."""

    session: Session
    records: wiring.AllRecords
    clock: Clock


def living_holder(records: wiring.AllRecords, run: RunRecord) -> Holder | None:
    """Return the process that holds a run, unless it is surely gone."""
    holder = records.holder(run.id)
    return None if holder is None or wiring.is_dead(holder) else holder


@contextmanager
def hold(desk: Desk, run: RunRecord) -> Iterator[Lease | None]:
    """Hold a run for as long as the block lasts; None if another living process holds it."""
    me = wiring.this_process(wiring.user_name(desk.session.request.environ))
    lease = _lease(desk.records, run, me)
    try:
        yield lease
    finally:
        if lease is not None:
            desk.records.release(lease)


def _lease(records: wiring.AllRecords, run: RunRecord, me: Holder) -> Lease | None:
    answer = records.acquire_lease(run.id, me)
    if isinstance(answer, Lease):
        return answer
    if not wiring.is_dead(answer):
        return None
    try:
        return records.take_over(run.id, answer.token, me)
    except LeaseLost:
        return None  # another command was faster


def settle_left(desk: Desk, run: RunRecord) -> int:
    """Settle every test of a run that ended, or is gone, since no engine looks after it.

    Tests of another host are left alone: from here nothing can be said about them.

    Returns:
        How many still live; 0 also if a living engine holds the run.
    """
    with hold(desk, run) as lease:
        if lease is None:
            return 0
        under_way = desk.records.tests(run.id, states=ACTIVE)
        chosen = [test for test in under_way if not test.is_parent and not is_elsewhere(test)]
        scene = _open(desk, run, lease, chosen)
        try:
            alive = len(scene.recover(chosen))
            scene.sweep()
        finally:
            scene.close()
    return alive


def is_elsewhere(test: TestRecord) -> bool:
    """Return whether a test's process can only be asked about on another host."""
    return test.executor == LOCAL and test.host not in ("n/a", "", os.uname().nodename)


def end_left(desk: Desk, run: RunRecord, watcher: Watcher, interrupts: Interrupts) -> Outcome | None:
    """End every test of a run whose end was asked for, in place of the engine that it does not have.

    Returns:
        What ended; None if a living engine holds the run and will see to it.

    Raises:
        EnvironmentFault: one of them runs on another host; nothing was ended.
    """
    asked = desk.records.tests(run.id, states=[State.KILLREQ])
    far = next((test for test in asked if is_elsewhere(test)), None)
    if far is not None:
        raise EnvironmentFault(
            f"{far.test_id} runs on {far.host}, and no engine that could end it holds run {run.name}",
            hint=f"give the same command on {far.host}; the request stands",
        )
    with hold(desk, run) as lease:
        if lease is None:
            return None
        chosen = [test for test in asked if not test.is_parent]
        scene = _open(desk, run, lease, chosen)
        try:
            adopted = scene.recover(chosen)
            engine = scene.engine(Plan(), _NothingToBrief(), _NothingToTake(), watcher, interrupts)
            return engine.run(adopted)
        finally:
            scene.close()


def _open(desk: Desk, run: RunRecord, lease: Lease, chosen: Sequence[TestRecord]) -> Scene:
    return open_scene(
        desk.session,
        desk.records,
        run,
        lease,
        desk.clock,
        executors={test.executor for test in chosen if test.executor},
        slots=local_slots(desk.session.area, None),
    )


class _NothingToTake:
    """The intake of an engine that only looks after what is left."""

    def take(self) -> Sequence[Addition]:
        return ()


class _NothingToBrief:
    """The briefing of an engine that launches nothing."""

    def brief(self, test_id: TestId, row: int, attempt: int) -> Brief:
        raise UserError(f"{test_id} cannot be launched by this command")

    def why_skip(self, test_id: TestId) -> str:
        return ""

    def run_limit_s(self, test_id: TestId) -> float | None:
        return None

    def items(self, test: str) -> Sequence[Item]:
        raise UserError(f"the items of {test} cannot be evaluated by this command")
