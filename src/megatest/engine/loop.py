"""The loop: start what may start, reap what ended, write what happened, sleep.

One turn is

1. *hear*: executors' news, journals, other commands' requests, deadlines, interrupts;
2. *choose*: take from the plan what every limit allows, with a run directory that stands;
3. *commit*: everything that happened in one transaction, LAUNCHED included;
4. *start* what was committed as LAUNCHED, and prepare the next while those run;
5. *wait*: the one blocking call.

Nothing in a turn costs more because the run is larger.  A process is started only after its
LAUNCHED is committed, so a crash between the two leaves a record that recovery can ask about,
never a process that nobody knows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from megatest.engine.attempt import Attempt, Row
from megatest.engine.commons import Commons, variables_from
from megatest.engine.conclude import begin_again
from megatest.engine.deadline import Deadlines
from megatest.engine.endings import ON_REQUEST, Endings
from megatest.engine.gate import Gate
from megatest.engine.interrupt import Interrupts, Level
from megatest.engine.journals import Journals
from megatest.engine.launch import job_of, launched_columns, this_host
from megatest.engine.launchpad import Launchpad, Standing
from megatest.engine.ledger import Conflict, Ledger
from megatest.engine.outcome import Outcome
from megatest.engine.ports import (
    Addition,
    Briefing,
    Clock,
    Executor,
    Intake,
    Opinion,
    Reviewer,
    Store,
    Waiter,
    Watcher,
    WorkArea,
)
from megatest.engine.rounds import Rounds
from megatest.model.error import DatabaseLost, EnvironmentFault, MegatestError, NoSpace
from megatest.model.job import NOT_STARTED_CODE, ChangeKind, JobChange
from megatest.model.slotted import dataclass, field
from megatest.model.status import State, Status
from megatest.plan.plan import Plan

_TICK_S = 1.0
_META_EVERY_S = 10.0
_RETRY_COMMIT_S = 1.0
RENEW_EVERY_S = 5.0
"""How often an engine says that it lives."""

_OVERSLEPT_S = 2 * _TICK_S
_PREPARE_AHEAD = 4
_MOST_AT_ONCE = 1000  # launched in one turn: an array's worth; the engine hears in between
_LOOK_EVERY_S = 0.05  # at the store for others' writes: costs what settling a test costs
_COMMIT_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the area asks of the engine itself.

    Attributes:
        job_prefix: begins every job's name; unique to the area.
        launch_delay_s: least time between launches.
        kill_grace_s: between TERM and KILL.
        max_load: one-minute load above which nothing is launched; None for no limit.
        pool_units: names of the units of pools that have any.
    """

    job_prefix: str = "mt"
    launch_delay_s: float = 0
    kill_grace_s: float = 5
    max_load: float | None = None
    pool_units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Engine:
    """Runs a plan to its end.  The collaborators are the ports of `megatest.engine.ports`.

    `tend` is that of `megatest.engine.commons.Commons`.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        ledger: Ledger,
        store: Store,
        workarea: WorkArea,
        executors: Mapping[str, Executor],
        briefing: Briefing,
        intake: Intake,
        reviewer: Reviewer,
        watcher: Watcher,
        clock: Clock,
        interrupts: Interrupts,
        settings: Settings,
        waiter: Waiter,
        tend: Callable[[Collection[int]], None] | None = None,
    ) -> None:
        self._plan = plan
        self._waiter = waiter
        self._ledger = ledger
        self._store = store
        self._workarea = workarea
        self._executors = executors
        self._briefing = briefing
        self._intake = intake
        self._reviewer = reviewer
        self._launchpad = Launchpad(briefing=briefing, workarea=workarea)
        self._watcher = watcher
        self._clock = clock
        self._interrupts = interrupts
        self._settings = settings
        self._gate = Gate(
            workarea=workarea,
            clock=clock,
            delay_s=settings.launch_delay_s,
            max_load=settings.max_load,
            say=watcher.said,
        )
        self._commons = Commons(
            plan=plan,
            store=store,
            lease=ledger.lease,
            clock=clock,
            units=settings.pool_units,
            tend=tend,
        )
        self._outcome = Outcome()
        self._host = this_host()
        self._live: dict[int, Attempt] = {}
        self._rounds = Rounds()
        self._journals = Journals(
            workarea=workarea, executors=executors, ledger=ledger, rounds=self._rounds, clock=clock
        )
        self._endings = Endings(
            plan=plan,
            ledger=ledger,
            workarea=workarea,
            briefing=briefing,
            reviewer=reviewer,
            watcher=watcher,
            clock=clock,
            outcome=self._outcome,
            let_go=self._let_go,
        )
        self._launching: list[Attempt] = []
        self._troubled: set[str] = set()
        self._deadlines = Deadlines()
        self._seen_version = -1
        self._look_at = 0.0
        self._has_more = False
        self._next_meta = 0.0
        self._renew_at = 0.0
        self._heard_at = 0.0
        self._retry_commit_at = 0.0

    def run(self, adopted: Sequence[Attempt] = ()) -> Outcome:
        """Run until nothing can run any more, or the user wants an end.

        Args:
            adopted: attempts of an earlier engine that still live.

        Raises:
            LeaseLost: another engine took the run over; nothing was written after that.
            DatabaseLost: nothing can be written any more; what runs is left alone, for whoever is next.
        """
        for attempt in adopted:
            self._look_after(attempt)
            self._plan.started(attempt.row.test_id)
            attempt.run_limit_s = self._briefing.run_limit_s(attempt.row.test_id)
            self._set_deadline(attempt)
            if attempt.ending:
                self._end(attempt, attempt.ending)  # the engine that was asked to died
        self._commons.adopt(adopted)
        self._endings.consider(self._plan.begin())
        while True:
            self._hear()
            self._choose()
            if self._commit():
                self._start()
                self._prepare_ahead()
            self._watcher.counted(len(self._live), self._plan.waiting_count())
            if self._is_over():
                return self._finish()
            self._wait()

    # -- hear -----------------------------------------------------------------------------------

    def _hear(self) -> None:
        now = self._clock.monotonic()
        try:
            # Also the first thing after a long sleep: whoever was frozen may have lost the run.
            if now >= self._renew_at or now - self._heard_at > _OVERSLEPT_S:
                self._ledger.renew()
                self._renew_at = now + RENEW_EVERY_S
            self._heard_at = now
            if now >= self._look_at:
                self._heed_store()
                self._look_at = now + _LOOK_EVERY_S
        except EnvironmentFault as error:
            self._store_fails(error, now)
        self._heed_interrupts()
        for executor in self._executors.values():
            for change in executor.poll():
                self._hear_change(change)
            self._heed_trouble(executor)
        for opinion in self._reviewer.poll():
            self._hear_opinion(opinion)
        for attempt in self._rounds.due(now):
            self._journals.look(attempt)
        if now >= self._next_meta:
            self._next_meta = now + _META_EVERY_S
            self._write_meta(now)
        self._heed_deadlines(now)

    def _heed_trouble(self, executor: Executor) -> None:
        """Tell when an executor begins and ceases to have trouble, not each time it tries again."""
        trouble = executor.trouble
        if trouble and executor.name not in self._troubled:
            self._troubled.add(executor.name)
            self._watcher.said(f"executor {executor.name} waits: {trouble}")
        elif not trouble and executor.name in self._troubled:
            self._troubled.discard(executor.name)
            self._watcher.said(f"executor {executor.name} works again")

    def _hear_change(self, change: JobChange) -> None:
        attempt = self._live.get(change.row)
        if change.kind is ChangeKind.LEFT_BEHIND:
            self._hear_left_behind(change)
        elif attempt is None or attempt.number != change.attempt or attempt.outcome is not None:
            return  # late news of an attempt that is over
        elif change.kind is ChangeKind.PENDING:
            if change.reason and attempt.started is None and not attempt.ending:
                attempt.waits = change.reason
                self._ledger.change(attempt.row, comment=change.reason)
        elif change.kind is ChangeKind.STARTED:
            self._journals.waits_no_more(attempt)
            if change.host:
                self._ledger.change(attempt.row, host=change.host)
            self._journals.read(attempt)
        elif change.kind in (ChangeKind.ENDED, ChangeKind.LOST):
            self._journals.read(attempt)
            if not self._goes_on_elsewhere(attempt, change):
                self._endings.settle(attempt, change)

    def _goes_on_elsewhere(self, attempt: Attempt, change: JobChange) -> bool:
        """Return whether only a second script of the attempt ended, which found it already begun.

        So when a batch system starts a job twice, or an engine came back that had lost the run.
        """
        if change.code != NOT_STARTED_CODE or attempt.started is None or attempt.ended is not None:
            return False
        executor = self._executors[attempt.executor]
        return any(
            found.kind in (ChangeKind.STARTED, ChangeKind.PENDING)
            for found in executor.adopt([(attempt.job, attempt.handle)])
        )

    def _hear_opinion(self, opinion: Opinion) -> None:
        attempt = self._live.get(opinion.row)
        if attempt is not None and attempt.number == opinion.attempt and attempt.outcome is not None:
            self._endings.conclude(attempt, attempt.outcome, opinion)

    def _hear_left_behind(self, change: JobChange) -> None:
        row = self._ledger.row_of_id(change.row)
        name = str(row.test_id) if row else f"row {change.row}"
        self._watcher.said(f"{name} left processes behind, {change.reason}: {', '.join(change.left_behind)}")

    def _heed_deadlines(self, now: float) -> None:
        for row_id, number in self._deadlines.passed(now):
            attempt = self._live.get(row_id)
            if attempt is None or attempt.number != number or attempt.outcome is not None:
                continue
            if not self._set_deadline(attempt, after=now):
                self._end(attempt, f"ran longer than its limit of {attempt.run_limit_s:g} s")

    def _look_after(self, attempt: Attempt) -> None:
        self._live[attempt.row.id] = attempt
        queued = self._executors[attempt.executor].queues
        self._rounds.add(attempt, self._clock.monotonic(), closely=queued)

    def _let_go(self, attempt: Attempt) -> None:
        del self._live[attempt.row.id]
        self._rounds.drop(attempt)

    def _heed_store(self) -> None:
        """Act on what other commands wrote: kill requests, and what other runs occupy."""
        version = self._store.data_version()
        if version == self._seen_version:
            return
        unstarted = []
        for row_id in self._store.kill_requests(self._ledger.run_id):
            row = self._ledger.row_of_id(row_id)
            if row is None or row.is_parent or row.state == State.KILLREQ:
                continue
            self._ledger.notice(row, State.KILLREQ, row.status)
            attempt = self._live.get(row_id)
            if attempt is not None:
                self._end(attempt, ON_REQUEST)
            elif not any(launching.row is row for launching in self._launching):
                unstarted.append(row)
        self._endings.killed_unstarted(unstarted)
        for addition in self._intake.take():
            self._add(addition)
        self._commons.look()
        self._seen_version = version  # last, so that what could not be read is read again

    def _add(self, addition: Addition) -> None:
        """Bring another command's request into the plan."""
        try:
            self._plan.add(addition.selection, addition.rerun, self._ledger.priors())
        except MegatestError as error:
            self._watcher.said(f"a request of another command cannot be planned: {error.message}")
        self._endings.consider(self._plan.begin())

    def _write_meta(self, now: float) -> None:
        load = os.getloadavg()[0]
        for attempt in self._live.values():
            lasted = now - attempt.launched_at
            if lasted < _META_EVERY_S:
                continue
            if not self._executors[attempt.executor].queues:
                free = self._workarea.free_kib(attempt.prepared.run_dir)
                self._ledger.change(attempt.row, cpuload=load, diskfree_kib=free, run_duration_s=lasted)
            elif attempt.started is not None:
                self._ledger.change(attempt.row, run_duration_s=lasted)  # the load is another machine's

    def _heed_interrupts(self) -> None:
        level = self._interrupts.level
        if level <= self._outcome.interrupted:
            return
        self._outcome.interrupted = level
        count = len(self._live) + len(self._launching)
        tests = f"{count} running {'test' if count == 1 else 'tests'}"
        if level is Level.DRAIN:
            self._watcher.said(f"interrupted: starting nothing more, waiting for {tests} (again to kill)")
        elif level is Level.LEAVE:
            self._watcher.said(f"told to end: leaving {tests} alone; the next run adopts them")
        else:
            more = " without grace (again to leave them)" if level is Level.NOW else ""
            self._watcher.said(f"interrupted: ending {tests}{more}")
            self._end_as_interrupted(self._live.values())

    def _end_as_interrupted(self, attempts: Iterable[Attempt]) -> None:
        grace = self._settings.kill_grace_s if self._outcome.interrupted is Level.KILL else 0
        for attempt in attempts:
            self._end(attempt, "killed by an interrupt of the run", grace_s=grace)

    def _end(self, attempt: Attempt, why: str, *, grace_s: float | None = None) -> None:
        """Ask the executor to end an attempt; its end comes as news."""
        attempt.ending = attempt.ending or why
        if attempt.outcome is not None:
            return  # it is over, but for the reviewer's opinion
        grace = self._settings.kill_grace_s if grace_s is None else grace_s
        self._executors[attempt.executor].cancel([attempt.row.id], grace)

    # -- choose and start -----------------------------------------------------------------------

    def _choose(self) -> None:
        """Take what may start now from the plan, until a limit or the user says stop."""
        try:
            self._commons.heed_time()
            self._choose_within_limits()
            if self._commons.is_waiting and (
                self._outcome.interrupted is not Level.NONE or self._gate.is_closed
            ):
                self._commons.step_aside()
        except EnvironmentFault as error:
            self._store_fails(error, self._clock.monotonic())

    def _choose_within_limits(self) -> None:
        while self._may_launch():
            test_id = self._plan.next_ready()
            if test_id is None:
                self._commons.line_up()
                return
            row = self._ledger.row(test_id)
            if why := self._briefing.why_skip(test_id):
                self._endings.unlaunched(row, Status.SKIP, why)
                continue
            held = self._commons.claim(row, self._live)
            if held is None:
                continue  # another engine was faster, as the plan knows now
            try:
                standing = self._launchpad.take(row, variables_from(held))
            except NoSpace as error:
                self._gate.refuse(error.message)
            except MegatestError as error:
                self._endings.unlaunched(row, Status.FAIL, error.message)
            else:
                self._launch(row, standing)

    def _may_launch(self) -> bool:
        self._has_more = False
        if self._outcome.interrupted is not Level.NONE or self._retry_commit_at:
            return False
        self._has_more = len(self._launching) >= _MOST_AT_ONCE
        return not self._has_more and self._gate.is_open(len(self._live) + len(self._launching))

    def _launch(self, row: Row, standing: Standing) -> None:
        """Record LAUNCHED; the process is started after the commit."""
        brief, prepared = standing.brief, standing.prepared
        wiped = begin_again(row, self._ledger)
        row.run_dir = prepared.run_dir
        row.attempt = brief.spec.attempt
        columns = launched_columns(
            standing,
            self._host,
            time=int(self._clock.now()),
            free_kib=self._workarea.free_kib(prepared.run_dir),
        )
        self._ledger.change(row, **columns, **wiped)
        attempt = Attempt(
            row=row,
            number=row.attempt,
            executor=brief.executor,
            job=job_of(standing, row, self._settings.job_prefix),
            prepared=prepared,
            run_limit_s=brief.run_limit_s,
            exit_table=brief.exit_table,
        )
        self._launching.append(attempt)
        self._plan.started(row.test_id)
        self._gate.launched()

    def _start(self) -> None:
        """Hand over what the last commit recorded as LAUNCHED, to each executor all at once."""
        launching, self._launching = self._launching, []
        by_executor: dict[str, list[Attempt]] = {}
        for attempt in launching:
            by_executor.setdefault(attempt.executor, []).append(attempt)
        for name, attempts in by_executor.items():
            now = self._clock.monotonic()
            for attempt in attempts:
                attempt.launched_at = now
                self._look_after(attempt)
                self._set_deadline(attempt)
                self._outcome.launched += 1
                self._watcher.launched(attempt.row.test_id, attempt.number)
            for answer in self._executors[name].submit([attempt.job for attempt in attempts]):
                attempt = self._live[answer.row]
                if answer.error:
                    end = JobChange(
                        row=answer.row, attempt=attempt.number, kind=ChangeKind.ENDED, reason=answer.error
                    )
                    self._hear_change(end)
                elif name != "local":
                    # On this machine the journal says who it is, sooner than a commit would.
                    self._ledger.change(attempt.row, handle=answer.handle)
            if self._outcome.interrupted > Level.DRAIN:
                # Their LAUNCHED waited for the store while the interrupts came.
                self._end_as_interrupted([attempt for attempt in attempts if attempt.row.id in self._live])

    def _prepare_ahead(self) -> None:
        """While tests run, make the directories of the next ones."""
        if self._outcome.interrupted is not Level.NONE or self._gate.is_closed:
            return
        for test_id in self._plan.upcoming(_PREPARE_AHEAD):
            if test_id in self._launchpad or self._commons.names_units(test_id):
                continue
            if self._briefing.why_skip(test_id):
                continue
            try:
                self._launchpad.prepare_ahead(self._ledger.row(test_id))
            except MegatestError:
                return  # its turn will meet the same trouble and report it

    def _set_deadline(self, attempt: Attempt, after: float = -math.inf) -> bool:
        """Set when an attempt has run for too long; return whether that is after this time.

        The time in a queue does not count.
        """
        if attempt.run_limit_s is None:
            return False
        waits = attempt.started is None and self._executors[attempt.executor].queues
        at = (self._clock.monotonic() if waits else attempt.launched_at) + attempt.run_limit_s
        if at > after:
            self._deadlines.set(attempt, at)
        return at > after

    # -- commit ---------------------------------------------------------------------------------

    def _commit(self) -> bool:
        """Write the turn; return whether LAUNCHED is on disk for what waits to be started."""
        now = self._clock.monotonic()
        if now < self._retry_commit_at:
            return False
        try:
            for _ in range(_COMMIT_ROUNDS):
                conflicts = self._ledger.commit()
                if not conflicts:
                    break
                for conflict in conflicts:
                    self._resolve(conflict)
            self._commons.committed(self._launching)
        except EnvironmentFault as error:
            self._store_fails(error, now)
            return False
        if self._retry_commit_at:
            self._watcher.said("results are written again")
        self._retry_commit_at = 0.0
        return True

    def _store_fails(self, error: EnvironmentFault, now: float) -> None:
        """Launch nothing and keep what happened until the store can be written again.

        Raises:
            DatabaseLost: it never can be.
        """
        if isinstance(error, DatabaseLost):
            self._watcher.said(
                "the database is lost: what runs is left alone, its results are in its journals"
            )
            raise error
        if not self._retry_commit_at:
            self._watcher.said(f"results wait to be written: {error.message}")
        self._retry_commit_at = now + _RETRY_COMMIT_S

    def _resolve(self, conflict: Conflict) -> None:
        """Somebody else moved the row: heed a kill request, else what happened prevails."""
        row, lost = conflict.row, conflict.lost
        values = dict(lost.values)
        killed = row.state == State.KILLREQ
        launching = next((a for a in self._launching if a.row is row), None)
        if killed and launching is not None:
            self._launching.remove(launching)
            self._workarea.discard(launching.prepared)
        if killed and (launching is not None or lost.state == State.NOT_STARTED):
            self._endings.killed_unstarted([row])  # before it began, or before its retry did
            return
        attempt = self._live.get(row.id)
        if killed and attempt is not None:
            # It lives: the request stays visible until the kill is done.
            values.pop("state", None)
            values.pop("status", None)
            self._end(attempt, ON_REQUEST)
        if values:
            self._ledger.change(row, **values)

    # -- wait and finish ------------------------------------------------------------------------

    def _is_over(self) -> bool:
        interrupted = self._outcome.interrupted
        if interrupted is Level.LEAVE:
            return True
        if self._live or self._launching or self._ledger.pending:
            return False
        return interrupted is not Level.NONE or self._plan.is_done()

    def _wait(self) -> None:
        """Block until something may have happened."""
        if (self._ledger.pending or self._has_more) and not self._retry_commit_at:
            return
        fds = [self._interrupts.fd, *self._reviewer.fds()]
        for executor in self._executors.values():
            fds += executor.fds()
        self._waiter.wait(fds, self._timeout_s())
        self._interrupts.drain_wakeups()

    def _timeout_s(self) -> float:
        now = self._clock.monotonic()
        until = [now + _TICK_S, self._rounds.next_at(), self._renew_at, self._deadlines.next_at()]
        for executor in self._executors.values():
            due_s = executor.next_poll_s()
            if due_s is not None:
                until.append(now + due_s)
        if self._retry_commit_at:
            until.append(self._retry_commit_at)
        if now < self._gate.opens_at:
            until.append(self._gate.opens_at)
        if self._commons.is_waiting:
            until.append(self._look_at)
        return max(0.0, min(until) - now)

    def _finish(self) -> Outcome:
        self._launchpad.clear()
        if self._outcome.interrupted is not Level.LEAVE:
            for executor in self._executors.values():
                for change in executor.finish():
                    self._hear_change(change)
        self._outcome.running = len(self._live)
        self._outcome.waiting = self._plan.waiting_count()
        return self._outcome
