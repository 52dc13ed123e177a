"""Before somebody looks at a run: settle what ended in it while no engine looked after it.

Almost always there is nothing to settle, so that case loads no engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from megatest.app import wiring
from megatest.model.error import EnvironmentFault
from megatest.model.status import ACTIVE

if TYPE_CHECKING:
    from megatest.app.session import Session
    from megatest.model.record import RunRecord


def settle_on_look(session: Session, records: wiring.Records, run: RunRecord) -> str:
    """Settle what ended in a run that no engine looks after, before somebody looks at it.

    Args:
        session: the opened area.
        records: may be read-only; asked first, because almost always there is nothing to do.
        run: the run.

    Returns:
        A sentence for the reader; empty if an engine holds the run or nothing was under way.
    """
    under_way = [test for test in records.tests(run.id, states=ACTIVE) if not test.is_parent]
    if not under_way:
        return ""
    holder = records.holder(run.id)
    if holder is not None and not wiring.is_dead(holder):
        return ""
    from megatest.app.attend import Desk, settle_left

    try:
        store = wiring.open_records(session)
        try:
            alive = settle_left(Desk(session=session, records=store, clock=wiring.SystemClock()), run)
        finally:
            store.close()
    except EnvironmentFault as error:
        return f"No engine is running this run, and what ended since cannot be written: {error.message}."
    finished = len(under_way) - alive
    tests = "1 test" if finished == 1 else f"{finished} tests"
    still = f", {alive} still {'runs' if alive == 1 else 'run'}" if alive else ""
    return f"No engine is running this run; {tests} finished since{still}. Go on with: megatest run"
