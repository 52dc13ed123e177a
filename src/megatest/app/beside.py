"""What stands beside the engine of a run: the reviewer of failures, the bell of triggers, the hooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from megatest.app import wiring
from megatest.app.bell import TriggerBell
from megatest.app.session import Session, inherited_environment
from megatest.config.testconfig import Purpose, load_test
from megatest.engine.ports import Clock, Failure, Move, Opinion
from megatest.model.attempt import JournalPart
from megatest.model.ids import TestId
from megatest.model.record import RunRecord, TestRecord
from megatest.model.spec import TestSpec, Trigger
from megatest.workarea.ondisk import SHIM_DIR

if TYPE_CHECKING:
    from megatest.app.reviewer import FailureReviewer


class LateReviewer:
    """Satisfies `megatest.engine.ports.Reviewer` with one that is made when something has failed."""

    def __init__(self, make: Callable[[], FailureReviewer]) -> None:
        self._make = make
        self._reviewer: FailureReviewer | None = None

    def _present(self) -> FailureReviewer:
        if self._reviewer is None:
            self._reviewer = self._make()
        return self._reviewer

    def ask(self, failure: Failure) -> Opinion | None:
        """See the port."""
        return self._present().ask(failure)

    def answer(self, failure: Failure) -> Opinion:
        """See the port."""
        return self._present().answer(failure)

    def poll(self) -> Sequence[Opinion]:
        """See the port."""
        return () if self._reviewer is None else self._reviewer.poll()

    def fds(self) -> Sequence[int]:
        """See the port."""
        return () if self._reviewer is None else self._reviewer.fds()

    def close(self) -> None:
        """See the port."""
        if self._reviewer is not None:
            self._reviewer.close()


def make_reviewer(
    session: Session,
    store: wiring.AllRecords,
    run: RunRecord,
    read_journal: Callable[[str, int], JournalPart],
    clock: Clock,
) -> LateReviewer:
    """Return the reviewer of a run's failures; what it is made of is loaded when the first one comes."""

    def earlier(test_id: TestId) -> TestRecord | None:
        for record in store.history(test_id):
            other = store.run_by_id(record.run_id) if record.run_id < run.id else None
            if other is not None and other.target == run.target:
                return record
        return None

    def made() -> FailureReviewer:
        from megatest.app.reviewer import Bench, FailureReviewer

        return FailureReviewer(
            Bench(
                home=session.area.home,
                target=run.target,
                read_journal=read_journal,
                earlier=earlier,
                environment=run_environment(session, run),
                clock=clock,
            )
        )

    return LateReviewer(made)


def make_bell(
    session: Session, run: RunRecord, specs: Mapping[str, TestSpec] | None, clock: Clock
) -> TriggerBell:
    """Return what fires a run's triggers.

    Args:
        session: the opened area.
        run: the run.
        specs: its tests as they were selected; None reads a test's file when it is first needed, without
            running its commands.
        clock: the time.
    """
    return TriggerBell(
        area=session.area,
        of_test=_triggers_of_files(session, specs),
        environment=run_environment(session, run),
        monotonic=clock.monotonic,
    )


def ring_for(session: Session, run: RunRecord, tests: Sequence[TestRecord], clock: Clock) -> None:
    """Fire the triggers of tests that somebody has set by hand; returns when every command has begun."""
    if not tests:
        return
    bell = make_bell(session, run, None, clock)
    bell.moved(
        [
            Move(
                row=test.id,
                test_id=test.test_id,
                state=test.state,
                status=test.status,
                run_dir=test.shortdir,
                time=test.event_time,
            )
            for test in tests
        ]
    )
    bell.close()


def _triggers_of_files(
    session: Session, specs: Mapping[str, TestSpec] | None
) -> Callable[[str], Sequence[Trigger]]:
    known: dict[str, Sequence[Trigger]] = {}
    directories: dict[str, str] = {}

    def of_test(name: str) -> Sequence[Trigger]:
        if specs is not None and name in specs:
            return specs[name].triggers
        if name not in known:
            if not directories:
                directories.update(session.tests())
            known[name] = _read(session, name, directories[name]) if name in directories else ()
        return known[name]

    return of_test


def _read(session: Session, name: str, directory: str) -> Sequence[Trigger]:
    loaded = load_test(
        session.area,
        name,
        directory,
        env={**session.environ, "MT_TEST_NAME": name},
        cache=session.cache,
        runconfig=session.runconfig,
        purpose=Purpose.META,
    )
    return loaded.value.triggers


def run_environment(session: Session, run: RunRecord) -> dict[str, str]:
    """Return the environment of commands that belong to a run and to no test of it."""
    area = session.area
    inherited = inherited_environment(session.request.environ)
    path = inherited.get("PATH", "")
    return {
        **inherited,
        **dict(zip(area.field_names, run.target.values, strict=False)),
        "MT_RUN_AREA_HOME": area.home,
        "MT_TESTSUITENAME": area.name,
        "MT_LINKTREE": area.linktree,
        "MT_TARGET": str(run.target),
        "MT_RUNNAME": run.runname,
        "MT_MEGATEST": os.path.join(SHIM_DIR, "megatest"),
        "MT_PYTHON": sys.executable,
        "PATH": f"{SHIM_DIR}:{path}" if path else SHIM_DIR,
    }
