"""Item maps: which item of the upstream test belongs to which of mine.

A map is lines of (regular expression, replacement).  Each line replaces its first match in what
the lines before it left; ``\\1`` in the replacement is a group, ``\\0`` the whole match, and
``&`` is itself.  The first map whose pattern matches the upstream's name counts, at selection
and at waiting.  The expressions are Python's.

A line whose first match is empty is an error as in the original (``x*`` matches everywhere, so
what it should replace cannot be meant), except on an empty path, which stays empty.  A group that
took no part is nothing.  An expression that cannot be read, and a group that does not exist,
are errors that name the file and the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from megatest.model.error import ConfigError, Diagnostic, Location, Severity, UserError
from megatest.model.pattern import NamePattern, parse_words
from megatest.model.slotted import dataclass
from megatest.model.spec import ItemMap

_GROUP: Final = r"\\([0-9]|\\)"


@dataclass(frozen=True, slots=True)
class _Line:
    regex: re.Pattern[str]
    replacement: str

    def apply(self, path: str) -> str:
        found = self.regex.search(path)
        if found is None or not path:
            return path
        if found.start() == found.end():
            raise UserError(
                f"item map {self.regex.pattern!r} matches nothing at all in item {path!r}",
                hint="write an expression that matches at least one character",
            )
        return path[: found.start()] + self._filled(found) + path[found.end() :]

    def _filled(self, found: re.Match[str]) -> str:
        def text_of(escape: re.Match[str]) -> str:
            which = escape.group(1)
            return "\\" if which == "\\" else found.group(int(which)) or ""

        return re.sub(_GROUP, text_of, self.replacement)


@dataclass(frozen=True, slots=True)
class UpstreamMap:
    """The map that counts for one upstream test; without lines every path is its own."""

    lines: tuple[_Line, ...] = ()

    def __call__(self, path: str) -> str:
        """Return the upstream's item path for mine.

        Raises:
            UserError: a line's first match in a path that is not empty is empty.
        """
        for line in self.lines:
            path = line.apply(path)
        return path


@dataclass(frozen=True, slots=True)
class ItemMaps:
    """All maps of one test, compiled; made by `compile_itemmaps`."""

    entries: tuple[tuple[NamePattern, UpstreamMap], ...] = ()

    def for_upstream(self, upstream: str) -> UpstreamMap:
        """Return the first map whose pattern matches; the empty map if none does."""
        return next((found for names, found in self.entries if names.matches(upstream)), UpstreamMap())


def compile_itemmaps(itemmaps: Iterable[ItemMap]) -> ItemMaps:
    """Compile a test's maps, in the order in which they count.

    Raises:
        ConfigError: every expression that cannot be read and every group that does not exist.
    """
    entries: list[tuple[NamePattern, UpstreamMap]] = []
    findings: list[Diagnostic] = []
    for itemmap in itemmaps:
        try:
            names = parse_words(itemmap.upstream)
        except UserError as error:
            findings.append(_finding(error.message, itemmap.location))
            continue
        lines: list[_Line] = []
        for regex, replacement in itemmap.lines:
            try:
                lines.append(_compiled(regex, replacement))
            except (re.error, OverflowError, RecursionError) as error:
                findings.append(_finding(f"item map {regex!r} cannot be read: {error}", itemmap.location))
        entries.append((names, UpstreamMap(tuple(lines))))
    if findings:
        raise ConfigError(findings)
    return ItemMaps(tuple(entries))


def _compiled(regex: str, replacement: str) -> _Line:
    compiled = re.compile(regex)
    for escape in re.finditer(_GROUP, replacement):
        which = escape.group(1)
        if which != "\\" and int(which) > compiled.groups:
            raise re.error(f"the replacement {replacement!r} names a group that it has not: {which}")
    return _Line(compiled, replacement)


def _finding(message: str, location: Location | None) -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        message=message,
        location=location,
        hint="a line of an item map is a regular expression, a blank, and what replaces its first match",
    )
