"""Reading on in the journals of live attempts."""

from __future__ import annotations

from collections.abc import Mapping

from megatest.engine.attempt import Attempt
from megatest.engine.ledger import Ledger
from megatest.engine.listen import take_in, wall_time_on_this_host
from megatest.engine.ports import Clock, Executor, WorkArea
from megatest.engine.rounds import Rounds
from megatest.failpoint import reach


class Journals:
    """Takes in what tests say of themselves.

    Args:
        workarea, executors, clock: see `megatest.engine.ports`.
        ledger: where it is recorded.
        rounds: hear when an attempt has begun.
    """

    def __init__(
        self,
        *,
        workarea: WorkArea,
        executors: Mapping[str, Executor],
        ledger: Ledger,
        rounds: Rounds,
        clock: Clock,
    ) -> None:
        self._workarea = workarea
        self._executors = executors
        self._ledger = ledger
        self._rounds = rounds
        self._clock = clock

    def look(self, attempt: Attempt) -> None:
        """Read on in one that is due; behind a queue, an exit record is the news of the end."""
        had_ended = attempt.ended is not None
        self.read(attempt)
        if attempt.ended is not None and not had_ended:
            self._executors[attempt.executor].recorded(attempt.row.id, attempt.ended.code)

    def read(self, attempt: Attempt) -> None:
        """Take in what was written since the journal was read last."""
        had_begun = attempt.started is not None
        part = self._workarea.read_journal(attempt.prepared.run_dir, attempt.offset)
        reach("journal read")
        if part.entries:
            self.waits_no_more(attempt)
        take_in(attempt, part, self._ledger, wall_time_on_this_host(self._clock.now()))
        if attempt.started is not None and not had_begun:
            now = self._clock.monotonic()
            self._rounds.begun(attempt, now)
            if self._executors[attempt.executor].queues:
                attempt.launched_at = now  # what came before was the queue's time

    def waits_no_more(self, attempt: Attempt) -> None:
        """Forget why an attempt waited in a queue."""
        if attempt.waits:
            attempt.waits = ""
            self._ledger.change(attempt.row, comment="")
