"""Forms: what the reader makes of text, each knowing its place."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from megatest.typed import TypeAlias

from megatest.model.error import Diagnostic, Location, Severity
from megatest.scheme.value import Value


@dataclass(frozen=True, kw_only=True)
class Source:
    """A text and where it stands in a user's file.

    Attributes:
        file: its name in messages.
        text: the whole of it.
        line, column: place of its first character (an expression inside a line of another file).
        line_text: that whole line, for the excerpt, if the text does not begin it.
    """

    file: str
    text: str
    line: int = 1
    column: int = 1
    line_text: str | None = None

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    def location(self, offset: int) -> Location:
        """Return the place of a character, by its 0-based offset in the text."""
        row = bisect_right(self._starts, offset) - 1
        column = offset - self._starts[row] + (self.column if row == 0 else 1)
        return Location(file=self.file, line=self.line + row, column=column)

    def finding(self, offset: int, length: int, message: str, hint: str | None = None) -> Diagnostic:
        """Return an error about `length` characters of the text."""
        row = bisect_right(self._starts, offset) - 1
        return Diagnostic(
            severity=Severity.ERROR,
            message=message,
            location=self.location(offset),
            source=self._line(row),
            length=length,
            hint=hint,
        )

    def _line(self, row: int) -> str:
        if row == 0 and self.column > 1:
            return self.line_text if self.line_text is not None else " " * (self.column - 1) + self._row(0)
        return self._row(row)

    def _row(self, row: int) -> str:
        start = self._starts[row]
        end = self._starts[row + 1] - 1 if row + 1 < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class _Placed:
    source: Source
    start: int
    end: int

    @property
    def location(self) -> Location:
        """Where it begins."""
        return self.source.location(self.start)

    @property
    def text(self) -> str:
        """How it is written."""
        return self.source.text[self.start : self.end]

    def finding(self, message: str, hint: str | None = None) -> Diagnostic:
        """Return an error about this form."""
        return self.source.finding(self.start, self.end - self.start, message, hint)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AtomForm(_Placed):
    """A symbol, keyword, string, number, character, boolean or regular expression."""

    value: Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ListForm(_Placed):
    """Forms in parentheses.

    Attributes:
        items: in order.
        tail: what stands after a dot, if anything does.
        is_vector: it was written ``#(...)``.
    """

    items: tuple[Form, ...]
    tail: Form | None = None
    is_vector: bool = False


Form: TypeAlias = AtomForm | ListForm
