"""Requests of other commands, as additions to a running plan."""

from __future__ import annotations

from collections.abc import Sequence

from megatest.app import wiring
from megatest.app.planning import Selected, rerun_request, select_tests
from megatest.app.request import RUN, unpacked
from megatest.engine.ports import Addition, Watcher
from megatest.model.error import MegatestError
from megatest.model.lease import Lease
from megatest.model.record import RequestRecord
from megatest.model.slotted import dataclass, field


@dataclass(slots=True, kw_only=True)
class RequestIntake:
    """Takes requests out of the store and selects what they ask for.

    What the requests newly select becomes known to the first selection, whose specs the briefing
    and the limits share.

    Attributes:
        store, lease: the run; requests are taken in one transaction under the lease.
        selected: what this command itself runs.
        watcher: is told about requests that cannot be served.
        waiting: requests that were taken already, by whoever opened the run.
    """

    store: wiring.AllRecords
    lease: Lease
    selected: Selected
    watcher: Watcher
    waiting: list[RequestRecord] = field(default_factory=list)

    def take(self) -> Sequence[Addition]:
        """See `megatest.engine.ports.Intake`."""
        requests = [*self.waiting, *self.store.take_requests(self.lease.run_id, self.lease)]
        self.waiting.clear()
        additions = []
        for record in requests:
            if record.kind != RUN:
                continue
            try:
                additions.append(self._addition(record))
            except MegatestError as error:
                self.watcher.said(f"a request of another command cannot be served: {error.message}")
        return additions

    def _addition(self, record: RequestRecord) -> Addition:
        more = select_tests(unpacked(record, self.selected.request))
        for name, spec in more.specs.items():
            self.selected.specs.setdefault(name, spec)
        self.watcher.said(f"another command adds the tests {more.selection.pattern} to this run")
        return Addition(selection=more.selection, rerun=rerun_request(more))
