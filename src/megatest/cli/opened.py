"""What most modern commands begin with: an area, its records, the run and the author."""

from __future__ import annotations

import os

from megatest.app import wiring
from megatest.app.attend import Desk
from megatest.app.edit import Author
from megatest.app.query import RunFilter, TestFilter, find_runs, find_tests, is_many, no_match, one_run
from megatest.app.session import Session, open_area
from megatest.cli.modern import area_request
from megatest.model.error import UserError
from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An opened area and its records, for commands that change them."""

    session: Session
    records: wiring.AllRecords

    @property
    def desk(self) -> Desk:
        """The same, with the time of this machine."""
        return Desk(session=self.session, records=self.records, clock=wiring.SystemClock())

    def runs(self, target: str, runname: str) -> list[RunRecord]:
        """Return the runs that ``-t`` and ``-n`` mean: patterns for many, else the newest that fits.

        Raises:
            UserError: there is none.
        """
        if not is_many(target) and not is_many(runname):
            return [one_run(self.records, self.session, target, runname)]
        return self.all_runs(target, runname)

    def all_runs(self, target: str, runname: str) -> list[RunRecord]:
        """Return every run that ``-t`` and ``-n`` mean, all runs without them.

        Raises:
            UserError: they are there, and mean none.
        """
        which = RunFilter(target=target, runname=runname)
        runs = find_runs(self.records, self.session.area.field_names, which)
        if not runs and (target or runname):
            name = "/".join(part for part in (target, runname) if part)
            raise UserError(f"no run matches {name!r}", hint="see which there are: megatest list --runs")
        return runs


def open_area_and_records(area: str, config_name: str, *, read_only: bool = False) -> Opened:
    """Open an area and its records.

    Raises:
        UserError, ConfigError: there is no area; its file is wrong.
        EnvironmentFault: nothing has run in it yet; the database cannot be opened.
    """
    session = open_area(area_request(area, config_name))
    return Opened(session=session, records=wiring.open_records(session, read_only=read_only))


def author() -> Author:
    """Return who gives this command, and when."""
    return Author(user=wiring.user_name(os.environ), time=int(wiring.SystemClock().now()))


def matching(opened: Opened, run: RunRecord, which: TestFilter) -> list[TestRecord]:
    """Return the tests of a run that a pattern means.

    Raises:
        UserError: there is none.
    """
    tests = find_tests(opened.records, run, which)
    if not tests:
        raise no_match(run, which.pattern)
    return tests
