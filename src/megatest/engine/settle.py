"""From exit and journal to state and status: pure functions.

What counts, in this order: what the test said of itself, unless a step of it ended worse or it
measured something else afterwards; what somebody did to it (a kill); its exit record; the executor's
word.  Without any of these nobody accounts for the test, and that is never a verdict about it.
"""

from __future__ import annotations

import re
from typing import Final

from megatest.engine.measure import Tally, status_by_values
from megatest.model.attempt import Ended, StatusSaid
from megatest.model.job import NOT_STARTED_CODE, ChangeKind, JobChange
from megatest.model.slotted import dataclass, replace
from megatest.model.status import State, Status, severity

STUCK_COMMENT = "Test is stuck or dead"

_EXIT_CODE: Final = re.compile("-?[0-9]+")

_STATUS_OF_TABLE_CODE = {
    0: Status.PASS,
    1: Status.FAIL,
    2: Status.WARN,
    3: Status.CHECK,
    4: Status.WAIVED,
    5: Status.ABORT,
    6: Status.SKIP,
}

_NO_VALUES = Tally()

_FOUND_BY_RULES = {
    Status.WARN: "Logpro warning found",
    Status.CHECK: "Logpro check found",
    Status.WAIVED: "Logpro waived found",
    Status.ABORT: "Logpro abort found",
    Status.SKIP: "Logpro skip found",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt came out; a comment of None leaves what the test said.

    The counts are those of the measured values, if there are any.
    """

    state: str
    status: str
    comment: str | None = None
    fail_count: int | None = None
    pass_count: int | None = None


def status_from_report(status: str) -> str:
    """Return the status that ``-test-status :status STATUS`` means: a number is an exit code."""
    if _EXIT_CODE.fullmatch(status):
        return Status.FAIL if status.strip("-0") else Status.PASS
    return status


def verdict(
    *,
    ended: Ended | None,
    change: JobChange,
    said: StatusSaid | None,
    ending: str,
    began: bool = False,
    exit_table: bool = False,
    values: Tally = _NO_VALUES,
    measured_since: bool = False,
) -> Verdict:
    """Return how an attempt came out that the executor says has ended or is lost.

    Args:
        ended: the exit record of its journal, if there is one.
        change: the executor's word.
        said: the test's last word about itself.
        ending: why we ended it; empty if nobody did.
        began: its journal says that it began.
        exit_table: read a runscript's exit code by the table of log rules (2 is WARN ...).
        values: what its measured values say.
        measured_since: some of them came after the test's last word about itself.
    """
    outcome = _without_values(ended, change, said, ending, began=began, exit_table=exit_table)
    if said is not None and outcome.state == State.COMPLETED:
        if said.status == Status.AUTO:
            outcome = _by_values(outcome, values, said.comment)
        elif said.state == State.COMPLETED and measured_since:
            outcome = replace(outcome, status=status_by_values(outcome.status, values))
    if values == _NO_VALUES:
        return outcome
    return replace(outcome, fail_count=values.fails, pass_count=values.passes)


def _without_values(
    ended: Ended | None,
    change: JobChange,
    said: StatusSaid | None,
    ending: str,
    *,
    began: bool,
    exit_table: bool,
) -> Verdict:
    if said is not None and said.state == State.COMPLETED:
        return _worse_of(Verdict(State.COMPLETED, status_from_report(said.status)), ended)
    if ending:
        return Verdict(State.KILLED, Status.FAIL, ending)
    if ended is not None and ended.signal:
        return _told_to_end(ended.signal, change)
    if ended is not None:
        return _from_exit(ended, exit_table=exit_table)
    if change.kind is ChangeKind.LOST:
        return Verdict(State.INCOMPLETE, Status.STUCK_DEAD, STUCK_COMMENT)
    return _from_executor(change, began=began)


def _told_to_end(number: int, change: JobChange) -> Verdict:
    """Somebody ended the job script who was not us: for a reason that the executor knows, or to no purpose.

    A batch system that wants its host back, or a host that shuts down, says nothing about the test.
    """
    if change.reason and change.kind is ChangeKind.ENDED:
        return Verdict(State.COMPLETED, Status.FAIL, change.reason)
    why = change.reason or f"its job script was told to end by signal {number}"
    return Verdict(State.INCOMPLETE, Status.KILLED, why)


def _worse_of(own: Verdict, ended: Ended | None) -> Verdict:
    """A test's own word does not hide that a step failed; its runscript's exit code it outranks."""
    if ended is None or ended.signal or not ended.step:
        return own
    found = _from_exit(ended, exit_table=False)
    return found if found.status != Status.PASS and severity(found.status) > severity(own.status) else own


def _by_values(outcome: Verdict, values: Tally, comment: str) -> Verdict:
    """The test said AUTO; a failure that has another reason stays what it is."""
    if outcome.status == Status.WARN:
        status: str = Status.FAIL if values.fails else Status.AUTO_WARN
    elif outcome.status in (Status.PASS, Status.AUTO):
        status = status_by_values(Status.AUTO, values)
    else:
        return outcome
    return Verdict(
        outcome.state,
        status,
        outcome.comment if comment or outcome.comment else _said_by(values),
    )


def _said_by(values: Tally) -> str | None:
    if values.fails:
        return f"{values.fails} of {values.fails + values.passes} measured values fail"
    return None if values.passes else "no measured value says pass or fail"


def _from_exit(ended: Ended, *, exit_table: bool) -> Verdict:
    code = ended.code
    if ended.judged:
        return _from_rules(ended)
    if ended.step:
        if code == 0:
            return Verdict(State.COMPLETED, Status.PASS)
        return Verdict(State.COMPLETED, Status.FAIL, f"Failed at step {ended.step}")
    if exit_table:
        return Verdict(State.COMPLETED, _STATUS_OF_TABLE_CODE.get(code, Status.FAIL))
    return Verdict(State.COMPLETED, Status.PASS if code == 0 else Status.FAIL)


def _from_rules(ended: Ended) -> Verdict:
    """The step that decided was judged by log rules."""
    status = _STATUS_OF_TABLE_CODE.get(ended.code, Status.FAIL)
    reason = ended.comment
    if ended.code not in _STATUS_OF_TABLE_CODE:
        reason = f"its log could not be judged: logpro ended with exit code {ended.code}"
    comment = _FOUND_BY_RULES.get(status, f"Failed at step {ended.step}")
    if status == Status.PASS:
        return Verdict(State.COMPLETED, status)
    return Verdict(State.COMPLETED, status, f"{comment} ({reason})" if reason else comment)


def _from_executor(change: JobChange, *, began: bool) -> Verdict:
    """The job ended but wrote no exit record: it was killed, or never began."""
    if change.reason:
        return Verdict(State.COMPLETED, Status.FAIL, change.reason)
    if change.signal is not None:
        return Verdict(State.COMPLETED, Status.FAIL, f"its job script was ended by signal {change.signal}")
    if change.code == NOT_STARTED_CODE:
        return Verdict(State.INCOMPLETE, Status.STUCK_DEAD, STUCK_COMMENT)
    if change.code is not None and change.code != 0:
        return Verdict(State.COMPLETED, Status.FAIL, f"its job script ended with exit code {change.code}")
    if change.code == 0 and began:
        # The script exits with 0 only after all is done; its last record found no room on the disk.
        return Verdict(State.COMPLETED, Status.PASS, "its exit record could not be written")
    return Verdict(State.INCOMPLETE, Status.STUCK_DEAD, STUCK_COMMENT)
