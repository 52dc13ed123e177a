"""How a run of the engine went."""

from __future__ import annotations

from megatest.engine.interrupt import Level
from megatest.model.slotted import dataclass


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How a run of the engine went.

    Attributes:
        launched: attempts started.
        good, bad: tests that ended while this engine ran, by status.
        unrunnable: tests settled without running.
        running, waiting: what was left when the user ended the command.
        interrupted: the highest level of interruption.
    """

    launched: int = 0
    good: int = 0
    bad: int = 0
    unrunnable: int = 0
    running: int = 0
    waiting: int = 0
    interrupted: Level = Level.NONE
