"""Jobs that left the queue without an exit record: what does the batch system say of their end?"""

from __future__ import annotations

from functools import partial

from megatest.executors.call import Reply
from megatest.executors.desk import Desk
from megatest.executors.pace import Pace
from megatest.executors.queue import Enquiry, FinalWord
from megatest.executors.tracked import Stage, Tracked
from megatest.model.job import ChangeKind

_LEAST_DENIALS = 2


class Aftermath:
    """Seeks the final words.

    A job is lost only when answers, not failures, have denied it for as long as the settings
    are patient: accounting is written late.

    Args:
        desk: shared with the other parts.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pace = Pace(fastest_s=desk.settings.fastest_poll_s, slowest_s=desk.settings.slowest_poll_s)
        self._asking = False
        self._turn = 0
        self._gone: dict[int, Tracked] = {}
        self.queries = 0

    def take(self, tracked: Tracked) -> None:
        """Take on a job that the queue does not know any more."""
        now = self._desk.clock()
        tracked.stage = Stage.GONE
        tracked.gone_at = now
        tracked.denials = 0
        self._gone[tracked.job.row] = tracked
        self._pace.hurry(now)

    def _still_gone(self) -> list[Tracked]:
        """Return those that neither came back nor were let go."""
        jobs = self._desk.jobs
        self._gone = {
            row: tracked
            for row, tracked in self._gone.items()
            if tracked.stage is Stage.GONE and jobs.of_row(row) is tracked
        }
        return list(self._gone.values())

    def poll(self, now: float) -> None:
        """Begin the next question, if one is due."""
        if not self._gone or self._asking or now < self._pace.due_at():
            return
        enquiry = self._next_enquiry()
        if enquiry is not None:
            self._asking = True
            timeout_s = self._desk.settings.command_timeout_s
            self._desk.calls.begin(enquiry.command, timeout_s, partial(self._answered, enquiry))

    def ask_and_wait(self) -> None:
        """Ask once, blocking for at most the time limit of a submission."""
        enquiry = self._next_enquiry()
        if enquiry is not None:
            timeout_s = self._desk.settings.submit_timeout_s
            self._answered(enquiry, self._desk.calls.wait(enquiry.command, timeout_s))

    def _next_enquiry(self) -> Enquiry | None:
        gone = self._still_gone()
        if not gone:
            return None
        self._pace.asked(self._desk.clock())
        self.queries += 1
        enquiry = self._desk.system.enquire([tracked.ref for tracked in gone], self._turn)
        self._turn += 1
        return enquiry

    def _answered(self, enquiry: Enquiry, reply: Reply) -> None:
        self._asking = False
        now = self._desk.clock()
        if not self._desk.system.is_answer(reply):
            self._pace.failed(now)
            return
        words = {word.ref.key: word for word in self._desk.system.final_words(reply.out)}
        found = False
        for ref in enquiry.refs:
            tracked = self._desk.jobs.of_ref(ref)
            if tracked is None or tracked.stage is not Stage.GONE:
                continue
            if (word := words.get(ref.key)) is not None:
                self._desk.end(tracked, word)
                found = True
            else:
                self._deny(tracked, now)
        self._pace.answered(now, changed=found)

    def _deny(self, tracked: Tracked, now: float) -> None:
        """One more answer that knows nothing of a job."""
        tracked.denials += 1
        if self._desk.end_by_record(tracked):
            return
        if tracked.denials < _LEAST_DENIALS or now - tracked.gone_at < self._desk.settings.patience_s:
            return
        name = self._desk.system.name
        said = self._desk.spool.complaint(tracked.ref.name, tracked.job.run_dir)
        reason = f"neither the queue nor the accounting of {name} knows it" + (f": {said}" if said else "")
        # With an exit record `end` makes this an end; without, nobody accounts for it.
        self._desk.end(tracked, FinalWord(ref=tracked.ref, kind=ChangeKind.LOST, reason=reason))

    def due_at(self) -> float | None:
        """Return when the next question is due, if one is."""
        return self._pace.due_at() if not self._asking and self._still_gone() else None
