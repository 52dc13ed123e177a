"""The changes of one turn of the loop, merged so that each row is written once."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from megatest.model.change import AttemptKept, Change, TestChange
from megatest.model.slotted import field_names

_FIELDS = tuple(name for name in field_names(TestChange) if name not in ("row", "expected_state"))

_VALUES_OF = attrgetter(*_FIELDS)


class Batch:
    """Collects changes until they are committed together."""

    def __init__(self) -> None:
        self._tests: dict[int, TestChange] = {}
        self._steps: list[Change] = []
        self._sealed: list[Change] = []

    def __bool__(self) -> bool:
        return bool(self._tests or self._steps or self._sealed)

    def add(self, change: Change) -> None:
        """Take one more change; a later value of the same row's column wins."""
        if not isinstance(change, TestChange):
            if isinstance(change, AttemptKept) and change.row in self._tests:
                self._seal()
            self._steps.append(change)
            return
        earlier = self._tests.get(change.row)
        self._tests[change.row] = change if earlier is None else _merged(earlier, change)

    def changes(self) -> Sequence[Change]:
        """Return what to commit: cleared steps before new ones, then the rows."""
        return [*self._sealed, *self._steps, *self._tests.values()]

    def _seal(self) -> None:
        """Let what comes be written after what is there, not merged with it: a row ends and begins anew."""
        self._sealed += [*self._steps, *self._tests.values()]
        self._tests.clear()
        self._steps.clear()

    def test_change(self, row: int) -> TestChange | None:
        """Return what this batch will write to a row, if anything."""
        found = self._tests.get(row)
        for change in reversed(self._sealed):
            if isinstance(change, TestChange) and change.row == row:
                found = change if found is None else _merged(change, found)
        return found

    def clear(self) -> None:
        """Begin the next turn: everything was written."""
        self._tests.clear()
        self._steps.clear()
        self._sealed.clear()


def values_of(change: TestChange) -> dict[str, Any]:
    """Return the columns that a change sets."""
    return {name: value for name in _FIELDS if (value := getattr(change, name)) is not None}


def _merged(earlier: TestChange, later: TestChange) -> TestChange:
    merged = {
        name: old if new is None else new
        for name, old, new in zip(_FIELDS, _VALUES_OF(earlier), _VALUES_OF(later), strict=True)
    }
    return TestChange(row=earlier.row, expected_state=earlier.expected_state, **merged)
