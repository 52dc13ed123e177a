"""What the engine needs of the world, as Protocols that adapters satisfy by shape."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from megatest.model.job import Resources
from megatest.model.lease import Lease as Lease
from megatest.model.lease import LeaseLost as LeaseLost
from megatest.model.slotted import dataclass

if TYPE_CHECKING:
    from megatest.model.attempt import AttemptSpec, Ended, JournalPart, Prepared
    from megatest.model.change import Change
    from megatest.model.claim import Claim, Holding, Share, Want
    from megatest.model.ids import TestId
    from megatest.model.job import Job, JobChange, Submission
    from megatest.model.record import TestRecord
    from megatest.model.signature import Signature
    from megatest.plan.items import Item
    from megatest.plan.rerun import RerunRequest
    from megatest.plan.select import Selection


class Clock(Protocol):
    """Time, in two kinds that must not be mixed."""

    def now(self) -> float:
        """Return seconds since the epoch, for people; it may jump."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow, for durations and deadlines."""


class Waiter(Protocol):
    """The one blocking call."""

    def wait(self, fds: Sequence[int], timeout_s: float) -> None:
        """Return when a descriptor is readable or the time is over, whichever is first."""


class Executor(Protocol):
    """Starts jobs somewhere and tells what became of them.

    The truth about a job is, in this order: the exit record in its journal (the engine reads
    that), the executor's final word, otherwise lost.  Absence of news is never success.
    """

    @property
    def name(self) -> str:
        """Its name in records, for `adopt` by a later engine."""

    @property
    def slots(self) -> int | None:
        """How many jobs it takes at once by its own nature; None for no limit."""

    @property
    def queues(self) -> bool:
        """Whether jobs wait in a queue that outlives us, and their ends are learned by asking it.

        Then the exit record in a journal is the first news of an end (see `recorded`), the time in
        the queue is no run time, and what has not begun may be adopted.
        """

    @property
    def trouble(self) -> str:
        """A sentence for the user while it cannot do its work (a queue does not answer); else empty."""

    def submit(self, jobs: Sequence[Job]) -> Sequence[Submission]:
        """Start jobs; one answer each, in order.  Idempotent by `Job.name`.

        A job that cannot be started is an answer with `error`, never an exception.
        """

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        """Take over jobs of an engine that died, given their handles ("" when unknown).

        Returns for each job at once: STARTED or PENDING if it lives (news of it will come), ENDED
        if its end is known, LOST if nobody accounts for it.
        """

    def poll(self) -> Sequence[JobChange]:
        """Return the news since the last call; never blocks."""

    def recorded(self, row: int, code: int) -> None:
        """Hear that the exit record of a job was read; its end comes as news, unless it did already.

        Only an executor with `queues` has a use for it: it need not be asked for the job any more,
        but for one whose code comes from a signal, which the queue may explain.
        """

    def fds(self) -> Sequence[int]:
        """Return file descriptors that become readable when `poll` may have news."""

    def next_poll_s(self) -> float | None:
        """Return in how many seconds `poll` should be called even if no descriptor woke."""

    def cancel(self, rows: Sequence[int], grace_s: float) -> None:
        """End jobs and every process of theirs: TERM, the grace, then KILL.

        Returns at once; the end comes as news.  Asked twice, the shorter grace counts.
        """

    def sweep(self, jobs: Sequence[Job]) -> None:
        """Look, when there is time, for what jobs of an engine that died left behind, and end it.

        Their own ends are known from elsewhere; what is found comes as news (LEFT_BEHIND).
        """

    def finish(self) -> Sequence[JobChange]:
        """Do what remains after the last job's end, and return the last news.

        May block for a moment, to see the end of what jobs left behind.
        """

    def close(self) -> None:
        """Give up descriptors and sessions; jobs go on."""


