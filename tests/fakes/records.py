"""Records for tests that care about some of their values only."""

from __future__ import annotations

from typing import Any, Final

from megatest.model.ids import Target
from megatest.model.record import RunRecord
from megatest.model.slotted import replace

_RUN: Final = RunRecord(
    id=1,
    target=Target(("linux",)),
    runname="r",
    state="new",
    status="n/a",
    owner="me",
    event_time=0,
    comment="",
    fail_count=0,
    pass_count=0,
)


def run_record(*target: str, **values: Any) -> RunRecord:
    """Return a run with these values of its target's fields, and these values of its own."""
    if target:
        values["target"] = Target(target)
    return replace(_RUN, **values)
