"""A row of a plan: one thing to run, an item or the only row of a test without items."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from megatest.model.ids import TestId
from megatest.model.rollup import Pair
from megatest.model.status import State, Status
from megatest.plan.rerun import Prior

if TYPE_CHECKING:
    from megatest.plan.node import Test
    from megatest.plan.ready import Lane

NEVER_RUN: Pair = (State.NOT_STARTED.value, Status.NA.value)


class Stage(Enum):
    """Where a row is in the plan."""

    IDLE = auto()  # known, not in the plan
    WAITING = auto()  # for prerequisites
    READY = auto()  # for limits
    RUNNING = auto()
    DONE = auto()  # ended, or will not run


# A member looked up in its Enum costs several times as much as a name of the module.
_IDLE: Final = Stage.IDLE
_AT_REST: Final = (Stage.IDLE, Stage.DONE)


class Row:
    """One item, or the only row of a test without items."""

    __slots__ = (
        "blocked",
        "comment",
        "counted",
        "failed",
        "forced",
        "generation",
        "lane",
        "linked",
        "pair",
        "prior",
        "queued",
        "reason",
        "stage",
        "test",
        "test_id",
        "unmet",
    )

    def __init__(self, test: Test, test_id: TestId, prior: Prior | None, pair: Pair | None) -> None:
        self.test = test
        self.test_id = test_id
        self.prior = prior
        self.pair = pair or NEVER_RUN
        self.counted = pair is not None  # in the roll-up: it has a record or will have one
        self.stage = _IDLE
        self.unmet = 0
        self.failed = 0
        self.blocked = False  # DONE because of a prerequisite, by this plan
        self.linked = False
        self.forced = False  # it waits for no prerequisite
        self.generation = 0  # of the request that last decided about it
        self.reason = ""
        self.comment = ""
        self.lane: Lane | None = None  # where it gets ready, once it has been open
        self.queued = False  # there

    @property
    def is_open(self) -> bool:
        """Whether it is still to end."""
        return self.stage not in _AT_REST