class WorkArea(Protocol):
    """Run directories on disk: makes them, reads their journals."""

    def prepare(self, spec: AttemptSpec) -> Prepared:
        """Make the run directory of an attempt, with its files, script and links.

        Raises:
            EnvironmentFault: no disk has room, a directory cannot be made.
            UserError: the test's own files do not fit (unreadable, a name in the way).
        """

    def discard(self, prepared: Prepared) -> None:
        """Take a prepared attempt away again that was never launched."""

    def read_journal(self, run_dir: str, offset: int) -> JournalPart:
        """Return the records from `offset` on; what cannot be read is told in the part."""

    def revoke(self, run_dir: str, attempt: int) -> bool:
        """Make sure that an attempt that has not begun never will.

        Returns:
            True if it can no longer begin; False if it has begun (its journal exists), or if
            nothing is certain.
        """

    def low_space(self) -> str:
        """Return why nothing may be launched for want of disk space; empty if all is well."""

    def free_kib(self, path: str) -> int:
        """Return the free KiB of the disk that holds `path`; -1 if it cannot be asked."""


class Store(Protocol):
    """The records, as far as the engine reads and writes them."""

    def register_tests(
        self, run_id: int, tests: Iterable[tuple[TestId, bool]], time: int, lease: Lease | None
    ) -> Mapping[TestId, TestRecord]:
        """Make sure that these rows exist (id, is it a parent of items); return them all.

        Existing rows keep everything.  One transaction; cost grows with the rows named.
        """

    def commit(self, changes: Sequence[Change], lease: Lease | None) -> Sequence[TestRecord]:
        """Write all changes in one transaction, in order.

        Returns:
            The records, as they are now, of the rows whose state was not the expected one;
            those changes were not made (steps and other rows were).

        Raises:
            LeaseLost: the lease is no longer ours; nothing was written.
            EnvironmentFault: the database cannot be written now; nothing was written and the
                same call may be made again.
        """

    def renew(self, lease: Lease, time: int) -> None:
        """Say that this engine lives; others may take the run from one that no longer does.

        Raises:
            LeaseLost: another engine holds the run now.
        """

    def data_version(self) -> int:
        """Return a number that changes when another connection has written."""

    def tests(self, run_id: int) -> Sequence[TestRecord]:
        """Return all tests of a run."""

    def kill_requests(self, run_id: int) -> Sequence[int]:
        """Return the rows of this run that are in state KILLREQ."""

    def active_elsewhere(self, run_id: int) -> Sequence[TestRecord]:
        """Return the tests of other runs in which a process may exist (parents left out)."""

    def past_durations(self, tests: Iterable[str]) -> Mapping[TestId, float]:
        """Return the median seconds of earlier passes, over all runs, of these tests."""

    def holdings(self) -> Sequence[Holding]:
        """Return what attempts of all runs hold of groups and pools, longest first."""

    def claim(
        self, claims: Sequence[Claim], *, is_live: Callable[[int], bool], time: int, lease: Lease
    ) -> Sequence[Holding] | None:
        """Let an attempt that is about to be launched hold something, in one transaction.

        It holds it until its end is recorded, or until this lease ends if it is not launched.

        Args:
            claims: of one attempt.
            is_live: tells rows of this run that are launched or about to be; what others held is free.
            time: seconds since the epoch.
            lease: the run.

        Returns:
            What it holds now; None if there is too little, and then it holds nothing new.

        Raises:
            LeaseLost, EnvironmentFault: as `commit`.
        """

    def keep_claims(self, claims: Iterable[Claim], *, time: int, lease: Lease) -> None:
        """Record what live attempts of an earlier engine hold, if the store does not know (any more)."""

    def drop_claims(self, rows: Iterable[int], *, lease: Lease) -> None:
        """Let go of what was claimed for attempts that are not launched after all."""

    def wants(self) -> Sequence[Want]:
        """Return what the runs wait for that have an engine, longest first."""

    def set_wants(
        self, shares: Iterable[Share], *, anew: Collection[tuple[str, str]], lease: Lease
    ) -> Sequence[Want]:
        """Replace what a run waits for.

        Args:
            shares: one for each thing.
            anew: kinds and names for which it has to wait from now on, though it waited before.
            lease: the run.

        Returns:
            What it waits for now, with its tickets.
        """


