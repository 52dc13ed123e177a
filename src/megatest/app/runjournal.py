"""The journal of a run, for commands that change something beside the engine.

What the database is told by hand the journal is told too, or it would be lost when the one is made again
from the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from megatest.app.session import Session
from megatest.model.record import RunRecord, TestRecord

if TYPE_CHECKING:
    from megatest.app.wiring import AllRecords
    from megatest.workarea.runlog import RunLog


def open_run_log(session: Session, run: RunRecord) -> RunLog:
    """Return what appends to a run's journal; the file is opened when something is written."""
    from megatest.workarea.runlog import RunLog, run_log_path  # who only looks loads this module too

    return RunLog(run_log_path(session.area.linktree, run.target, run.runname))


def log_run(session: Session, run: RunRecord) -> None:
    """Record how a run itself stands; whoever holds it goes on holding it.

    Raises:
        EnvironmentFault: the journal cannot be written.
    """
    log = open_run_log(session, run)
    log.run(run, session.area.field_names, session.area.home, token=0)
    log.close()


def log_edits(log: RunLog, records: AllRecords, edited: Iterable[TestRecord]) -> None:
    """Record the latest change by hand of each of these tests: who, when and why.

    Raises:
        EnvironmentFault: the journal cannot be written.
    """
    log.edits(edits[-1] for test in edited if (edits := records.edits(test.id)))
