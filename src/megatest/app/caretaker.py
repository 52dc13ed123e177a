"""Looks after runs without an engine for a run that waits for what they use.

Almost never is there anything to do, so what does it is loaded when there is.
"""

from __future__ import annotations

from collections.abc import Collection
from megatest.typed import TYPE_CHECKING

from megatest.app import wiring
from megatest.engine.ports import Clock, Watcher
from megatest.model.error import MegatestError
from megatest.model.record import RunRecord

if TYPE_CHECKING:
    from megatest.app.session import Session


class Caretaker:
    """Settles what ended under dead engines, and ends what those claimed in vain.

    Args:
        session: the opened area.
        store, clock: the engine's.
        watcher: is told once of each run that cannot be settled.
    """

    def __init__(self, session: Session, store: wiring.AllRecords, clock: Clock, watcher: Watcher) -> None:
        self._session = session
        self._store = store
        self._clock = clock
        self._watcher = watcher
        self._told: set[int] = set()

    def __call__(self, run_ids: Collection[int]) -> None:
        """Look after these runs, as far as no living engine does."""
        for run_id in run_ids:
            holder, run = self._store.holder(run_id), self._store.run_by_id(run_id)
            if run is None or not (holder is None or wiring.is_dead(holder)):
                continue
            try:
                self._look_after(run)
            except MegatestError as error:
                if run_id not in self._told:
                    self._told.add(run_id)
                    self._watcher.said(f"run {run.name} has no engine and cannot be settled: {error.message}")

    def _look_after(self, run: RunRecord) -> None:
        from megatest.app.attend import Desk, hold
        from megatest.app.look import settle_on_look

        settle_on_look(self._session, self._store, run)
        if self._store.holder(run.id) is not None:
            with hold(Desk(session=self._session, records=self._store, clock=self._clock), run):
                pass  # a claim that led to no launch ends with the lease
