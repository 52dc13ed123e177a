"""The run that a test's ``[subrun]`` made: found again by what its step left in the run directory.

What is done to the test by hand is done to that run: a test that is to run again while everything inside
has passed would run nothing, and a removal would leave an orphan in another area.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from megatest.app import wiring
from megatest.app.attend import Desk
from megatest.app.beside import ring_for
from megatest.app.edit import Edit, set_tests
from megatest.app.query import TestFilter
from megatest.app.runjournal import open_run_log
from megatest.app.session import AreaRequest, open_area
from megatest.app.subrun import RECORD
from megatest.model.error import MegatestError
from megatest.model.ids import Target
from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A sub-run, opened: its area and records, the run, and which of its tests the outer test ran."""

    desk: Desk
    run: RunRecord
    which: TestFilter

    @property
    def key(self) -> tuple[str, str]:
        """What no other run has: its area and its name."""
        return key_of(self.desk, self.run)


def key_of(desk: Desk, run: RunRecord) -> tuple[str, str]:
    """Return a run's area and its name, with the target."""
    return desk.session.area.home, run.name


@contextmanager
def inner_run(desk: Desk, test: TestRecord, *, read_only: bool = False) -> Iterator[Inner | None]:
    """Open the sub-run of a test for as long as the block lasts; None if it has none, or none any more.

    Args:
        desk: the area of the test, and its records.
        test: the outer test.
        read_only: nothing is going to be changed.

    Raises:
        MegatestError: its area or its database cannot be read.
    """
    said = _read(os.path.join(test.shortdir, RECORD)) if test.shortdir.startswith("/") else {}
    area = said.get("run-area", "")
    if not {"target", "run-name"} <= said.keys() or not os.path.isdir(area):
        yield None
        return
    environ = {name: v for name, v in desk.session.request.environ.items() if not name.startswith("MT_")}
    session = open_area(AreaRequest(start=area, area=area, environ=environ))
    if not os.path.exists(session.database):
        yield None
        return
    records = wiring.open_records(session, read_only=read_only)
    try:
        run = records.run(Target.parse(said["target"], session.area.field_names), said["run-name"])
        inner = Desk(session=session, records=records, clock=desk.clock)
        which = TestFilter(pattern=said.get("test-patt", ""))
        yield None if run is None else Inner(desk=inner, run=run, which=which)
    finally:
        records.close()


def _read(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            pairs = [line.rstrip("\n").partition(" ") for line in file]
    except OSError:
        return {}
    return {key: value for key, _, value in pairs}


def set_tests_and_subruns(
    desk: Desk, run: RunRecord, which: TestFilter, edit: Edit, *, inside: bool
) -> tuple[Sequence[TestRecord], Sequence[str]]:
    """Set state and status of tests by hand, and of what ran inside them; triggers fire.

    Args:
        desk, run, which: the tests.
        edit: what to set.
        inside: whether the tests of sub-runs are set too.

    Returns:
        The tests of this run that were set; sentences about sub-runs that could not be.

    Raises:
        UserError: the run is locked.
    """
    problems: list[str] = []
    changed = _set(desk, run, which, edit)
    if inside:
        _set_inside(desk, changed, edit, frozenset({key_of(desk, run)}), problems)
    return changed, problems


def _set_inside(
    desk: Desk,
    tests: Sequence[TestRecord],
    edit: Edit,
    around: frozenset[tuple[str, str]],
    problems: list[str],
) -> None:
    """Set what ran inside tests, to any depth; a run that lies round itself is set once."""
    for test in tests:
        try:
            with inner_run(desk, test) as inner:
                if inner is not None and inner.key not in around:
                    changed = _set(inner.desk, inner.run, inner.which, edit)
                    _set_inside(inner.desk, changed, edit, around | {inner.key}, problems)
        except MegatestError as error:
            problems.append(f"the sub-run of {test.test_id} stays as it is: {error.message}")


def _set(desk: Desk, run: RunRecord, which: TestFilter, edit: Edit) -> Sequence[TestRecord]:
    log = open_run_log(desk.session, run)
    try:
        changed = set_tests(desk.records, run, which, edit, log)
    finally:
        log.close()
    ring_for(desk.session, run, changed, desk.clock)
    return changed
