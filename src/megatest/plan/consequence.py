"""What follows from an event, for the engine to carry out."""

from __future__ import annotations

from megatest.model.ids import TestId
from megatest.model.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Register:
    """These tests and items have joined the plan; each needs a row (id, is it a parent of items)."""

    rows: tuple[tuple[TestId, bool], ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """The record says active and nobody accounts for it: mark it INCOMPLETE; it runs again."""

    test_id: TestId


@dataclass(frozen=True, slots=True)
class Settle:
    """A test or item that does not run gets this state and status."""

    test_id: TestId
    state: str
    status: str
    comment: str


@dataclass(frozen=True, slots=True)
class Expand:
    """What a test's item lists may depend on has ended: evaluate them and call `Plan.expand`."""

    test: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A request named items that a test turned out not to have; nothing else says so."""

    message: str


Consequence = Register | Stuck | Settle | Expand | Unmatched
