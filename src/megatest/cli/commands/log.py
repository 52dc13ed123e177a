"""``megatest log``."""

from __future__ import annotations

import os
import shlex
import sys

from megatest.app import logs
from megatest.app.kill import wait_until
from megatest.app.query import one_test
from megatest.cli.declare import AREA, RUN, argument, command, flag, optional
from megatest.cli.opened import Opened, open_area_and_records
from megatest.cli.output import echo
from megatest.model.error import UserError
from megatest.model.record import TestRecord
from megatest.model.status import ACTIVE, State, Status


@command(
    "log",
    argument("test"),
    optional("step"),
    flag("-f --follow", "Print what is added until the test has ended."),
    flag("--path", "Print the path of the log, not the log.", name="as_path"),
    *RUN,
    *AREA,
)
def log_command(
    test: str,
    step: str,
    follow: bool,
    as_path: bool,
    target: str,
    runname: str,
    area: str,
    config_name: str,
) -> None:
    """Print the log of TEST, or TEST/ITEM, or of one STEP of it.

    Where log rules made a page of it, --path names the page, and the log itself is printed.

    Without STEP it is the log that the test named, else that of the step that ended last, else the
    output of its script.
    """
    opened = open_area_and_records(area, config_name, read_only=True)
    run = opened.runs(target, runname)[0]
    record = _with_directory(opened, one_test(opened.records, run, test), follow=follow)
    path = logs.log_of(record, opened.records.steps(record.id), step)
    if as_path:
        echo(path)
        return
    path = logs.text_of(path)
    if not follow and not os.path.lexists(path):
        why = f"it is {record.state} and has printed nothing yet" if record.state in ACTIVE else "it is gone"
        raise UserError(f"{record.test_id} has no log: {why}", hint=f"it would be {path}")
    blocks = logs.follow(path, lambda: not _is_under_way(opened, record)) if follow else logs.read(path)
    for block in blocks:
        sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()


def _with_directory(opened: Opened, record: TestRecord, *, follow: bool) -> TestRecord:
    """Return the record of a test that has run; when following, wait until it does.

    Raises:
        UserError: it only sums up items, which have the logs.
    """
    if record.is_parent:
        items = opened.records.tests(
            record.run_id, lambda t: t.test_id.test == record.test_id.test and not t.is_parent
        )
        example = f", as in: megatest log {shlex.quote(str(items[0].test_id))}" if items else ""
        raise UserError(f"{record.test_id} only sums up its items and has no log", hint=f"name one{example}")
    if follow and not record.shortdir and _is_under_way(opened, record):
        wait_until(lambda: _has_started(opened, record), timeout_s=None)
        record = opened.records.test_by_id(record.id) or record
    return record


def _has_started(opened: Opened, record: TestRecord) -> bool:
    now = opened.records.test_by_id(record.id)
    return now is None or bool(now.shortdir) or not _is_under_way(opened, record)


def _is_under_way(opened: Opened, record: TestRecord) -> bool:
    now = opened.records.test_by_id(record.id)
    if now is None:
        return False
    waiting = (now.state, now.status) == (State.NOT_STARTED, Status.NA)
    return now.state in ACTIVE or (waiting and opened.records.holder(now.run_id) is not None)
