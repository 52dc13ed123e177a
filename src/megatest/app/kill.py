"""Ending tests, and waiting for tests to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from megatest.app.attend import Desk, end_left, living_holder, settle_left
from megatest.app.edit import Author, request_kill, still_active
from megatest.app.query import TestFilter, find_tests
from megatest.app.runjournal import open_run_log
from megatest.engine.interrupt import Interrupts
from megatest.engine.ports import Watcher
from megatest.model.lease import Holder
from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.status import State
from megatest.reports.verdict import needs_attention

_FIRST_LOOK_S = 0.05
_LONGEST_LOOK_S = 1.0
_SLACK_S = 10.0
"""Beyond the grace: for an engine that is busy, or a host that is far away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillReport:
    """What became of the tests whose end was asked for.

    Attributes:
        asked: the tests that were under way.
        left: those in which a process may still exist.
        holder: the engine that was asked; None if this command ended them itself.
    """

    asked: Sequence[TestRecord] = ()
    left: Sequence[TestRecord] = ()
    holder: Holder | None = None


def kill_tests(
    desk: Desk,
    run: RunRecord,
    which: TestFilter,
    *,
    reason: str,
    author: Author,
    watcher: Watcher,
    wait: bool = True,
) -> KillReport:
    """End tests with every process of theirs.

    The engine that holds the run is asked to, and not to start those that still wait; if there is none,
    this command does it itself.

    Args:
        desk: the area and its records.
        run: of which run.
        which: of which tests.
        reason, author: for the audit.
        watcher: hears of tests that this command itself ended.
        wait: until nothing is left of them, at most for the area's grace and ten seconds more;
            without, an engine is only asked.
    """
    log = open_run_log(desk.session, run)
    held = living_holder(desk.records, run) is not None
    asked = request_kill(desk.records, run, which, held=held, reason=reason, author=author, log=log)
    log.close()
    if not asked:
        return KillReport()
    rows = [test.id for test in asked]
    holder = living_holder(desk.records, run)
    if holder is None:
        with Interrupts() as interrupts:
            end_left(desk, run, watcher, interrupts)
    elif wait:
        patience = desk.session.area.kill_grace_s + _SLACK_S
        wait_until(lambda: not still_active(desk.records, run, rows), timeout_s=patience)
    return KillReport(asked=asked, left=still_active(desk.records, run, rows), holder=holder)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitReport:
    """How tests stood when the wait was over.

    Attributes:
        over: nothing of them is under way any more; False: the time was up.
        tests: the tests that were waited for, parents left out.
        bad: those that did not come out well, or did not start.
        under_way: those that are.
    """

    over: bool
    tests: Sequence[TestRecord]
    bad: Sequence[TestRecord]
    under_way: Sequence[TestRecord]


def wait_for(
    desk: Desk, run: RunRecord, which: TestFilter, *, states: Collection[str] = (), timeout_s: float | None
) -> WaitReport:
    """Wait until nothing of a run's tests is under way.

    A test is under way while a process of it may exist, and while a living engine has it on its
    list.  What ends without an engine is settled here.

    Args:
        desk: the area and its records.
        run: of which run.
        which: of which tests.
        states: only these count as being under way; empty for the rule above.
        timeout_s: how long at most; None for ever.
    """

    def look() -> tuple[bool, list[TestRecord]]:
        held = living_holder(desk.records, run) is not None
        if not held:
            settle_left(desk, run)
        tests = [t for t in find_tests(desk.records, run, which) if not t.is_parent]
        if states:
            return False, [t for t in tests if t.state in states]
        return held and not which.pattern, [t for t in tests if t.is_under_way(held=held)]

    def is_over() -> bool:
        held, under_way = look()
        return not held and not under_way

    over = wait_until(is_over, timeout_s=timeout_s)
    tests = [t for t in find_tests(desk.records, run, which) if not t.is_parent]
    bad = [t for t in tests if needs_attention(t.state, t.status) or t.state == State.NOT_STARTED]
    return WaitReport(over=over, tests=tests, bad=bad, under_way=[] if over else look()[1])


def wait_until(
    is_over: Callable[[], bool],
    *,
    timeout_s: float | None,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Ask again and again, ever less often, at least once a second.

    Returns:
        Whether it was over before the time was up.
    """
    deadline = None if timeout_s is None else monotonic() + timeout_s
    pause = _FIRST_LOOK_S
    while not is_over():
        left = None if deadline is None else deadline - monotonic()
        if left is not None and left <= 0:
            return False
        sleep(pause if left is None else min(pause, left))
        pause = min(_LONGEST_LOOK_S, pause * 1.5)
    return True
