"""What follows when an attempt is over, or a test is settled without one.

The verdict, the reviewer's word on a bad one, the record, and what the plan says comes of it: tests that
may start, that never will, whose items are known now, or one more attempt of the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from megatest.engine.attempt import Attempt, Row
from megatest.engine.conclude import begin_again, duration_by_journal, failure_of, is_bad, verdict_on
from megatest.engine.conclude import conclude as record_end
from megatest.engine.ledger import Ledger
from megatest.engine.outcome import Outcome
from megatest.engine.ports import Briefing, Clock, Opinion, Reviewer, Watcher, WorkArea
from megatest.engine.settle import STUCK_COMMENT, Verdict
from megatest.failpoint import reach
from megatest.model.error import MegatestError
from megatest.model.job import JobChange
from megatest.model.status import GOOD, State, Status
from megatest.plan.plan import Consequence, Expand, Plan, Register, Settle, Stuck, Unmatched

ON_REQUEST = "killed on request"


class Endings:
    """Settles attempts and carries out what the plan says follows.

    Args:
        plan, ledger: told of each end.
        workarea, briefing, reviewer, watcher, clock: see `megatest.engine.ports`.
        outcome: counts what is good, bad and unrunnable.
        let_go: hears of each attempt that needs no looking after any more.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        ledger: Ledger,
        workarea: WorkArea,
        briefing: Briefing,
        reviewer: Reviewer,
        watcher: Watcher,
        clock: Clock,
        outcome: Outcome,
        let_go: Callable[[Attempt], None],
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._workarea = workarea
        self._briefing = briefing
        self._reviewer = reviewer
        self._watcher = watcher
        self._clock = clock
        self._outcome = outcome
        self._let_go = let_go

    def settle(self, attempt: Attempt, change: JobChange) -> None:
        """An attempt is over: say how it came out, and hear the reviewer if that is bad."""
        if attempt.started is None and attempt.ended is None:
            # Lost or refused before it began: a batch system that takes it late must not start it.
            self._workarea.revoke(attempt.prepared.run_dir, attempt.number)
        outcome = verdict_on(attempt, change)
        lasted_s = duration_by_journal(attempt)
        if lasted_s is None:
            lasted_s = max(0.0, self._clock.monotonic() - attempt.launched_at)
        attempt.lasted_s = round(lasted_s, 3)
        opinion = None
        if is_bad(outcome):
            opinion = self._reviewer.ask(failure_of(attempt, outcome))
            if opinion is None:
                attempt.outcome = outcome  # what follows is known when the reviewer's opinion is
                return
        self.conclude(attempt, outcome, opinion)

    def conclude(self, attempt: Attempt, outcome: Verdict, opinion: Opinion | None) -> None:
        """All is known about an attempt that is over: record it, and start what follows from it."""
        row = attempt.row
        now = int(self._clock.now())
        ending = record_end(attempt, outcome, opinion, self._ledger, time=now, duration_s=attempt.lasted_s)
        self._let_go(attempt)
        reach("attempt settled")
        if attempt.torn:
            lines = "an unreadable line" if attempt.torn == 1 else f"{attempt.torn} unreadable lines"
            self._watcher.said(f"{row.test_id}: passed over {lines} in its journal")
        if attempt.trouble:
            self._watcher.said(f"{row.test_id}: {attempt.trouble}")
        if ending.retry:
            self._watcher.said(ending.comment)
            self.consider(self._plan.retry(row.test_id))
        else:
            self._tell_end(row, attempt.lasted_s, ending.comment)
            self.consider(self._plan.ended(row.test_id, row.state, row.status, ending.comment))

    def _tell_end(self, row: Row, duration_s: float, comment: str) -> None:
        if row.state == State.COMPLETED and row.status in GOOD:
            self._outcome.good += 1
        else:
            self._outcome.bad += 1
        self._watcher.ended(row.test_id, row.state, row.status, duration_s, comment, row.flaky)

    def consider(self, consequences: Sequence[Consequence]) -> None:
        """Carry out what the plan says follows from an event."""
        todo = deque(consequences)
        while todo:
            consequence = todo.popleft()
            match consequence:
                case Register(rows):
                    self._ledger.register(rows)
                case Stuck(test_id):
                    row = self._ledger.row(test_id)
                    self._ledger.change(
                        row, state=State.INCOMPLETE, status=Status.STUCK_DEAD, comment=STUCK_COMMENT
                    )
                case Settle(test_id, state, status, comment):
                    self._settle_unstarted(self._ledger.row(test_id), state, status, comment)
                case Expand(test):
                    todo.extend(self._expand(test))
                case Unmatched(message):
                    self._outcome.unrunnable += 1
                    self._watcher.said(message)

    def _settle_unstarted(self, row: Row, state: str, status: str, comment: str) -> None:
        """Record how a test came out that does not run."""
        self._outcome.unrunnable += 1
        self._ledger.change(row, state=state, status=status, comment=comment, time=int(self._clock.now()))
        self._watcher.ended(row.test_id, state, status, 0.0, comment)

    def killed_unstarted(self, rows: Sequence[Row]) -> None:
        """Honour kill requests that came before the processes.

        One of these tests may wait for another: it was killed all the same, whatever that one's end does.
        """
        for row in rows:
            self._settle_unstarted(row, State.KILLED, Status.FAIL, f"{ON_REQUEST} before it began")
        killed = {row.test_id for row in rows}
        for row in rows:
            news = self._plan.ended(row.test_id, row.state, row.status)
            self.consider([c for c in news if not (isinstance(c, Settle) and c.test_id in killed)])

    def _expand(self, test: str) -> Sequence[Consequence]:
        """What a test's item lists may depend on has ended: evaluate them for the plan."""
        try:
            items = self._briefing.items(test)
        except MegatestError as error:
            return self._plan.refuse(test, error.message)
        return self._plan.expand(test, items)

    def unlaunched(self, row: Row, status: Status, why: str) -> None:
        """A test is skipped, or fails because its files or run directory are no good."""
        self._plan.started(row.test_id)
        now = int(self._clock.now())
        wiped = begin_again(row, self._ledger)
        self._ledger.change(row, state=State.COMPLETED, status=status, comment=why, time=now, **wiped)
        self._tell_end(row, 0.0, why)
        self.consider(self._plan.ended(row.test_id, row.state, row.status))
