"""Changes to the records, in the form in which the engine hands them to the store."""

from __future__ import annotations

from megatest.model.record import ValueRecord
from megatest.model.slotted import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TestChange:
    """New values for one test's row; None leaves a column as it is.

    Attributes:
        row: the test's row.
        expected_state: the state that the writer believes the row to have.  A row in another
            state is left alone and the change is reported back as a conflict.
        attempt: number of the attempt that this change is about.
        time: seconds since the epoch, for `event_time`; None leaves it.
    """

    row: int
    expected_state: str
    time: int | None = None
    state: str | None = None
    status: str | None = None
    attempt: int | None = None
    host: str | None = None
    uname: str | None = None
    cpuload: float | None = None
    diskfree_kib: int | None = None
    rundir: str | None = None
    shortdir: str | None = None
    final_logf: str | None = None
    run_duration_s: float | None = None
    comment: str | None = None
    fail_count: int | None = None
    pass_count: int | None = None
    executor: str | None = None
    handle: str | None = None
    flaky: bool | None = None
    retries: int | None = None
    signature: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChange:
    """A step's word: replaces what the same test, step and state said before."""

    row: int
    stepname: str
    state: str
    status: str
    time: int
    comment: str = ""
    logfile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsCleared:
    """A new attempt begins: steps and values of the test's earlier attempt leave their tables."""

    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptKept:
    """Another attempt follows: what the row says of the one that ended is copied to the attempts.

    It is about the row as the changes before it leave it; a row that has no ended attempt is passed over.
    """

    row: int


Change = TestChange | StepChange | ValueRecord | StepsCleared | AttemptKept
"""A measured value needs no form of its own: it replaces what its test, category and variable had."""
