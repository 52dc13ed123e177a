"""What commands need of the records beyond the engine's own port, as Protocols.

`SqliteStore` satisfies all of them and the engine's `Store`; so will another database, and so
does the fake that the tests of other rooms use.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from megatest.model.change import Change
from megatest.model.claim import Claim, Holding, Share, Want
from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder, Lease
from megatest.model.record import (
    AttemptRecord,
    EditRecord,
    Glance,
    RequestRecord,
    RunRecord,
    StepRecord,
    TestRecord,
    ValueRecord,
)
from megatest.model.spec import TestMeta

StatusCounts = Mapping[tuple[str, str], int]
"""How many tests are in a (state, status)."""


class Clock(Protocol):
    """The time of day."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...


class Reading(Protocol):
    """Queries.  None of them waits for a writer; each sees one consistent state."""

    def runs(self, predicate: Callable[[RunRecord], bool] | None = None) -> Sequence[RunRecord]:
        """Return the runs that satisfy the predicate, in the order of their registration."""
        ...

    def run(self, target: Target, runname: str) -> RunRecord | None:
        """Return the run of this target and name."""
        ...

    def run_by_id(self, run_id: int) -> RunRecord | None:
        """Return a run by its row."""
        ...

    def tests(
        self,
        run_id: int,
        predicate: Callable[[TestRecord], bool] | None = None,
        *,
        states: Collection[str] = (),
        statuses: Collection[str] = (),
    ) -> Sequence[TestRecord]:
        """Return a run's tests, ordered by test name and item path.

        Args:
            run_id: the run's row.
            predicate: called for each test that the other arguments let through.
            states, statuses: the wanted ones; empty means all.
        """
        ...

    def glances(self, run_id: int) -> Sequence[Glance]:
        """Return what a list shows of each test of a run, ordered by test name and item path."""
        ...

    def tests_since(self, run_id: int, seq: int) -> tuple[int, Sequence[TestRecord]]:
        """Return the number of the latest commit, and the tests that changed after commit `seq`.

        What a program other than megatest wrote has no number: after a change of `data_version`
        without a new number, read everything.
        """
        ...

    def test(self, run_id: int, test_id: TestId) -> TestRecord | None:
        """Return one test of a run."""
        ...

    def test_by_id(self, row: int) -> TestRecord | None:
        """Return a test by its row, one that is marked DELETED too."""
        ...

    def history(self, test_id: TestId) -> Sequence[TestRecord]:
        """Return one test over all runs, newest run first."""
        ...

    def steps(self, row: int) -> Sequence[StepRecord]:
        """Return a test's steps in the order in which they were first heard of."""
        ...

    def values(self, row: int) -> Sequence[ValueRecord]:
        """Return a test's measured values in the order in which they were first heard of."""
        ...

    def attempts(self, row: int) -> Sequence[AttemptRecord]:
        """Return how a test's earlier attempts came out, oldest first; the latest is its own record."""
        ...

    def values_of_run(self, run_id: int) -> Sequence[tuple[TestId, ValueRecord]]:
        """Return the measured values of all tests of a run, ordered by test name and item path."""
        ...

    def meta(self) -> Mapping[str, TestMeta]:
        """Return what was recorded of the area's tests for people, by name of the test."""
        ...

    def rows_of(self, run_id: int, test: str) -> Sequence[TestRecord]:
        """Return a test of a run and its items, ordered by item path; one probe of an index."""
        ...

    def edits(self, row: int) -> Sequence[EditRecord]:
        """Return who changed a test by hand, oldest first."""
        ...

    def counts(self, run_ids: Iterable[int] | None = None) -> Mapping[int, StatusCounts]:
        """Return for each run how many of its tests and items are in each (state, status).

        Parents of items are left out: they did not run.  A run without tests has no entry.

        Cost: index only; 10,000 tests take 2 ms.
        """
        ...

    def flaky_counts(self) -> Mapping[int, int]:
        """Return for each run that has any how many of its tests passed only after a failure."""
        ...

    def failures(self, run_id: int) -> Sequence[TestRecord]:
        """Return a run's tests whose latest failure has a signature, those of one signature together."""
        ...

    def holder(self, run_id: int) -> Holder | None:
        """Return the process that holds a run."""
        ...

    def data_version(self) -> int:
        """Return a number that changes when another connection has written."""
        ...

    def close(self) -> None:
        """Give the connection up."""
        ...

    def holdings(self) -> Sequence[Holding]:
        """See `megatest.engine.ports`."""
        ...

    def wants(self) -> Sequence[Want]:
        """See `megatest.engine.ports`."""
        ...


