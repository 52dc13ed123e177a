"""Searching text with a regular expression of the dialect, for the procedures on strings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from megatest.typed import TypeAlias

from megatest.scheme.bracket import RegexpError
from megatest.scheme.fault import SchemeFault
from megatest.scheme.regexp import translate
from megatest.scheme.value import Regexp

Span: TypeAlias = tuple[int, int]
"""First and past-last offset; (-1, -1) for a group that took no part."""


class Matcher:
    """A compiled pattern.  The first alternative that matches counts, not the longest."""

    def __init__(self, compiled: re.Pattern[str]) -> None:
        self._compiled = compiled

    def search(self, text: str, start: int = 0) -> tuple[Span, ...] | None:
        """Return the spans of the first match and of its groups."""
        match = self._compiled.search(text, start)
        return match and tuple(match.span(i) for i in range(self._compiled.groups + 1))

    def match_whole(self, text: str) -> tuple[Span, ...] | None:
        """Return the spans if the pattern matches the whole text."""
        match = self._compiled.fullmatch(text)
        return match and tuple(match.span(i) for i in range(self._compiled.groups + 1))

    def matches(self, text: str) -> Iterator[tuple[Span, ...]]:
        """Yield the spans of each match, from left to right, without overlaps."""
        for match in self._compiled.finditer(text):
            yield tuple(match.span(i) for i in range(self._compiled.groups + 1))


@lru_cache(maxsize=256)
def matcher_for(regexp: Regexp) -> Matcher:
    """Compile a pattern.

    Raises:
        SchemeFault: it is no pattern of the dialect.
    """
    try:
        return Matcher(re.compile(translate(regexp).exact))
    except (RegexpError, re.error) as error:
        raise SchemeFault(f"the regular expression {regexp.source!r} cannot be read: {error}") from error
