"""Typed access to a document's values, by the schema; what is wrong is collected, not raised."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from megatest.config import kind as kinds
from megatest.config.entry import Document, Entry, How
from megatest.config.kind import Kind, problem_with
from megatest.config.line import BLANKS
from megatest.config.schema import FileSchema, Setting
from megatest.model.error import Diagnostic

_WORD: Final = re.compile(r"\S+", re.ASCII)
_LISTED: Final = r"[^\s,]+"


class Values:
    """The values of one document, with the schema's types and defaults.

    Attributes:
        findings: what was wrong with the values that were asked for.
    """

    def __init__(self, document: Document, schema: FileSchema) -> None:
        self.document = document
        self.findings: list[Diagnostic] = []
        self._schema = schema

    def entries(self, section: str) -> Sequence[Entry]:
        """Return a section's entries in order, but for those that were put off."""
        table = self.document.sections.get(section)
        return [entry for entry in table.values() if entry.pending is None] if table else ()

    def entry(self, section: str, key: str) -> Entry | None:
        """Return a setting's entry, by the first of its names that is there."""
        table = self.document.sections.get(section)
        if not table:
            return None
        for name in (key, *self._setting(section, key).aliases):
            entry = table.get(name)
            if entry is not None and entry.pending is None:
                return entry
        return None

    def knows(self, section: str, key: str) -> bool:
        """Tell whether the schema has a setting of this name."""
        return self._schema.setting(section, key) is not None

    def text(self, section: str, key: str) -> str:
        """Return a setting without the blanks round it; its default if it is not there or empty."""
        entry = self.entry(section, key)
        text = entry.value.strip(BLANKS) if entry else ""
        return text or self._setting(section, key).default

    def words(self, section: str, key: str) -> tuple[str, ...]:
        """Return the words of a setting."""
        return words(self.text(section, key))

    def listed(self, section: str, key: str) -> tuple[str, ...]:
        """Return the words of a setting that may have commas between them."""
        return tuple(re.findall(_LISTED, self.text(section, key), re.ASCII))

    def flag(self, section: str, key: str) -> bool:
        """Return a yes or no."""
        return kinds.flag(self._sound(section, key)) or False

    def integer(self, section: str, key: str) -> int | None:
        """Return a whole number; None without."""
        return kinds.integer(self._sound(section, key))

    def number(self, section: str, key: str) -> float | None:
        """Return a number; None without."""
        return kinds.number(self._sound(section, key))

    def seconds(self, section: str, key: str) -> float | None:
        """Return a time in seconds; None without."""
        return kinds.seconds(self._sound(section, key))

    def size_kib(self, section: str, key: str) -> int | None:
        """Return a size in KiB; None without."""
        return kinds.size_kib(self._sound(section, key))

    def integers(self, section: str) -> dict[str, int]:
        """Return a section of ``NAME N`` lines."""
        result = {}
        for entry in self.entries(section):
            finding = wrong_value(entry, Kind.INTEGER)
            if finding is not None:
                self.findings.append(finding)
            else:
                result[entry.key] = kinds.integer(entry.value.strip(BLANKS)) or 0
        return result

    def texts(self, section: str) -> dict[str, str]:
        """Return a section of ``NAME TEXT`` lines."""
        return {entry.key: entry.value.strip(BLANKS) for entry in self.entries(section)}

    def _setting(self, section: str, key: str) -> Setting:
        known = self._schema.setting(section, key)
        assert known is not None, f"[{section}] {key} is in the schema"
        return known

    def _sound(self, section: str, key: str) -> str:
        """Return a setting's text if it is of its kind; else its default, after a finding."""
        entry = self.entry(section, key)
        setting = self._setting(section, key)
        if entry is None:
            return setting.default
        if entry.how is not How.LITERAL and not entry.value.strip(BLANKS):
            return setting.default  # an expansion that made nothing; that was reported where it happened
        finding = wrong_value(entry, setting.kind)
        if finding is not None:
            self.findings.append(finding)
            return setting.default
        return entry.value.strip(BLANKS)


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text; only ASCII blanks and newlines separate them."""
    return tuple(_WORD.findall(text))


def wrong_value(entry: Entry, kind: Kind) -> Diagnostic | None:
    """Return what is wrong with a value of this kind, or None."""
    text = entry.value.strip(BLANKS)
    problem = problem_with(kind, text)
    if problem is None:
        return None
    return entry.finding(problem.severity, f"{entry.key}: {text!r} {problem.message}", hint=problem.hint)
