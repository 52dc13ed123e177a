"""Attempts whose run directories stand before they may start.

Making a directory takes about as long as a short test; it is done for the next few tests while
others run.
"""

from __future__ import annotations

from megatest.engine.attempt import Row
from megatest.engine.ports import Brief, Briefing, WorkArea
from megatest.model.attempt import Prepared
from megatest.model.ids import TestId
from megatest.model.slotted import dataclass, replace
from megatest.model.spec import Variable


@dataclass(frozen=True, slots=True)
class Standing:
    """An attempt that is prepared and not launched."""

    brief: Brief
    prepared: Prepared


class Launchpad:
    """Prepares attempts, ahead or just in time."""

    def __init__(self, *, briefing: Briefing, workarea: WorkArea) -> None:
        self._briefing = briefing
        self._workarea = workarea
        self._standing: dict[TestId, Standing] = {}

    def take(self, row: Row, variables: tuple[Variable, ...] = ()) -> Standing:
        """Return the next attempt of a test, prepared now unless it was prepared ahead.

        Args:
            row: the test.
            variables: more of them, known only now: such a test is not prepared ahead.

        Raises:
            UserError: the test's files say something wrong.
            EnvironmentFault: the run directory cannot be made.
        """
        standing = self._standing.pop(row.test_id, None)
        return standing if standing is not None else self._prepare(row, variables)

    def __contains__(self, test_id: TestId) -> bool:
        """Return whether the next attempt of a test stands."""
        return test_id in self._standing

    def prepare_ahead(self, row: Row) -> None:
        """Prepare the next attempt of a test that will start soon.

        Raises:
            UserError, EnvironmentFault: as `take`, which would meet the same trouble.
        """
        if row.test_id not in self._standing:
            self._standing[row.test_id] = self._prepare(row)

    def _prepare(self, row: Row, variables: tuple[Variable, ...] = ()) -> Standing:
        brief = self._briefing.brief(row.test_id, row.id, row.attempt + 1)
        if variables:
            brief = replace(brief, spec=replace(brief.spec, variables=(*brief.spec.variables, *variables)))
        return Standing(brief, self._workarea.prepare(brief.spec))

    def clear(self) -> None:
        """Take away what was prepared and will not be launched."""
        for standing in self._standing.values():
            self._workarea.discard(standing.prepared)
        self._standing.clear()
