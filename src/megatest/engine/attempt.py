"""What the engine remembers of tests and attempts while it runs them."""

from __future__ import annotations

from megatest.engine.settle import Verdict
from megatest.model.attempt import Ended, Prepared, Started, StatusSaid
from megatest.model.ids import TestId
from megatest.model.job import Job
from megatest.model.slotted import dataclass, field


@dataclass(slots=True)
class Row:
    """A test's row in the store, as this engine believes it to be.

    Attributes:
        id: the row.
        test_id: which test or item.
        state, status: what the row says once the pending changes are written.
        attempt: number of the latest attempt; 0 before the first.
        is_parent: it only rolls up items.
        retries: how many attempts before this one failed and were not accepted as the result.
        flaky: its latest result is a pass after such a failure.
        run_dir: of the latest attempt; empty before the first.
    """

    id: int
    test_id: TestId
    state: str
    status: str
    attempt: int = 0
    is_parent: bool = False
    retries: int = 0
    flaky: bool = False
    run_dir: str = ""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt between its launch and its end (mutable: the journal fills it in).

    Attributes:
        row: the test it is of.
        number: 1-based.
        executor: name of the executor that has it.
        job, prepared: what was handed over, and where it lives.
        run_limit_s: how long it may run; None for ever.
        exit_table: its script's exit code is read by the table of log rules.
        launched_at: monotonic time of the launch.
        offset: how far its journal has been read.
        started, ended: the journal's first and last records, once read.
        said: the test's latest word about itself.
        handle: what the executor finds the job by.
        ending: why we are ending it; empty while nobody asked.
        waits: why it waits in a queue; empty once it has begun.
        torn: unreadable lines of its journal.
        trouble: why its journal could not be read when it was looked at last; empty if it could.
        outcome: how it came out, while the reviewer looks at it; None before.
        lasted_s: how long it took, once it is over.
        values: status of each measured value, by category and variable.
        measured_since: some of them came after the test's latest word about itself.
    """

    row: Row
    number: int
    executor: str
    job: Job
    prepared: Prepared
    run_limit_s: float | None = None
    exit_table: bool = False
    launched_at: float = 0
    offset: int = 0
    started: Started | None = None
    ended: Ended | None = None
    said: StatusSaid | None = None
    handle: str = ""
    ending: str = ""
    waits: str = ""
    torn: int = 0
    trouble: str = ""
    outcome: Verdict | None = None
    lasted_s: float = 0
    values: dict[tuple[str, str], str] = field(default_factory=dict)
    measured_since: bool = False
