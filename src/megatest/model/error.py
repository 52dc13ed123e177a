"""The tree of errors, and what an error in a user's file looks like.

One exit status a family, one rendering for all (after ninja and rustc): the place, the
message, the line with the part underlined, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import ClassVar

from megatest.model.slotted import dataclass

_WIDEST_EXCERPT = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place in a user's file: 1-based line and column, column in characters."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """How bad a finding is: an error refuses the input, a warning does not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding about a user's input.

    Attributes:
        severity: what it means for the command.
        message: one sentence without a final full stop.
        location: where, if it has a place.
        source: the text of the line at `location`, without its newline.
        length: how many characters of it, from the column on, are meant.
        hint: what to do about it.
        notes: further sentences, each printed on a line of its own.
    """

    severity: Severity
    message: str
    location: Location | None = None
    source: str | None = None
    length: int = 1
    hint: str | None = None
    notes: tuple[str, ...] = ()

    def render(self) -> str:
        """Return the finding as the lines a terminal shows, without a final newline."""
        place = f"{self.location}: " if self.location else ""
        lines = [f"{place}{self.severity}: {self.message}"]
        if self.location is not None and self.source is not None and self.source.strip():
            lines += _excerpt(self.source, self.location.column, self.length)
        lines += [f"note: {note}" for note in self.notes]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def _excerpt(source: str, column: int, length: int) -> list[str]:
    """Return the line and its underline, cut to a readable width round the column."""
    text = source.replace("\t", " ")
    start = max(0, column - 1)
    offset = 0
    if start > _WIDEST_EXCERPT - 30:
        offset = start - 30
    shown = text[offset : offset + _WIDEST_EXCERPT]
    marks = max(1, min(length, len(shown) - (start - offset)))
    return [f"    {shown}", " " * (4 + start - offset) + "^" + "~" * (marks - 1)]


class MegatestError(Exception):
    """Something that a user is told in text, without a traceback.

    Attributes:
        exit_code: exit status of the command; a family's default unless given.
        hint: what to do about it, or None.
    """

    exit_code: int = 2
    _default_exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, hint: str | None = None, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = self._default_exit_code if exit_code is None else exit_code

    @property
    def message(self) -> str:
        """The sentence for the user."""
        return str(self.args[0])

    def diagnostics(self) -> Sequence[Diagnostic]:
        """Return what to print, in order."""
        return (Diagnostic(severity=Severity.ERROR, message=self.message, hint=self.hint),)


class UserError(MegatestError):
    """The request or a file of the user's is wrong (exit status 2)."""


class ConfigError(UserError):
    """One or more files say something wrong; carries every finding, not only the first."""

    def __init__(self, findings: Iterable[Diagnostic]) -> None:
        self._findings = tuple(findings)
        first = next((f for f in self._findings if f.severity is Severity.ERROR), None)
        super().__init__(first.message if first else "the configuration is wrong")

    def diagnostics(self) -> Sequence[Diagnostic]:
        """Return every finding, in the order in which they were found."""
        return self._findings


class EnvironmentFault(MegatestError):  # noqa: N818 - the machine is at fault, not an error of ours
    """The machine, a disk, a database or a batch system does not play along (exit status 3)."""

    _default_exit_code = 3


class DatabaseLost(EnvironmentFault):
    """The database that is open is gone, replaced or damaged: trying again does not help."""


class NoSpace(EnvironmentFault):
    """A disk or a quota is full; what failed may succeed when there is room again."""
