"""What happened: runs, tests, steps, as the store keeps them."""

from __future__ import annotations

from typing import NamedTuple

from megatest.model.ids import Target, TestId
from megatest.model.rundir import NO_LOG
from megatest.model.slotted import dataclass
from megatest.model.status import ACTIVE, State, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: a named execution for one target."""

    id: int
    target: Target
    runname: str
    state: str
    status: str
    owner: str
    event_time: int
    comment: str
    fail_count: int
    pass_count: int

    @property
    def name(self) -> str:
        """Target and run name, as users write it: ``a/b/name``."""
        return f"{self.target}/{self.runname}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRecord:
    """One test of a run, one of its items, or (item path empty, items exist) their parent.

    Attributes:
        id: the row.
        run_id: the run's row.
        test_id: test and item.
        state, status: see `megatest.model.status`; free text is possible.
        attempt: number of the latest attempt; 0 before the first.
        is_parent: whether it only rolls up items.
        host, uname: of the latest attempt; ``n/a`` before.
        cpuload: one-minute load of the host; -1 before.
        diskfree_kib: free space of the disk that holds the run directory; -1 before.
        rundir: path of the run directory through the link tree; ``n/a`` before.
        shortdir: its real path.
        final_logf: the log a reader should open, relative to the run directory.
        run_duration_s: seconds of the latest attempt, so far or in all.
        comment: the latest comment.
        event_time: seconds since the epoch of the latest change.
        fail_count, pass_count: of a parent: its items.
        executor: which executor has or had the latest attempt; empty before.
        handle: what finds its job again; empty if nothing runs.
        flaky: it passed after an attempt that had failed.
        retries: of how many attempts before this one the failure was not accepted as the result;
            with state NOT_STARTED the next such attempt is due.
        signature, failure: id and text of the latest failure's signature; empty without.
    """

    id: int
    run_id: int
    test_id: TestId
    state: str
    status: str
    attempt: int = 0
    is_parent: bool = False
    host: str = "n/a"
    uname: str = "n/a"
    cpuload: float = -1.0
    diskfree_kib: int = -1
    rundir: str = "n/a"
    shortdir: str = ""
    final_logf: str = NO_LOG
    run_duration_s: float = 0
    comment: str = ""
    event_time: int = 0
    fail_count: int = 0
    pass_count: int = 0
    executor: str = ""
    handle: str = ""
    flaky: bool = False
    retries: int = 0
    signature: str = ""
    failure: str = ""

    def is_under_way(self, *, held: bool) -> bool:
        """Return whether it may have a process, or will: an engine that holds its run is going to start it.

        Args:
            held: such an engine lives.
        """
        if self.is_parent:
            return False
        waits = self.state == State.NOT_STARTED and self.status == Status.NA
        return self.state in ACTIVE or (held and waits)


class Glance(NamedTuple):
    """What a list shows of one test; the fields are those of its `TestRecord`.

    Half as much as a record, so it is read in half the time: a screen shows thousands.
    """

    test: str
    item: str
    state: str
    status: str
    attempt: int
    host: str
    run_duration_s: float
    comment: str
    event_time: int
    is_parent: int
    flaky: int

    @property
    def test_id(self) -> TestId:
        """Test and item."""
        return TestId(self.test, self.item)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """The latest word about one step in one state (``start``, ``end``, or the test's own words)."""

    test_row: int
    stepname: str
    state: str
    status: str
    event_time: int
    comment: str = ""
    logfile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """How one attempt of a test came out that is not its latest any more."""

    test_row: int
    attempt: int
    state: str
    status: str
    comment: str = ""
    host: str = "n/a"
    event_time: int = 0
    run_duration_s: float = 0
    signature: str = ""
    failure: str = ""


def attempt_of(test: TestRecord) -> AttemptRecord:
    """Return what a test's record says of its latest attempt."""
    return AttemptRecord(
        test_row=test.id,
        attempt=test.attempt,
        state=test.state,
        status=test.status,
        comment=test.comment,
        host=test.host,
        event_time=test.event_time,
        run_duration_s=test.run_duration_s,
        signature=test.signature,
        failure=test.failure,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRecord:
    """One measured value of a test, as it was given; unique in (test, category, variable)."""

    test_row: int
    category: str
    variable: str
    value: str = ""
    expected: str = ""
    tol: str = ""
    units: str = ""
    comment: str = ""
    status: str = "n/a"
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """What another process asks of the engine that holds a run.

    Attributes:
        id: the row; requests are taken in its order.
        kind, payload: a word and a text (JSON) that asker and engine agree on.
        time: seconds since the epoch.
    """

    id: int
    run_id: int
    kind: str
    payload: str
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRecord:
    """One change of a test's state and status by hand, and who made it why."""

    test_row: int
    time: int
    user: str
    reason: str
    old_state: str
    old_status: str
    new_state: str
    new_status: str
    comment: str