class Editing(Protocol):
    """What commands change.  Each call is one transaction."""

    def register_run(
        self, target: Target, runname: str, *, owner: str, comment: str = "", time: int
    ) -> RunRecord:
        """Make sure that a run exists; a comment, if given, replaces what it had."""
        ...

    def set_run(
        self,
        run_id: int,
        *,
        state: str | None = None,
        status: str | None = None,
        comment: str | None = None,
        fail_count: int | None = None,
        pass_count: int | None = None,
    ) -> RunRecord | None:
        """Set columns of a run; None leaves one as it is.  Returns None if it does not exist."""
        ...

    def lock_run(self, run_id: int, *, locked: bool, user: str, time: int) -> RunRecord | None:
        """Lock or unlock a run and log who did it.  What a lock forbids is for commands to heed."""
        ...

    def set_state_status(
        self,
        rows: Iterable[int],
        *,
        state: str | None = None,
        status: str | None = None,
        comment: str | None = None,
        user: str,
        reason: str,
        time: int,
        only_if: Callable[[TestRecord], bool] | None = None,
    ) -> Sequence[TestRecord]:
        """Set tests by hand, to any state, and write down who did it.

        Args:
            rows: the tests; unknown ones are passed over.
            state, status, comment: None leaves what is there.
            user, reason, time: for the audit.
            only_if: asked about each record as it is in the transaction.

        Returns:
            The changed records as they are now.
        """
        ...

    def request_kill(
        self, rows: Iterable[int], *, held: bool = False, user: str, reason: str, time: int
    ) -> Sequence[TestRecord]:
        """Set KILLREQ where a test is under way; return all rows now in that state.

        Args:
            rows: the tests; parents are passed over.
            held: an engine holds the run, so what has not started is under way too.
            user, reason, time: for the audit.
        """
        ...

    def delete_tests(self, rows: Iterable[int]) -> int:
        """Remove tests with all that belongs to them; return how many there were."""
        ...

    def delete_run(self, run_id: int) -> None:
        """Remove a run with its tests; an engine that holds it has lost its lease."""
        ...

    def put_meta(self, metas: Mapping[str, TestMeta]) -> None:
        """Record what the files say about tests for people, by name of the test."""
        ...

    def add_request(self, run_id: int, kind: str, payload: str, *, time: int) -> int:
        """Ask something of the engine that holds a run; return the request's row."""
        ...


class EngineStore(Protocol):
    """The engine's own port, and the lease that guards it."""

    def register_tests(
        self, run_id: int, tests: Iterable[tuple[TestId, bool]], time: int, lease: Lease | None
    ) -> Mapping[TestId, TestRecord]:
        """See `megatest.engine.ports`.

        Whether an existing row is a parent follows what is named; a row marked DELETED begins anew.

        Raises:
            EnvironmentFault: somebody has removed the run.
        """
        ...

    def commit(self, changes: Sequence[Change], lease: Lease | None) -> Sequence[TestRecord]:
        """See `megatest.engine.ports`.

        A row that no longer exists is a conflict in state DELETED with an empty name.

        Raises:
            IllegalChange: a test's state may not follow its expected state; nothing was written.
        """
        ...

    def kill_requests(self, run_id: int) -> Sequence[int]:
        """See `megatest.engine.ports`."""
        ...

    def active_elsewhere(self, run_id: int) -> Sequence[TestRecord]:
        """See `megatest.engine.ports`."""
        ...

    def past_durations(self, tests: Iterable[str]) -> Mapping[TestId, float]:
        """See `megatest.engine.ports`."""
        ...

    def claim(
        self, claims: Sequence[Claim], *, is_live: Callable[[int], bool], time: int, lease: Lease
    ) -> Sequence[Holding] | None:
        """See `megatest.engine.ports`."""
        ...

    def keep_claims(self, claims: Iterable[Claim], *, time: int, lease: Lease) -> None:
        """See `megatest.engine.ports`."""
        ...

    def drop_claims(self, rows: Iterable[int], *, lease: Lease) -> None:
        """See `megatest.engine.ports`."""
        ...

    def set_wants(
        self, shares: Iterable[Share], *, anew: Collection[tuple[str, str]], lease: Lease
    ) -> Sequence[Want]:
        """See `megatest.engine.ports`."""
        ...

    def acquire_lease(self, run_id: int, holder: Holder) -> Lease | Holder:
        """Take a run, unless another process holds it; then return that holder.

        Whether that one still lives is for the caller to find out.  The same process (host, pid,
        start time, boot) is given a new lease, and its older one ends.
        """
        ...

    def take_over(self, run_id: int, old_token: int, holder: Holder) -> Lease:
        """Take a run from a holder that was found dead.

        Raises:
            LeaseLost: somebody else was faster, or the holder has released it.
        """
        ...

    def renew(self, lease: Lease, time: int) -> None:
        """Say that the holder lives: its `Holder.time` becomes `time`.

        Raises:
            LeaseLost: somebody else holds the run now.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give a run back; a lease that was lost already stays lost."""
        ...

    def take_requests(self, run_id: int, lease: Lease | None = None) -> Sequence[RequestRecord]:
        """Return what others ask of the holder of a run, and forget it, in one transaction."""
        ...


class FullStore(Reading, Editing, EngineStore, Protocol):
    """Everything."""
