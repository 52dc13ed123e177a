"""``megatest waive``."""

from __future__ import annotations

from megatest.app import wiring
from megatest.app.beside import ring_for
from megatest.app.query import TestFilter, is_many, one_test
from megatest.app.session import open_area
from megatest.app.waivers import WaiveOrder, day_of, remove_waivers, uses, waive
from megatest.cli.declare import AREA, RUN, Value, command, flag, option, optional
from megatest.cli.modern import area_request
from megatest.cli.opened import Opened, author, matching, open_area_and_records
from megatest.cli.output import echo
from megatest.config.paths import WAIVERS_NAME
from megatest.config.waivers import parse_day
from megatest.model.error import UserError
from megatest.model.record import RunRecord, TestRecord
from megatest.model.status import Status
from megatest.reports.listing import dumps
from megatest.reports.verdict import needs_attention
from megatest.reports.waivers import waiver_lines, waivers_json


@command(
    "waive",
    optional("test", Value.PATTERN),
    option("--reason", "TEXT", "Why the failure is accepted."),
    option("--owner", "NAME", "Who answers for it. [default: you]"),
    option("--expires", "YYYY-MM-DD", "Its last day. [default: none]"),
    flag("--only-target", "It holds for this run's target only."),
    flag("--list", "List the waivers and what each is good for.", name="as_list"),
    flag("--remove", "Remove the waivers of TEST."),
    flag("--json", "Print the list as JSON.", name="as_json"),
    *RUN,
    *AREA,
)
def waive_command(
    test: str,
    reason: str,
    owner: str,
    expires: str,
    only_target: bool,
    as_list: bool,
    remove: bool,
    as_json: bool,
    target: str,
    runname: str,
    area: str,
    config_name: str,
) -> None:
    """Accept the present failure of TEST, TEST/ITEM, or of all failures that match a pattern.

    The waiver is written to waivers.config in the area.  It counts only while the test fails just as now, and
    until its last day; then the test is WAIVED, which lets the tests behind it run.
    """
    if as_list or as_json:
        _list(area, config_name, as_json=as_json)
        return
    if not test:
        raise UserError(
            "waive needs a test", hint="megatest waive TEST --reason TEXT, or: megatest waive --list"
        )
    if remove:
        _remove(test, area, config_name)
        return
    order = _order(reason, owner, expires, only_target=only_target)
    opened = open_area_and_records(area, config_name)
    _waive(opened, opened.runs(target, runname)[0], test, order)


def _list(area: str, config_name: str, *, as_json: bool) -> None:
    session = open_area(area_request(area, config_name))
    found = uses(session, wiring.open_records_if_any(session), day_of(wiring.SystemClock().now()))
    echo(dumps(waivers_json(found)) if as_json else "\n".join(waiver_lines(found)))


def _remove(test: str, area: str, config_name: str) -> None:
    for gone in remove_waivers(open_area(area_request(area, config_name)), test):
        echo(f"removed the waiver of {gone.name}")


def _order(reason: str, owner: str, expires: str, *, only_target: bool) -> WaiveOrder:
    last_day = parse_day(expires) if expires else None
    if expires and last_day is None:
        raise UserError(f"--expires: {expires!r} is no day", hint="write it as YYYY-MM-DD")
    if not reason.strip():
        raise UserError("a waiver needs a reason", hint="say why with: --reason TEXT")
    return WaiveOrder(reason=reason, owner=owner, expires=last_day, only_target=only_target)


def _waive(opened: Opened, run: RunRecord, which: str, order: WaiveOrder) -> None:
    tests = _failures(opened, run, which)
    waivers = waive(opened.session, opened.records, run, tests, order, author())
    changed = [now for test in tests if (now := opened.records.test_by_id(test.id)) is not None]
    ring_for(opened.session, run, changed, wiring.SystemClock())
    for waiver in waivers:
        echo(f"{waiver.test_id}: {waiver.comment} ({WAIVERS_NAME}: [{waiver.name}])")


def _failures(opened: Opened, run: RunRecord, which: str) -> list[TestRecord]:
    """Return the test that is meant, whatever its result, or the failures that match a pattern."""
    if not is_many(which):
        return [one_test(opened.records, run, which)]
    tests = [test for test in matching(opened, run, TestFilter(pattern=which)) if _is_failure(test)]
    if not tests:
        raise UserError(f"no failure of run {run.name} matches {which!r}")
    return tests


def _is_failure(test: TestRecord) -> bool:
    """Return whether a test has a failure that could be waived."""
    if test.is_parent or not test.signature:
        return False
    return test.status == Status.WAIVED or needs_attention(test.state, test.status)
