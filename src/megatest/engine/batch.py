"""The changes of one turn of the loop, merged so that each row is written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from megatest.model.change import Change, StepChange, StepsCleared, TestChange
from megatest.model.slotted import replace

_FIELDS = tuple(f.name for f in fields(TestChange) if f.name not in ("row", "expected_state"))


class Batch:
    """Collects changes until they are committed together."""

    def __init__(self) -> None:
        self._tests: dict[int, TestChange] = {}
        self._steps: list[StepChange | StepsCleared] = []

    def __bool__(self) -> bool:
        return bool(self._tests or self._steps)

    def add(self, change: Change) -> None:
        """Take one more change; a later value of the same row's column wins."""
        if not isinstance(change, TestChange):
            self._steps.append(change)
            return
        earlier = self._tests.get(change.row)
        self._tests[change.row] = change if earlier is None else _merged(earlier, change)

    def changes(self) -> Sequence[Change]:
        """Return what to commit: cleared steps before new ones, then the rows."""
        return [*self._steps, *self._tests.values()]

    def test_change(self, row: int) -> TestChange | None:
        """Return what this batch will write to a row, if anything."""
        return self._tests.get(row)

    def clear(self) -> None:
        """Begin the next turn: everything was written."""
        self._tests.clear()
        self._steps.clear()


def values_of(change: TestChange) -> dict[str, Any]:
    """Return the columns that a change sets."""
    return {name: value for name in _FIELDS if (value := getattr(change, name)) is not None}


def _merged(earlier: TestChange, later: TestChange) -> TestChange:
    return replace(earlier, **values_of(later))
