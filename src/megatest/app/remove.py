"""Removing tests and runs: what they left on disk, then their records.

A test is marked REMOVING before its directory is touched, in a transaction that also makes sure
that nothing of it runs, so an engine that is at work never launches into a directory that
goes.  A removal that was cut off leaves the mark, and the same command goes on with it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from megatest.app import wiring
from megatest.app.attend import Desk, hold, living_holder, settle_left
from megatest.app.edit import LOCKED, roll_up_parents
from megatest.app.inspect import disks_of_test
from megatest.app.kill import kill_tests
from megatest.app.query import find_tests
from megatest.app.removal import Gone, Kept, RemoveOrder, RemoveReport
from megatest.app.runjournal import log_edits, open_run_log
from megatest.app.scene import catch_up
from megatest.engine.ports import Watcher
from megatest.model.change import TestChange
from megatest.model.error import EnvironmentFault, MegatestError
from megatest.model.lease import Lease, LeaseLost
from megatest.model.record import RunRecord, TestRecord
from megatest.model.spec import Disk
from megatest.model.status import ACTIVE, State, Status
from megatest.workarea.marker import Owner
from megatest.workarea.removal import Refused, earlier_attempts
from megatest.workarea.runlog import run_log_path
from megatest.workarea.tree import prune

_RENEW_S: Final = 5.0
_EXECUTED: Final = "it is being executed"


def remove_tests(desk: Desk, runs: Sequence[RunRecord], order: RemoveOrder, watcher: Watcher) -> RemoveReport:
    """Remove tests of runs, and the runs that have no tests left.

    Tests that run are killed first, unless the order spares them.  What cannot be removed is kept, with the
    reason, and the rest goes: a locked run, a test that does not end, a directory that is not ours.

    Args:
        desk: the area and its records.
        runs: in which runs.
        order: what to remove.
        watcher: hears of tests that this command itself had to end.
    """
    report = RemoveReport()
    for run in runs:
        if run.state == LOCKED:
            report.kept.append(Kept(run=run.name, reason="the run is locked (see: megatest unlock)"))
        elif order.spares and (why := why_busy(desk, run, settle=not order.dry_run)):
            report.kept.append(Kept(run=run.name, reason=why))
        elif order.dry_run:
            _Removal(desk, run, order, report, None).tell()
        else:
            if not order.spares:
                _kill_first(desk, run, order, report, watcher)
            with hold(desk, run) as lease:
                if lease is None and order.spares:
                    report.kept.append(Kept(run=run.name, reason=_EXECUTED))
                else:
                    _Removal(desk, run, order, report, lease).carry_out()
    return report


def why_busy(desk: Desk, run: RunRecord, *, settle: bool) -> str:
    """Return why a run is not to be disturbed; empty if nothing in it runs.

    Args:
        desk: the area and its records.
        run: which run.
        settle: say first what became of tests that no engine looks after; else they count as running.
    """
    if living_holder(desk.records, run) is not None:
        return _EXECUTED
    active = [test for test in desk.records.tests(run.id, states=ACTIVE) if not test.is_parent]
    if active and settle:
        settle_left(desk, run)
        active = [test for test in desk.records.tests(run.id, states=ACTIVE) if not test.is_parent]
    return f"{active[0].test_id} still runs ({active[0].state})" if active else ""


def _kill_first(
    desk: Desk, run: RunRecord, order: RemoveOrder, report: RemoveReport, watcher: Watcher
) -> None:
    """End what runs of the tests to remove; what does not end will be refused."""
    try:
        kill_tests(desk, run, order.which, reason=order.reason, author=order.author, watcher=watcher)
    except EnvironmentFault as fault:
        report.kept.append(Kept(run=run.name, reason=fault.message))


class _Removal:
    """The removal of tests of one run, under its lease unless a living engine holds it."""

    def __init__(
        self, desk: Desk, run: RunRecord, order: RemoveOrder, report: RemoveReport, lease: Lease | None
    ) -> None:
        self._records = desk.records
        self._session = desk.session
        self._clock = desk.clock
        self._run = run
        self._order = order
        self._report = report
        self._lease = lease
        self._renew_at = desk.clock.monotonic() + _RENEW_S
        self._other = None if lease is not None else living_holder(desk.records, run)
        self._log = open_run_log(desk.session, run)
        self._workarea = wiring.make_workarea(desk.session.area, desk.session.request.environ, desk.clock)
        self._disks: dict[str, tuple[Disk, ...]] = {}
        self._chosen = find_tests(desk.records, run, order.which)

    def tell(self) -> None:
        """Report what would go."""
        if self._order.keep_results:
            self._clear()
            return
        going: set[int] = set()
        for test in self._leaves():
            if test.state in ACTIVE:
                self._report.gone.append(Gone(run=self._run.name, test=f"{test.test_id} (after a kill)"))
            elif not self._remove_directory(test):
                continue
            going.add(test.id)
        every = self._records.tests(self._run.id)
        left = [test for test in every if test.id not in going]
        parents = self._without_items(left)
        if not self._order.keep_records:
            self._report.gone += [Gone(run=self._run.name, test=str(test.test_id)) for test in parents]
            if len(left) == len(parents) and self._other is None:
                self._report.gone.append(Gone(run=self._run.name))

    def carry_out(self) -> None:
        """Remove items and plain tests, then parents that have no items left, then the run."""
        try:
            self._carry_out()
        finally:
            self._log.close()

    def _carry_out(self) -> None:
        if self._lease is not None:
            catch_up(self._log, self._records, self._records.tests(self._run.id))
        if self._order.keep_results:
            self._clear()
            return
        touched: set[str] = set()
        for test in self._leaves():
            if self._remove(test) and test.test_id.item:
                touched.add(test.test_id.test)
        if not self._order.keep_records:
            self._remove_empty_parents()
        roll_up_parents(self._records, self._run, touched, self._order.author, self._log)
        if self._order.keep_records or self._other is not None:
            return
        if not self._records.tests(self._run.id):
            # The record last: as long as it is there the same command finds the run again.
            self._remove_run_log()
            self._records.delete_run(self._run.id)
            self._report.gone.append(Gone(run=self._run.name))

    def _remove_run_log(self) -> None:
        linktree = self._session.area.linktree
        with suppress(FileNotFoundError):
            os.unlink(run_log_path(linktree, self._run.target, self._run.runname))
        prune(os.path.realpath(linktree), "/".join((*self._run.target.values, self._run.runname)))

    def _leaves(self) -> list[TestRecord]:
        return [test for test in self._chosen if not test.is_parent]

    def _remove(self, test: TestRecord) -> bool:
        """Remove one test; return whether it is gone (or reset, when records are kept)."""
        self._stay_holder()
        reason = self._mark(test)
        if reason:
            self._keep(test, reason)
            return False
        if not self._remove_directory(test):
            self._restore(test)
            return False
        if self._order.keep_records:
            self._reset(test)
        else:
            self._delete([test])
        return True

    def _clear(self) -> None:
        """Remove only what tests left on disk; nothing of the run is under way.

        A row is changed last: as long as it names a directory the same command finds it again, and
        at no moment does it say less about how the test came out.
        """
        for test in self._leaves():
            if not test.shortdir.startswith("/"):
                continue
            if self._order.dry_run:
                self._remove_directory(test)
                continue
            self._stay_holder()
            if self._lease is None:
                self._keep(test, _EXECUTED)  # whoever has the run now may be about to use the directory
            elif self._remove_directory(test):
                change = TestChange(row=test.id, expected_state=test.state, rundir="n/a", shortdir="")
                self._log.changes([change], self._lease.token)
                self._records.commit([change], None)

    def _stay_holder(self) -> None:
        """Renew the lease now and then; once it is lost, the rest goes as beside a living engine."""
        now = self._clock.monotonic()
        if self._lease is None or now < self._renew_at:
            return
        self._renew_at = now + _RENEW_S
        try:
            self._records.renew(self._lease, int(self._clock.now()))
        except LeaseLost:
            self._lease = None
            self._other = self._records.holder(self._run.id)

    def _delete(self, tests: Sequence[TestRecord]) -> None:
        if tests:
            rows = [test.id for test in tests]
            self._log.gone(rows)
            self._records.delete_tests(rows)

    def _mark(self, test: TestRecord) -> str:
        """Mark a test as being removed; return why it may not be."""
        other = self._other
        if other is not None and (test.state, test.status) == (State.NOT_STARTED, Status.NA):
            return f"process {other.pid} on {other.host} is about to run it"
        marked = self._records.set_state_status(
            [test.id],
            state=State.REMOVING,
            status="LOCKED",
            user=self._order.author.user,
            reason=self._order.reason,
            time=self._order.author.time,
            only_if=lambda now: now.state not in ACTIVE,
        )
        if marked:
            if self._order.keep_records:
                log_edits(self._log, self._records, marked)
            return ""
        now = self._records.test_by_id(test.id)
        return f"it still runs ({now.state})" if now is not None else "its record has gone meanwhile"

    def _remove_directory(self, test: TestRecord) -> bool:
        """Remove what a test left on disk; return whether all of it is gone."""
        paths: tuple[str, ...] = ()
        if test.shortdir.startswith("/") and (test.attempt or os.path.lexists(test.shortdir)):
            owner = self._owner(test)
            if reason := self._clear_copies(test, owner):
                self._keep(test, reason)
                return False
            done = self._workarea.remove(test.shortdir, owner, dry_run=self._order.dry_run)
            if isinstance(done, Refused) and (disks := self._own_disks(test.test_id.test)):
                done = self._workarea.remove(test.shortdir, owner, disks=disks, dry_run=self._order.dry_run)
            if isinstance(done, Refused):
                self._keep(test, f"{done.path}: {done.reason}")
                return False
            paths = done.paths
        self._report.gone.append(Gone(run=self._run.name, test=str(test.test_id), paths=paths))
        return True

    def _clear_copies(self, test: TestRecord, owner: Owner) -> str:
        """Remove what ssh hosts have of a test's attempts; return why one may still have something."""
        area = self._session.area
        if self._order.dry_run or not any(host.directory for host in area.hosts):
            return ""
        disks = (*(disk.path for disk in area.disks), f"{area.home}/runs")
        for run_dir in (test.shortdir, *earlier_attempts(owner, disks)):
            if reason := wiring.clear_copy(self._session, run_dir):
                return reason
        return ""

    def _own_disks(self, name: str) -> tuple[Disk, ...]:
        """Return the disks that a test's own file names, if it is still there and right."""
        if name not in self._disks:
            try:
                self._disks[name] = disks_of_test(self._session, name)
            except MegatestError:
                self._disks[name] = ()
        return self._disks[name]

    def _owner(self, test: TestRecord) -> Owner:
        return Owner(
            area=self._session.area.home,
            target=str(self._run.target),
            runname=self._run.runname,
            test=test.test_id.test,
            item=test.test_id.item,
        )

    def _keep(self, test: TestRecord, reason: str) -> None:
        self._report.kept.append(Kept(run=self._run.name, test=str(test.test_id), reason=reason))

    def _restore(self, test: TestRecord) -> None:
        """Give a test whose directory stays its state back; a mark from before stays too."""
        if test.state != State.REMOVING:
            self._change(test, test.state, test.status, time=test.event_time)

    def _reset(self, test: TestRecord) -> None:
        self._change(
            test, State.NOT_STARTED, Status.NA, time=self._order.author.time, rundir="n/a", shortdir=""
        )

    def _change(
        self,
        test: TestRecord,
        state: str,
        status: str,
        *,
        time: int,
        rundir: str | None = None,
        shortdir: str | None = None,
    ) -> None:
        change = TestChange(
            row=test.id,
            expected_state=State.REMOVING,
            state=state,
            status=status,
            time=time,
            rundir=rundir,
            shortdir=shortdir,
        )
        holder = self._lease or self._other
        self._log.changes([change], holder.token if holder is not None else 0)
        self._records.commit([change], None)

    def _remove_empty_parents(self) -> None:
        empty = self._without_items(self._records.tests(self._run.id))
        self._delete(empty)
        self._report.gone += [Gone(run=self._run.name, test=str(test.test_id)) for test in empty]

    def _without_items(self, tests: Sequence[TestRecord]) -> list[TestRecord]:
        """Return the parents among tests that are asked for, none of whose items is among them."""
        names = {test.test_id.test for test in self._chosen}
        with_items = {test.test_id.test for test in tests if test.test_id.item}
        return [t for t in tests if t.is_parent and t.test_id.test in names - with_items]
