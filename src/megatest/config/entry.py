"""What reading makes of a file: sections of entries, each with the story of how it came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Final, Generic, NamedTuple, TypeVar

from megatest.config.source import Line
from megatest.model.error import Diagnostic, Location, Severity
from megatest.model.slotted import dataclass, field
from megatest.model.spec import NO_COMMENT, Variable

_LONGEST_CHAIN: Final = 10


class How(StrEnum):
    """What made a value of the text of the file."""

    LITERAL = "literal"
    EXPANDED = "#{...}"
    SYSTEM = "[system]"
    ECHO = "echo"  # an environment section: what the shell's echo prints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Origin:
    """Where a line was read: a file or a script's output, and the line that led there.

    A linked list, because includes may be as deep as they like; compared by identity for the same reason.

    Attributes:
        file: the file; for a script's output its command.
        parent: where the ``[include]`` or ``[scriptinc]`` stands that led here; None for the first file.
        place: of that line.
        scripts: how many scripts led here, this one included.
    """

    file: str
    parent: Origin | None = field(default=None, repr=False)
    place: Location | None = None
    scripts: int = 0

    def chain(self) -> Iterator[Location]:
        """Yield the places of the lines that led here, innermost first."""
        origin: Origin | None = self
        while origin is not None and origin.place is not None:
            yield origin.place
            origin = origin.parent

    def notes(self) -> tuple[str, ...]:
        """Return the chain as notes of a finding, cut to what a reader can bear."""
        places = list(islice(self.chain(), _LONGEST_CHAIN + 1))
        notes = [f"included from {place}" for place in places[:_LONGEST_CHAIN]]
        return (*notes, "and so on") if len(places) > _LONGEST_CHAIN else tuple(notes)


class Pending(NamedTuple):
    """A ``[system]`` command that was put off, with what its environment has beyond the reader's."""

    command: str
    environment: Mapping[str, str]


class Entry(NamedTuple):
    """One assignment (a tuple, because a file has thousands).

    Attributes:
        key, value: as evaluated.
        line: the line that makes it, as written.
        origin: where that line was read.
        offset: where the value begins in the line as written.
        how: what made the value of the text.
        volatile: a command, a script or Scheme had a part in it.
        more: its continuation lines.
        wildcard: the wildcard section that it was copied from; empty without.
        pending: the command that will make its value; None when the value is there.
    """

    key: str
    value: str
    line: Line
    origin: Origin
    offset: int
    how: How = How.LITERAL
    volatile: bool = False
    more: tuple[Line, ...] = ()
    wildcard: str = ""
    pending: Pending | None = None

    @property
    def location(self) -> Location:
        """The place of the value, or of the key if there is no value."""
        return self.line.place(self.origin.file, self._start)

    @property
    def _start(self) -> int:
        return self.offset if self.offset < len(self.line.text) else 0

    @property
    def key_location(self) -> Location:
        """The place of the line's first character, which is the key unless it was expanded."""
        return self.line.place(self.origin.file, 0)

    def finding(
        self, severity: Severity, message: str, *, word: str | None = None, hint: str | None = None
    ) -> Diagnostic:
        """Return a finding about the value, or about one word of it."""
        line, offset = self.find(word or self.value)
        if severity is Severity.ERROR and " #" in self.value:
            hint = f"{hint}; {NO_COMMENT}" if hint else NO_COMMENT
        return Diagnostic(
            severity=severity,
            message=message,
            location=line.place(self.origin.file, offset),
            source=line.physical(offset),
            length=max(1, len(word or line.text[offset:].rstrip())),
            hint=hint,
            notes=self.origin.notes(),
        )

    def key_finding(self, severity: Severity, message: str, *, hint: str | None = None) -> Diagnostic:
        """Return a finding about the key."""
        return Diagnostic(
            severity=severity,
            message=message,
            location=self.key_location,
            source=self.line.physical(0),
            length=max(1, len(self.key)),
            hint=hint,
            notes=self.origin.notes(),
        )

    def find(self, word: str) -> tuple[Line, int]:
        """Return the line as written, and the offset in it, where a word of the value stands.

        A word that an expansion made is not found: then the value's own place is meant.
        """
        first = self._start
        offset = _find_word(self.line.text, word, first)
        if offset >= 0:
            return self.line, offset
        for line in self.more:
            offset = _find_word(line.text, word, 0)
            if offset >= 0:
                return line, offset
        return self.line, first


def _find_word(text: str, word: str, start: int) -> int:
    """Return where the word stands between blanks, or anywhere; -1 if nowhere."""
    offset = text.find(word, start)
    while offset >= 0:
        end = offset + len(word)
        if (offset == 0 or text[offset - 1].isspace()) and (end == len(text) or text[end].isspace()):
            return offset
        offset = text.find(word, offset + 1)
    return text.find(word, start)


Sections = Mapping[str, Mapping[str, Entry]]
"""Section -> key -> entry, both in the order of the language (a key set again moves to the end)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One reading of a file and of everything that it includes.

    Attributes:
        sections: what was read.
        headers: every section header, expanded, in order of first appearance; wildcards too.
        findings: what is odd or wrong, in the order in which it was found.
        exported: variables that the reading changed: name -> value, None for unset.
        asked: variables that helpers asked for, and whether they were set.
        opaque: commands, scripts or Scheme ran, so another environment may give other values.
        missing: sections in which an ``[include]`` found no file.
        files: every file that was read, in order.
    """

    sections: Sections = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    exported: Mapping[str, str | None] = field(default_factory=dict)
    asked: Mapping[str, bool] = field(default_factory=dict)
    opaque: bool = False
    missing: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()

    def variables(self, section: str) -> tuple[Variable, ...]:
        """Return the section's values in order; entries that are still pending are left out."""
        entries = self.sections.get(section, {}).values()
        return tuple(Variable(entry.key, entry.value) for entry in entries if entry.pending is None)

    def resolved(self) -> dict[str, tuple[Variable, ...]]:
        """Return every section's values."""
        return {name: self.variables(name) for name in self.sections}


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[T]):
    """A typed value, what was found on the way, and the reading that it came from.

    An error among the findings means that the value must not be used: raise `ConfigError`.
    """

    value: T
    findings: tuple[Diagnostic, ...] = ()
    document: Document = field(default_factory=Document)
