"""Matching with Python's ``re``: for what RE2 cannot do, and for everything where it is not installed."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from megatest.logpro.matcher import Groups
from megatest.logpro.watchdog import Watchdog
from megatest.scheme.regexp import Translation


class BacktrackingMatcher:
    """A `matcher.Matcher` that tries each pattern on each line, as text.

    Of alternatives, the first that matches counts, not the longest.  Cost: lines times patterns.
    """

    def __init__(self, translations: Sequence[Translation], watchdog: Watchdog) -> None:
        self._translations = translations
        self._compiled: dict[int, re.Pattern[str]] = {}
        self._watchdog = watchdog
        self._all = range(len(translations))

    @property
    def doubtful(self) -> Container[int]:
        """See `matcher.Matcher`: all of them."""
        return self._all

    def candidates(self, chunk: bytes) -> Iterator[tuple[int, int]]:
        """See `matcher.Matcher`: every line may match."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            yield start, end
            start = end + 1

    def possible(self, line: bytes) -> Sequence[int]:
        """See `matcher.Matcher`: every pattern may match."""
        return self._all

    def confirm(self, index: int, line: bytes) -> bool:
        """See `matcher.Matcher`."""
        return self._search(index, line) is not None

    def groups(self, index: int, line: bytes) -> Groups:
        """See `matcher.Matcher`."""
        match = self._search(index, line)
        return (match[0], *match.groups()) if match else ()

    def _search(self, index: int, line: bytes) -> re.Match[str] | None:
        if index not in self._compiled:
            self._compiled[index] = re.compile(self._translations[index].exact)
        text = line.decode("utf-8", "replace")
        self._watchdog.begin(index)
        try:
            return self._compiled[index].search(text)
        finally:
            self._watchdog.end()