class RunLog(Protocol):
    """The run's own journal on disk, written before the store: the store can be made from it.

    Every method raises EnvironmentFault where it cannot be written.
    """

    def rows(self, records: Iterable[TestRecord]) -> None:
        """Record which rows stand for which tests."""

    def changes(self, changes: Sequence[Change], token: int) -> None:
        """Record one commit that is about to be made under a lease's token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """Everything that one attempt needs to be prepared and started.

    Attributes:
        spec: for the work area.
        executor: name of the executor that gets it.
        launcher: the launcher line, for the command executor; empty elsewhere.
        environment: the environment of the process that the executor starts.
        run_limit_s: how long it may run; None for ever.
        resources: what it asks for.
        exit_table: its script's exit code is read by the table of log rules.
    """

    spec: AttemptSpec
    executor: str
    launcher: str = ""
    environment: Mapping[str, str]
    run_limit_s: float | None = None
    resources: Resources = Resources()
    exit_table: bool = False


class Briefing(Protocol):
    """Turns what the user's files say into briefs, at the moment they are needed."""

    def brief(self, test_id: TestId, row: int, attempt: int) -> Brief:
        """Evaluate a test's files for one attempt.

        Raises:
            UserError: its files say something wrong, or what they name is not there.
        """

    def why_skip(self, test_id: TestId) -> str:
        """Return why a test that could start is passed over (COMPLETED/SKIP); empty if it runs."""

    def run_limit_s(self, test_id: TestId) -> float | None:
        """Return how long an attempt that an earlier engine launched may run; None for ever."""

    def items(self, test: str) -> Sequence[Item]:
        """Evaluate a test's item lists now that its prerequisites have ended well.

        Raises:
            UserError: an item cannot be a name.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What another command adds to the running plan.

    Attributes:
        selection: its tests and everything upstream.
        rerun: what it says about tests that have results.
    """

    selection: Selection
    rerun: RerunRequest


class Intake(Protocol):
    """Requests of other commands; asked when the store says that somebody wrote."""

    def take(self) -> Sequence[Addition]:
        """Return the requests that came since the last call; each is returned once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An attempt that came out badly, for the reviewer.

    Attributes:
        row, test_id, attempt: whose.
        run_dir: where its log and its resolved testconfig are; empty if it never had one.
        state, status, comment: how it came out.
        said: the test's own comment on itself; empty without.
        ended: its exit record, if there is one.
    """

    row: int
    test_id: TestId
    attempt: int
    run_dir: str
    state: str
    status: str
    comment: str
    said: str = ""
    ended: Ended | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What the reviewer knows about a failure.

    Attributes:
        row, attempt: whose.
        signature: what it has in common with its like.
        waived: the comment of the waiver that holds for it; empty without.
        retries: how often a test that fails like this is tried again, in all.
        objection: why a waiver that there is does not hold; empty otherwise.
    """

    row: int
    attempt: int
    signature: Signature
    waived: str = ""
    retries: int = 0
    objection: str = ""


class Reviewer(Protocol):
    """Looks closer at attempts that came out badly; blocks no longer than reading a log's end takes."""

    def ask(self, failure: Failure) -> Opinion | None:
        """Return what is known about a failure; None if that takes time and comes by `poll`."""

    def poll(self) -> Sequence[Opinion]:
        """Return the opinions that took time and are there now; each is returned once."""

    def answer(self, failure: Failure) -> Opinion:
        """Return what is known about a failure, waiting for it (bounded) where it takes time."""

    def fds(self) -> Sequence[int]:
        """Return file descriptors that become readable when `poll` may have something."""

    def close(self) -> None:
        """Let go of what still takes time; whoever settles these attempts later asks again."""


class Bell(Protocol):
    """Is told which tests have got which state and status, once that is committed."""

    def wants(self, test: str) -> bool:
        """Return whether anything follows from the moves of a test or its items; asked once a test."""
        ...

    def moved(self, moves: Sequence[Move]) -> None:
        """Hear the wanted moves of one commit, in order, if any; must be quick and must not raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A test, an item or a parent has got this state and status."""

    row: int
    test_id: TestId
    state: str
    status: str
    run_dir: str
    time: int


class Watcher(Protocol):
    """Is told about each event, for people; it must not raise and must be quick."""

    def launched(self, test_id: TestId, attempt: int) -> None:
        """Hear that an attempt was handed to its executor."""

    def ended(
        self,
        test_id: TestId,
        state: str,
        status: str,
        duration_s: float,
        comment: str,
        flaky: bool = False,
    ) -> None:
        """Hear that a test is over, after its last attempt or without any; flaky: earlier ones failed."""

    def counted(self, running: int, waiting: int) -> None:
        """Hear how many run and how many still wait, after each turn."""

    def said(self, sentence: str) -> None:
        """Hear a sentence for the user: why nothing is launched, what an interrupt does."""
