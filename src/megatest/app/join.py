"""A second ``megatest run`` on a run that an engine holds: hand over the request, then watch.

The request goes through the store; the engine adds it to its plan.  This command shows what
ends until the run is free.  If the engine died before it took the request, this command becomes
the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from megatest.app.hold import Door
from megatest.engine.interrupt import Interrupts, Level
from megatest.engine.ports import Waiter, Watcher
from megatest.model.lease import Holder, Lease
from megatest.model.record import TestRecord
from megatest.model.status import ACTIVE, State, Status

_LOOK_EVERY_S = 0.5


def watch_until_free(
    door: Door, holder: Holder, *, watcher: Watcher, interrupts: Interrupts, waiter: Waiter
) -> Lease | None:
    """Show what ends in a run until its engine is gone.

    Returns:
        The lease, which is ours now; None if the user interrupted the watching.
    """
    run = door.run
    watcher.said(
        f"run {run.name} is held by process {holder.pid} on {holder.host}; "
        "it gets the request, this command watches"
    )
    # The number before the tests: what is committed between the two reads is then told once more, and
    # known already.  The other way round it would be neither known nor told.
    seq, _ = door.store.tests_since(run.id, 0)
    seen = {test.id: test for test in door.store.tests(run.id)}
    while interrupts.level is Level.NONE:
        answer = door.try_to_enter()
        seq, changed = door.store.tests_since(run.id, seq)
        _show(changed, seen, watcher)
        watcher.counted(*_counts(seen.values()))
        if isinstance(answer, Lease):
            return answer
        waiter.wait([interrupts.fd], _LOOK_EVERY_S)
        interrupts.drain_wakeups()
    watcher.said(f"no longer watching; run {run.name} goes on")
    return None


def _show(changed: Sequence[TestRecord], seen: dict[int, TestRecord], watcher: Watcher) -> None:
    for test in changed:
        before = seen.get(test.id)
        seen[test.id] = test
        if test.is_parent:
            continue
        if test.state in ACTIVE and (before is None or before.attempt != test.attempt):
            watcher.launched(test.test_id, test.attempt)
        if _is_settled(test) and (before is None or not _same_result(before, test)):
            took = test.run_duration_s
            watcher.ended(test.test_id, test.state, test.status, took, test.comment, test.flaky)


def _is_settled(test: TestRecord) -> bool:
    return test.state not in ACTIVE and not (test.state == State.NOT_STARTED and test.status == Status.NA)


def _same_result(before: TestRecord, after: TestRecord) -> bool:
    return (before.state, before.status, before.attempt) == (after.state, after.status, after.attempt)


def _counts(tests: Iterable[TestRecord]) -> tuple[int, int]:
    running = waiting = 0
    for test in tests:
        if not test.is_parent:
            running += test.state in ACTIVE
            waiting += test.state == State.NOT_STARTED and test.status == Status.NA
    return running, waiting
