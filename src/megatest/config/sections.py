"""Sections in the making: assignments, continued values, wildcard sections."""

from __future__ import annotations

import re
import warnings
from sys import intern

from megatest.config.entry import Entry, How
from megatest.config.source import Line
from megatest.config.surroundings import Surroundings
from megatest.model.error import Severity


class SectionBuilder:
    """Collects entries; knows the current section and the value that an indented line would continue.

    Attributes:
        sections: what was collected, in order.
        headers: names of the sections that have a header.
        continued: lines were added to the open value and `close` must be called before it is looked at.
    """

    def __init__(self, around: Surroundings) -> None:
        self.sections = around.sections
        self.headers: dict[str, None] = {}
        self.continued = False
        self._around = around
        self._table: dict[str, Entry] | None = None
        self._open: Entry | None = None
        self._lead = ""
        self._pieces: list[str] = []
        self._more: list[Line] = []

    # sections

    def begin(self, name: str) -> None:
        """Leave the current section and open another; a section exists even if it stays empty."""
        name = intern(name)  # the same few in every file
        self.headers[name] = None
        self.resume(name)
        self._current()

    def resume(self, name: str) -> None:
        """Go on in a section, which exists again from its first key on."""
        self._around.section = name
        self._table = None
        self._open = None

    def _current(self) -> dict[str, Entry]:
        table = self._table
        if table is None:
            table = self._table = self.sections.setdefault(self._around.section, {})
        return table

    def apply_wildcard(self) -> None:
        """If the current section is a wildcard, copy it into the sections that match, and remove it."""
        name = self._around.section
        if not _is_wildcard(name):
            return
        entries = self.sections.pop(name, {})
        self._table = None
        pattern = self._pattern(name)
        for other, table in self.sections.items():
            if pattern is None or not pattern.fullmatch(other):
                continue
            for key, entry in entries.items():
                table.pop(key, None)
                table[key] = entry._replace(wildcard=name)

    def _pattern(self, name: str) -> re.Pattern[str] | None:

        try:
            with warnings.catch_warnings():
                # Sets like [[a] may change their meaning in some later Python; that is no news for users.
                warnings.simplefilter("ignore", FutureWarning)
                return re.compile(_section_pattern(name), re.DOTALL)
        except (re.error, OverflowError, RecursionError) as error:
            message = f"[{name}] matches nothing: its name is no regular expression: {error}"
            self._around.report(Severity.ERROR, message)
            return None

    def drop_foreign(self) -> None:
        """Remove the sections that the reading is not about."""
        keeps = self._around.request.keeps
        for name in [name for name in self.sections if not keeps(name)]:
            del self.sections[name]
        self._table = None

    # entries

    def put(self, entry: Entry, *, continues: bool) -> None:
        """Add an entry at the end of the current section; one of the same key goes."""
        table = self._table
        if table is None:
            table = self._current()
        if entry.key in table:
            self._note_again(table.pop(entry.key), entry)
        table[entry.key] = entry
        self._open = entry if continues else None
        self._lead = ""

    def _note_again(self, old: Entry, new: Entry) -> None:
        # From one file to another a key is set again on purpose: that is how defaults are overridden.
        if old.origin is new.origin and not old.wildcard:
            message = f"{old.key!r} is set again; the value of line {old.line.number} is gone"
            self._around.report(Severity.NOTE, message, 0, len(old.key))

    def end_value(self) -> None:
        """Let no line continue the value at hand."""
        self._open = None

    def add_line(self, line: Line, *, volatile: bool) -> None:
        """Add an indented line, as evaluated, to the open value."""
        around = self._around
        entry = self._open
        if entry is None:
            around.warn("this line is ignored: it continues no value", 0, len(around.line.text))
            return
        if not self.continued:
            self.continued = True
            self._pieces = [entry.value]
        if not self._lead:
            self._lead = line.first
        self._pieces.append(line.first.replace(self._lead, "", 1) + line.second)
        self._more.append(around.line)
        if around.line.dynamic:
            self._open = entry._replace(volatile=entry.volatile or volatile, how=How.EXPANDED)

    def close(self) -> None:
        """Give the open value the lines that were added to it."""
        if not self.continued:
            return
        assert self._open is not None, "only an open value is continued"
        value = "\n".join(self._pieces)
        self._open = entry = self._open._replace(value=value, more=(*self._open.more, *self._more))
        self._current()[entry.key] = entry
        self.continued = False
        self._more = []


def _is_wildcard(name: str) -> bool:
    return "%" in name or _is_regex(name)


def _is_regex(name: str) -> bool:
    return len(name) > 1 and name.startswith("/") and name.endswith("/")


def _section_pattern(name: str) -> str:
    """Return the regular expression of ``/regex/``, or of text whose first ``%`` is any text."""
    return name[1:-1] if _is_regex(name) else name.replace("%", ".*", 1)
