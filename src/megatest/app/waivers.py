"""``megatest waive``: known failures, kept in a file of the area that people can read and edit."""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from megatest.app.edit import Author, check_unlocked, conclude_edits
from megatest.app.runjournal import open_run_log
from megatest.app.session import Session
from megatest.app.waiverfile import HEAD, locked, read_text, without, write_text
from megatest.config.source import ParseCache
from megatest.config.waivers import load_waivers, waiver_text
from megatest.model.error import UserError
from megatest.model.ids import Target, TestId
from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.status import State, Status
from megatest.model.waiver import Waiver
from megatest.reports.verdict import is_good, needs_attention
from megatest.reports.waivers import WaiverUse

if TYPE_CHECKING:
    from megatest.app.wiring import AllRecords, Records


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiveOrder:
    """What somebody accepts.

    Attributes:
        reason: why; must not be empty.
        owner: who answers for it; empty for whoever gives the command.
        expires: its last day; None for no end.
        only_target: it holds for the target of the run only.
    """

    reason: str
    owner: str = ""
    expires: datetime.date | None = None
    only_target: bool = False


def waive(
    session: Session,
    records: AllRecords,
    run: RunRecord,
    tests: Sequence[TestRecord],
    order: WaiveOrder,
    author: Author,
) -> list[Waiver]:
    """Accept the present failures of tests: write them to the area's file, and set them WAIVED in their run.

    A waiver of the same failure is replaced.

    Raises:
        UserError: there is no reason, the day is over, a test has no failure that could be waived, the run
            is locked; nothing was stored.
        EnvironmentFault: the file cannot be written; nothing was stored.
    """
    check_unlocked(run)
    today = day_of(author.time)
    _check_order(session, order, today)
    for test in tests:
        _check_waivable(test, run)
    new = [_waiver(test, run, order, author, today) for test in tests]
    names = {waiver.name for waiver in new}
    with locked(session.area.home):
        text = without(read_text(session.area.home), names)
        text = "\n".join([(text or HEAD).rstrip("\n"), *_sections(new)])
        write_text(session.area.home, text, new)
    changed: list[TestRecord] = []
    for test, waiver in zip(tests, new, strict=True):
        changed += records.set_state_status(
            [test.id],
            status=Status.WAIVED,
            comment=waiver.comment,
            user=author.user,
            reason=f"waived: {waiver.reason}",
            time=author.time,
        )
    log = open_run_log(session, run)
    conclude_edits(records, run, changed, author=author, log=log)
    log.close()
    return new


def _sections(waivers: Iterable[Waiver]) -> list[str]:
    return [f"\n{waiver_text(waiver)}".rstrip("\n") for waiver in waivers] + [""]


def _check_order(session: Session, order: WaiveOrder, today: datetime.date) -> None:
    reason = _one_line(order.reason)
    if not reason:
        raise UserError("a waiver needs a reason", hint="say why with: --reason TEXT")
    if order.expires is not None and order.expires < today:
        raise UserError(f"{order.expires} is over", hint="give a day that is still to come")
    wanted = next(
        (v.value.strip() for v in session.area.resolved.get("setup", ()) if v.name == "waivercommentpatt"), ""
    )
    try:
        fits = not wanted or re.search(wanted, reason) is not None
    except re.error as error:
        raise UserError(f"[setup] waivercommentpatt {wanted!r} is no regular expression: {error}") from error
    if not fits:
        raise UserError(f"the reason does not match [setup] waivercommentpatt {wanted!r}")


def _check_waivable(test: TestRecord, run: RunRecord) -> None:
    name = f"{run.name}/{test.test_id}"
    if test.is_parent:
        raise UserError(
            f"{name} only sums up its items", hint=f"waive the items that failed: '{test.test_id.test}/%'"
        )
    bad = test.status == Status.WAIVED or needs_attention(test.state, test.status)
    if test.state != State.COMPLETED or not bad:
        raise UserError(f"{name} is {test.state}/{test.status}, which is no failure to waive")
    if not test.signature:
        raise UserError(
            f"the failure of {name} has no signature", hint="run it again: its next failure will have one"
        )


