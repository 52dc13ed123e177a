"""``[skip]``: whether a test about to start is passed over, and the sentence why.

The keys are looked at in the original's order; only the first one that the file has counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.model.spec import TestSpec
from megatest.model.status import ACTIVE, State, Status

History = Callable[[TestId], Sequence[TestRecord]]
"""Returns a test's records over all runs, newest run first."""

_RAN = frozenset({State.COMPLETED, State.INCOMPLETE})
_COUNTS = frozenset({Status.PASS, Status.FAIL, Status.ABORT})


def why_skip(spec: TestSpec, test_id: TestId, *, run_id: int, history: History, now: float) -> str:
    """Return why a test is skipped now; empty if it runs.

    Args:
        spec: what its file says.
        test_id: the test or item.
        run_id: its run.
        history: asked only where the file has `prevrunning` or `rundelay`.
        now: seconds since the epoch.
    """
    skip = spec.skip
    if skip.prevrunning:
        return _running_elsewhere(test_id, run_id, history)
    if skip.fileexists:
        path = os.path.join(spec.directory, skip.fileexists)
        return f"[skip] fileexists: {path} exists" if os.path.exists(path) else ""
    if skip.rundelay_s is not None:
        return _running_elsewhere(test_id, run_id, history) or _ran_lately(
            test_id, skip.rundelay_s, history, now
        )
    return ""


def _running_elsewhere(test_id: TestId, run_id: int, history: History) -> str:
    for record in history(test_id):
        if record.run_id != run_id and record.state in ACTIVE:
            return f"[skip] it is {record.state} in another run"
    return ""


def _ran_lately(test_id: TestId, delay_s: float, history: History, now: float) -> str:
    for record in history(test_id):
        if record.state in _RAN and record.status in _COUNTS:
            began = record.event_time - record.run_duration_s
            if now - began < delay_s:
                return f"[skip] rundelay: it ran {now - began:.0f} s ago, which is less than {delay_s:g} s"
    return ""
