"""``megatest-rollup-TEST.html`` in the directory of a test with items: written when the last one ended.

``[testrollup] TEST COMMAND`` of the area lets a command make the page; it runs beside the engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from megatest.app.bell import logs_of
from megatest.app.beside import run_environment
from megatest.app.errand import Errand, Errands
from megatest.app.session import Session
from megatest.engine.ports import Move
from megatest.model.change import TestChange
from megatest.model.error import EnvironmentFault
from megatest.model.ids import TestId
from megatest.model.lease import Lease, LeaseLost
from megatest.model.record import RunRecord, TestRecord
from megatest.model.rundir import NO_LOG
from megatest.model.slotted import dataclass
from megatest.model.spec import Area, TestSpec
from megatest.model.status import ACTIVE, State, Status
from megatest.workarea.layout import draft_of_page, page_of_items, place_of
from megatest.workarea.quote import sh_quote
from megatest.workarea.runlog import RunLog

if TYPE_CHECKING:
    from megatest.app.wiring import AllRecords

"""What a record says as long as nobody has named a log."""

_LIMIT_S: Final = 60.0
_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What making pages takes.

    Attributes:
        area: its link tree and its ``[testrollup]``.
        records, run: whose pages.
        log, lease: of the engine that holds the run; None to write records without one.
        environment: of the commands.
    """

    area: Area
    records: AllRecords
    run: RunRecord
    environment: Mapping[str, str]
    log: RunLog | None = None
    lease: Lease | None = None


class ItemPages:
    """Satisfies `megatest.engine.ports.Bell`: a parent that has moved may be through.

    Args:
        press: see there.
        has_items: whether a test has items, by its name.
    """

    def __init__(self, press: Press, has_items: Callable[[str], bool]) -> None:
        self._press = press
        self._has_items = has_items
        self._errands = Errands(at_once=_AT_ONCE)

    def wants(self, test: str) -> bool:
        """Return whether a test has items."""
        return self._has_items(test)

    def moved(self, moves: Sequence[Move]) -> None:
        """Write the pages of those tests of which the last item has ended."""
        for move in moves:
            if move.test_id.item or _goes_on(move.state, move.status):
                continue
            if self._has_items(move.test_id.test):
                self.write(move.test_id.test)
        self._errands.poll()

    def write(self, test: str, *, at_once: bool = False) -> str:
        """Write the page of a test, unless it has a log of its own choice.

        Args:
            test: its name.
            at_once: also while items are under way.

        Returns:
            The page's path; empty if there is none to be written.
        """
        press = self._press
        rows = press.records.rows_of(press.run.id, test)
        items = [row for row in rows if row.test_id.item]
        parent = next((row for row in rows if row.is_parent), None)
        page = page_of_items(test)
        directory = _directory(press, test)
        if parent is None or not directory or parent.final_logf not in ("", NO_LOG, page):
            return ""
        if not at_once and any(_goes_on(item.state, item.status) for item in items):
            return ""
        path = os.path.join(directory, page)
        if not self._make(path, parent, items):
            return ""
        _name_log(press, parent, page)
        return path

    def close(self) -> None:
        """Wait for the commands."""
        self._errands.wait(_LIMIT_S)
        self._errands.close()

    def _make(self, path: str, parent: TestRecord, items: Sequence[TestRecord]) -> bool:
        """Write the page, or start the command that does."""
        press, test = self._press, parent.test_id.test
        own = partial(_put, path, partial(_html, press.run, parent, items))
        command = press.area.testrollup.get(test, "")
        if not command:
            return own()
        messages = os.path.join(logs_of(press.area), f"testrollup-{test}.log")
        draft = _draft(path)
        self._errands.run(
            Errand(
                command=f"exec 2> {sh_quote(messages)}\n{command}",
                directory=os.path.dirname(path),
                environment={**press.environment, "MT_TEST_NAME": test},
                log=draft,
                limit_s=_LIMIT_S,
                done=lambda code: _take(draft, path) if code == 0 else _instead(draft, own),
            )
        )
        return True


def make_pages(
    session: Session,
    records: AllRecords,
    run: RunRecord,
    *,
    log: RunLog | None = None,
    lease: Lease | None = None,
    specs: Mapping[str, TestSpec] | None = None,
) -> ItemPages:
    """Return what writes the pages of a run.

    Args:
        session: the opened area.
        records, run: whose pages.
        log, lease: see `Press`.
        specs: the tests as they were selected; of others the records are asked.
    """
    known = specs or {}

    def has_items(test: str) -> bool:
        spec = known.get(test)
        return spec is None or spec.items is not None or spec.itemstable is not None

    environment = run_environment(session, run)
    press = Press(area=session.area, records=records, run=run, environment=environment, log=log, lease=lease)
    return ItemPages(press, has_items)


def _goes_on(state: str, status: str) -> bool:
    return state in ACTIVE or (state == State.NOT_STARTED and status in (Status.NA, Status.STARTED))


def _directory(press: Press, test: str) -> str:
    """Return the real directory that holds a test's items; empty if there is none."""
    place = place_of(press.run.target, press.run.runname, TestId(test))
    path = os.path.realpath(os.path.join(press.area.linktree, place.path))
    return path if os.path.isdir(path) else ""


def _html(run: RunRecord, parent: TestRecord, items: Sequence[TestRecord]) -> bytes:
    from megatest.reports.items_page import items_html, items_page  # few runs write a page

    return items_html(items_page(run, parent, items)).encode()


def _put(path: str, text: Callable[[], bytes]) -> bool:
    """Write a page; one that cannot be written changes nothing about the test."""
    draft = _draft(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with open(os.open(draft, flags, 0o666), "wb") as file:
            file.write(text())
        os.replace(draft, path)
    except OSError:
        _drop(draft)
        return False
    return True


def _draft(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, draft_of_page(name))


def _take(draft: str, path: str) -> None:
    with suppress(OSError):
        os.replace(draft, path)


def _instead(draft: str, own: Callable[[], bool]) -> None:
    """The command failed: what it printed is no page."""
    _drop(draft)
    own()


def _drop(draft: str) -> None:
    with suppress(OSError):
        os.unlink(draft)


def _name_log(press: Press, parent: TestRecord, page: str) -> None:
    """Make the page the log of the test, if it is not."""
    if parent.final_logf == page:
        return
    change = TestChange(row=parent.id, expected_state=parent.state, final_logf=page)
    # A record that cannot be written now gets the name with the next page.
    with suppress(EnvironmentFault, LeaseLost):
        if press.log is not None and press.lease is not None:
            press.log.changes([change], press.lease.token)
        press.records.commit([change], press.lease)
