"""The changes of one turn of the loop, merged so that each row is written once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from megatest.typed import Any

from megatest.model.change import AttemptKept, Change, TestChange


class Batch:
    """Collects changes until they are committed together.

    Attributes:
        version: grows with each change that it takes.
    """

    def __init__(self) -> None:
        self.version = 0
        self._tests: dict[int, TestChange] = {}
        self._steps: list[Change] = []
        self._sealed: list[Change] = []

    def __bool__(self) -> bool:
        return bool(self._tests or self._steps or self._sealed)

    def set_columns(self, row: int, expected_state: str, values: Mapping[str, Any]) -> None:
        """Set columns of a row; a later value of the same column wins, None leaves what is there."""
        self.version += 1
        change = self._tests.get(row)
        if change is None:
            change = self._tests[row] = TestChange(row=row, expected_state=expected_state)
        if None in values.values():
            values = {name: value for name, value in values.items() if value is not None}
        change.values.update(values)

    def add(self, change: Change) -> None:
        """Take one more change of another kind than columns of a row."""
        self.version += 1
        if isinstance(change, AttemptKept) and change.row in self._tests:
            self._seal()
        self._steps.append(change)

    def changes(self) -> Sequence[Change]:
        """Return what to commit: cleared steps before new ones, then the rows."""
        return [*self._sealed, *self._steps, *self._tests.values()]

    def _seal(self) -> None:
        """Let what comes be written after what is there, not merged with it: a row ends and begins anew."""
        self._sealed += [*self._steps, *self._tests.values()]
        self._tests.clear()
        self._steps.clear()

    def columns_of(self, row: int) -> TestChange | None:
        """Return what this batch will write to a row, if anything."""
        changes = [c for c in self._sealed if isinstance(c, TestChange) and c.row == row]
        changes += [self._tests[row]] if row in self._tests else []
        if not changes:
            return None
        merged = TestChange(row=row, expected_state=changes[0].expected_state)
        for change in changes:
            merged.values.update(change.values)
        return merged

    def clear(self) -> None:
        """Begin the next turn: everything was written."""
        self._tests.clear()
        self._steps.clear()
        self._sealed.clear()
