"""What the scanner needs of an engine: which patterns match which lines."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from megatest.typed import Protocol, TypeAlias

Groups: TypeAlias = tuple[str | None, ...]
"""The text of a match and of its groups; None for a group that took no part."""


class PatternTooSlowError(Exception):
    """A backtracking search was stopped; `index` is the pattern's."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class Matcher(Protocol):
    """Many patterns, searched for in lines of UTF-8.

    Patterns have indexes from 0.  Lines are given without their end and hold no CR or LF.
    """

    @property
    def doubtful(self) -> Container[int]:
        """The patterns that need to be confirmed."""
        ...

    def candidates(self, chunk: bytes) -> Iterator[tuple[int, int]]:
        """Yield start and end of each line that may match a pattern, in order.

        Args:
            chunk: whole lines, each with its LF.
        """
        ...

    def possible(self, line: bytes) -> Sequence[int]:
        """Return the patterns that match a line or, if they are doubtful, may match it; ascending."""
        ...

    def confirm(self, index: int, line: bytes) -> bool:
        """Tell whether a possible and doubtful pattern matches.

        Raises:
            PatternTooSlowError: it took too long.
        """
        ...

    def groups(self, index: int, line: bytes) -> Groups:
        """Return the groups of a pattern that matches the line."""
        ...
