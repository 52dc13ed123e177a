"""An engine's collaborators for one run, put together once for every command that needs them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence

from megatest.app import wiring
from megatest.app.bells import Bells
from megatest.app.beside import make_bell, make_reviewer
from megatest.app.pages import make_pages
from megatest.app.runjournal import open_run_log
from megatest.app.session import Session
from megatest.engine.attempt import Attempt
from megatest.engine.interrupt import Interrupts
from megatest.engine.ledger import Ledger
from megatest.engine.loop import Engine, Settings
from megatest.engine.ports import Briefing, Clock, Executor, Intake, Reviewer, Watcher
from megatest.engine.recover import recover
from megatest.engine.wait import DescriptorWaiter
from megatest.model.lease import Lease
from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.spec import Area, TestSpec
from megatest.model.status import ENDED, State, Status
from megatest.plan.plan import Plan
from megatest.workarea.ondisk import WorkAreaOnDisk
from megatest.workarea.runlog import RunLog
from megatest.workarea.runtail import rows_at_the_end


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything but the plan: the run's records and how to write them, where tests run.

    Attributes:
        area: its settings.
        run: the run.
        store, log, ledger: the records; only the holder of `lease` has a scene.
        workarea, reviewer, executors, clock: see `megatest.engine.ports`.
        bell: fires the triggers, writes the pages of tests with items.
    """

    area: Area
    run: RunRecord
    store: wiring.AllRecords
    log: RunLog
    ledger: Ledger
    workarea: WorkAreaOnDisk
    reviewer: Reviewer
    bell: Bells
    executors: Mapping[str, Executor]
    clock: Clock

    def recover(self, chosen: Sequence[TestRecord]) -> Sequence[Attempt]:
        """Settle or adopt these tests, as far as they are under way; written at once.

        Returns:
            The attempts that live.
        """
        adopted = recover(
            chosen,
            ledger=self.ledger,
            executors=self.executors,
            workarea=self.workarea,
            clock=self.clock,
            reviewer=self.reviewer,
            job_prefix=wiring.job_prefix(self.area),
            exit_table=self.area.script_exit_table,
        )
        self.ledger.commit()
        latest = {t.test_id: t.attempt for t in chosen if t.attempt and t.state in ENDED}
        if latest:
            self.workarea.put_back(self.run.target, self.run.runname, latest)
        return adopted

    def engine(
        self,
        plan: Plan,
        briefing: Briefing,
        intake: Intake,
        watcher: Watcher,
        interrupts: Interrupts,
        tend: Callable[[Collection[int]], None] | None = None,
    ) -> Engine:
        """Return an engine for a plan; `tend` is that of `megatest.engine.commons.Commons`."""
        area = self.area
        return Engine(
            plan=plan,
            ledger=self.ledger,
            store=self.store,
            workarea=self.workarea,
            executors=self.executors,
            briefing=briefing,
            intake=intake,
            reviewer=self.reviewer,
            watcher=watcher,
            clock=self.clock,
            interrupts=interrupts,
            waiter=DescriptorWaiter(),
            tend=tend,
            settings=Settings(
                job_prefix=wiring.job_prefix(area),
                launch_delay_s=area.launch_delay_s,
                kill_grace_s=area.kill_grace_s,
                max_load=_max_load(area),
                pool_units=area.pool_units,
            ),
        )

    def sweep(self) -> None:
        """End what the recovered tests left behind, where no engine is going to run."""
        for executor in self.executors.values():
            executor.finish()

    def close(self) -> None:
        """Give up what the collaborators hold; tests go on."""
        for executor in self.executors.values():
            executor.close()
        self.log.close()
        self.reviewer.close()
        self.bell.close()


def open_scene(
    session: Session,
    store: wiring.AllRecords,
    run: RunRecord,
    lease: Lease,
    clock: Clock,
    *,
    executors: Collection[str],
    slots: int | None,
    specs: Mapping[str, TestSpec] | None = None,
) -> Scene:
    """Put the collaborators of a run together.

    Args:
        session: the opened area.
        store, run, lease: the run, which is ours.
        clock: the time.
        executors: names of the executors that may be needed; one that this program does not have
            is left out, and recovery then says that nobody accounts for its tests.
        slots: tests at once on this machine.
        specs: the tests as they were selected; None if nothing was.
    """
    area = session.area
    log = open_run_log(session, run)
    records = store.tests(run.id)
    log.run(run, area.field_names, area.home, lease.token)
    catch_up(log, store, records)
    workarea = wiring.make_workarea(area, session.request.environ, clock)
    bell = Bells(
        make_bell(session, run, specs, clock),
        make_pages(session, store, run, log=log, lease=lease, specs=specs),
    )
    return Scene(
        area=area,
        run=run,
        store=store,
        log=log,
        ledger=Ledger(
            run_id=run.id, store=store, log=log, lease=lease, clock=clock, records=records, bell=bell
        ),
        workarea=workarea,
        reviewer=make_reviewer(session, store, run, workarea.read_journal, clock),
        bell=bell,
        executors=wiring.make_executors(session, executors, slots),
        clock=clock,
    )


def catch_up(log: RunLog, store: wiring.AllRecords, records: Sequence[TestRecord]) -> None:
    """Make a run's journal say what the database says, though whoever wrote both may have died.

    Rows are registered before they are logged; commits are logged before they are made.

    Args:
        log: the run's journal; the lease is ours.
        store: the database.
        records: every test of the run.

    Raises:
        EnvironmentFault: the journal cannot be written.
    """
    log.rows(t for t in records if (t.state, t.status) == (State.NOT_STARTED, Status.NA))
    doubtful = rows_at_the_end(log.path)
    present = [test for test in records if test.id in doubtful]
    steps = [step for test in present for step in store.steps(test.id)]
    log.stand(present, steps, doubtful - {test.id for test in present})


def _max_load(area: Area) -> float | None:
    return None if area.max_load is None else area.max_load * (os.cpu_count() or 1)