def _waiver(
    test: TestRecord, run: RunRecord, order: WaiveOrder, author: Author, today: datetime.date
) -> Waiver:
    return Waiver(
        test_id=test.test_id,
        signature=test.signature,
        reason=_one_line(order.reason),
        owner=_one_line(order.owner) or author.user,
        expires=order.expires,
        since=today,
        targets=(str(run.target),) if order.only_target else (),
        failure=test.failure,
    )


def remove_waivers(session: Session, name: str) -> list[Waiver]:
    """Take waivers out of the area's file; records stay as they are.

    Args:
        session: the opened area.
        name: ``TEST`` or ``TEST/ITEM``, of which all go, or with a blank and a signature one.

    Raises:
        UserError: there is none.
        EnvironmentFault: the file cannot be written.
    """
    with locked(session.area.home):
        waivers = load_waivers(session.area.home, ParseCache()).value
        gone = [waiver for waiver in waivers if name in (str(waiver.test_id), waiver.name)]
        if not gone:
            known = ", ".join(dict.fromkeys(str(waiver.test_id) for waiver in waivers)) or "none"
            raise UserError(f"there is no waiver of {name!r}", hint=f"there are waivers of: {known}")
        text = without(read_text(session.area.home), {waiver.name for waiver in gone})
        write_text(session.area.home, text, [])
    return gone


def uses(session: Session, records: Records | None, today: datetime.date) -> list[WaiverUse]:
    """Return every waiver with what it is good for now, as the newest runs say.

    Raises:
        ConfigError: never; what is wrong in the file is for ``megatest check``.
    """
    waivers = load_waivers(session.area.home, ParseCache()).value
    return [WaiverUse(waiver=waiver, use=_use(waiver, records, today)) for waiver in waivers]


def _use(waiver: Waiver, records: Records | None, today: datetime.date) -> str:
    if waiver.is_expired(today):
        return "expired"
    for record in records.history(waiver.test_id) if records is not None else ():
        run = records.run_by_id(record.run_id) if records is not None else None
        if run is None or record.state != State.COMPLETED or not waiver.is_about(waiver.test_id, run.target):
            continue
        if record.signature == waiver.signature:
            used = "used in" if record.status == Status.WAIVED else "not yet used in"
            return f"{used} {run.name}"
        how = f"it fails otherwise ({record.signature})"
        if is_good(record.state, record.status):
            how = "it passes"
        return f"unused: {how} in {run.name}"
    return "unused: the test has not run"


def remarks(
    session: Session, tests: Iterable[TestRecord], target: Target, today: datetime.date
) -> Iterator[str]:
    """Yield what should be said of waivers after a run: those that are over, or not needed any more.

    Args:
        session: the opened area.
        tests: that this command ran; not looked at where nothing is waived.
        target: of the run.
        today: the day.
    """
    waivers = load_waivers(session.area.home, ParseCache()).value
    if not waivers:
        return
    by_id: dict[TestId, TestRecord] = {test.test_id: test for test in tests}
    for waiver in waivers:
        test = by_id.get(waiver.test_id)
        if test is None or not waiver.is_about(test.test_id, target) or test.state != State.COMPLETED:
            continue
        if waiver.is_expired(today) and test.status != Status.WAIVED:
            who = f"{waiver.owner} expired on {waiver.expires}"
            yield f"the waiver of {waiver.test_id} by {who}: {waiver.reason}"
        elif is_good(test.state, test.status) and test.status not in (Status.WAIVED, Status.SKIP):
            yield (
                f"{waiver.test_id} passed, and {waiver.owner} has it waived ({waiver.reason}); "
                f"if it is mended: megatest waive --remove {shlex.quote(str(waiver.test_id))}"
            )


def day_of(epoch_s: float) -> datetime.date:
    """Return the day of a moment, in local time."""
    return datetime.datetime.fromtimestamp(epoch_s, datetime.UTC).astimezone().date()


def _one_line(text: str) -> str:
    return " ".join(text.split())
