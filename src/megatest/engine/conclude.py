"""What follows from the end of an attempt: a result, a waived failure, or another attempt.

The verdict says how an attempt came out (`settle`); the reviewer says what is known about a bad one
(its signature, whether it is waived, how often such a failure is tried again); this module puts
the two together and records it.
"""

from __future__ import annotations

from typing import Final

from megatest.engine.attempt import Attempt, Row
from megatest.engine.ledger import Ledger
from megatest.engine.measure import tally
from megatest.engine.ports import Failure, Opinion
from megatest.engine.settle import Verdict, verdict
from megatest.model.change import StepsCleared
from megatest.model.job import JobChange
from megatest.model.slotted import dataclass
from megatest.model.status import GOOD, State, Status

_UNDECIDED: Final = frozenset({State.NOT_STARTED, State.INCOMPLETE})
"""States in which the attempts of a test have not led to a result yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What came of an attempt that is over.

    Attributes:
        comment: of the test, or a sentence about the retry.
        retry: whether another attempt follows at once.
    """

    comment: str
    retry: bool = False


def verdict_on(attempt: Attempt, change: JobChange) -> Verdict:
    """Return how an attempt came out of which the executor says that it has ended or is lost.

    Where its journal cannot be read nothing good can be said of it: it may have said that it failed.
    """
    outcome = verdict(
        ended=attempt.ended,
        change=change,
        said=attempt.said,
        ending=attempt.ending,
        began=attempt.started is not None,
        exit_table=attempt.exit_table,
        values=tally(attempt.values.values()),
        measured_since=attempt.measured_since,
    )
    if attempt.trouble and attempt.ended is None and not is_bad(outcome):
        return Verdict(State.INCOMPLETE, Status.STUCK_DEAD, attempt.trouble)
    return outcome


def duration_by_journal(attempt: Attempt) -> float | None:
    """Return the seconds from an attempt's first record to its exit; None if one of them is missing."""
    if attempt.started is None or attempt.ended is None:
        return None
    return max(0.0, attempt.ended.uptime_s - attempt.started.uptime_s)


def is_bad(outcome: Verdict) -> bool:
    """Return whether an attempt came out so that the reviewer is asked about it.

    One that nobody accounts for has no result that could be looked at.
    """
    return outcome.state == State.KILLED or (outcome.state == State.COMPLETED and outcome.status not in GOOD)


def failure_of(attempt: Attempt, outcome: Verdict) -> Failure:
    """Return what the reviewer needs to know of an attempt that came out badly."""
    return Failure(
        row=attempt.row.id,
        test_id=attempt.row.test_id,
        attempt=attempt.number,
        run_dir=attempt.prepared.run_dir,
        state=outcome.state,
        status=outcome.status,
        comment=comment_on(attempt, outcome),
        said=attempt.said.comment if attempt.said is not None else "",
        ended=attempt.ended,
    )


def comment_on(attempt: Attempt, outcome: Verdict) -> str:
    """Return what there is to say about an attempt: the verdict's word, else the test's own."""
    if outcome.comment is not None:
        return outcome.comment
    return attempt.said.comment if attempt.said is not None else ""


def conclude(
    attempt: Attempt,
    outcome: Verdict,
    opinion: Opinion | None,
    ledger: Ledger,
    *,
    time: int,
    duration_s: float | None,
) -> Ending:
    """Record how an attempt came out.

    Args:
        attempt: it is over.
        outcome: how.
        opinion: the reviewer's, if it came out badly.
        ledger: where it is recorded; written with its next commit.
        time: seconds since the epoch.
        duration_s: how long it took; None if nobody knows.

    Returns:
        What to tell, and whether another attempt follows.
    """
    row = attempt.row
    values = {"time": time, "run_duration_s": duration_s, **_columns(outcome, opinion)}
    if opinion is not None and outcome.state == State.COMPLETED:
        if opinion.waived:
            ledger.change(row, state=State.COMPLETED, status=Status.WAIVED, comment=opinion.waived, **values)
            return Ending(comment=opinion.waived)
        if row.retries < opinion.retries and not attempt.ending:
            ledger.change(row, comment=comment_on(attempt, outcome), **values)
            return _try_again(attempt, outcome, opinion, ledger)
    if not is_bad(outcome) and row.retries:
        values["flaky"] = row.flaky = True
    said, comment = comment_on(attempt, outcome), outcome.comment
    if opinion is not None and opinion.objection:
        comment = said = f"{said}; {opinion.objection}" if said else opinion.objection
    ledger.change(row, state=outcome.state, status=outcome.status, comment=comment, **values)
    return Ending(comment=said)


def _columns(outcome: Verdict, opinion: Opinion | None) -> dict[str, object]:
    """Return what is recorded of an attempt whatever follows from it."""
    values: dict[str, object] = {
        "handle": "",
        "fail_count": outcome.fail_count,
        "pass_count": outcome.pass_count,
    }
    if opinion is not None:
        values.update(signature=opinion.signature.id, failure=opinion.signature.text)
    return values


def _try_again(attempt: Attempt, outcome: Verdict, opinion: Opinion, ledger: Ledger) -> Ending:
    row, said = attempt.row, comment_on(attempt, outcome)
    why = f"{outcome.status} ({said})" if said else outcome.status
    retry = f"retry {row.retries + 1} of {opinion.retries}"
    comment = f"attempt {row.attempt}: {why}; {retry} is due"
    ledger.try_again(row, outcome.state, outcome.status, comment=comment)
    sentence = f"{row.test_id}: attempt {row.attempt} ended with {why}; {retry} follows"
    return Ending(comment=sentence, retry=True)


def begin_again(row: Row, ledger: Ledger) -> dict[str, object]:
    """Make room for the next attempt of a test, before its LAUNCHED is recorded.

    What the row says of the attempt before is kept; unless this one is a retry, its count begins anew.

    Returns:
        The columns in which nothing of the earlier attempt may stay; none for a first attempt.
    """
    if not row.attempt:
        return {}
    ledger.keep_attempt(row)
    ledger.step(StepsCleared(row=row.id))
    values: dict[str, object] = {"signature": "", "failure": "", "fail_count": 0, "pass_count": 0}
    if row.retries and row.state not in _UNDECIDED:
        values["retries"] = row.retries = 0
    if row.flaky:
        values["flaky"] = row.flaky = False
    return values
