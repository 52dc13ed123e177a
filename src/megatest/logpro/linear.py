"""Matching with RE2: time linear in the log, whatever the patterns.

All patterns together are one automaton that looks for lines worth a look in a block of log at a time, and
one *set* that tells which patterns match such a line.  What needs backtracking is then tried with ``re``.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from megatest.typed import Any, Final

import re2

from megatest.logpro.backtracking import BacktrackingMatcher
from megatest.logpro.matcher import Groups
from megatest.logpro.watchdog import Watchdog
from megatest.scheme.regexp import Translation

_AUTOMATON_BYTES: Final = 32 << 20


class LinearMatcher:
    """A `matcher.Matcher` on RE2, with ``re`` behind it.

    Of alternatives the longest counts, unless the pattern has lazy quantifiers or needs backtracking.
    """

    def __init__(self, translations: Sequence[Translation], watchdog: Watchdog) -> None:
        self._translations = translations
        self._backtracking = BacktrackingMatcher(translations, watchdog)
        self._singles: list[Any] = [_compile(t.linear, longest=not t.is_lazy) for t in translations]
        self._doubtful = {
            index
            for index, translation in enumerate(translations)
            if translation.needs_backtracking or self._singles[index] is None
        }
        texts = [
            "" if single is None else t.linear for t, single in zip(translations, self._singles, strict=True)
        ]
        self._any = _compile("|".join(f"(?:{text})" for text in texts), captures=False) if texts else None
        self._set = _compile_set(texts)

    @property
    def doubtful(self) -> Container[int]:
        """See `matcher.Matcher`: those that RE2 only filters."""
        return self._doubtful

    def candidates(self, chunk: bytes) -> Iterator[tuple[int, int]]:
        """See `matcher.Matcher`."""
        if self._any is None:
            if self._translations:
                yield from self._backtracking.candidates(chunk)
            return
        search = self._any.search
        start, last = 0, len(chunk) - 1
        while start <= last and (match := search(chunk, start, last)) is not None:
            begin = chunk.rfind(b"\n", start, match.start()) + 1 or start
            end = chunk.find(b"\n", match.end())
            yield begin, end
            start = end + 1

    def possible(self, line: bytes) -> Sequence[int]:
        """See `matcher.Matcher`."""
        if self._set is not None:
            found: list[int] = self._set.Match(line) or []
            return sorted(found) if len(found) > 1 else found
        return [
            i for i, single in enumerate(self._singles) if single is None or single.search(line) is not None
        ]

    def confirm(self, index: int, line: bytes) -> bool:
        """See `matcher.Matcher`."""
        return self._backtracking.confirm(index, line)

    def groups(self, index: int, line: bytes) -> Groups:
        """See `matcher.Matcher`."""
        if index in self._doubtful:
            return self._backtracking.groups(index, line)
        match = self._singles[index].search(line)
        texts = (match[0], *match.groups()) if match else ()
        return tuple(None if text is None else text.decode("utf-8", "replace") for text in texts)


def can_compile(text: str) -> bool:
    """Tell whether RE2 takes a pattern."""
    return _compile(text) is not None


def _options(*, longest: bool, captures: bool) -> Any:
    options = re2.Options()
    options.max_mem = _AUTOMATON_BYTES
    options.never_nl = True  # so that blocks of many lines can be searched; a line has no LF in it
    options.longest_match = longest
    options.never_capture = not captures
    options.log_errors = False
    return options


def _compile(text: str, *, longest: bool = False, captures: bool = True) -> Any:
    """Compile one pattern; None if it is too large, or not RE2's."""
    try:
        return re2.compile(text.encode(), options=_options(longest=longest, captures=captures))
    except (re2.error, UnicodeEncodeError):
        return None


def _compile_set(texts: Sequence[str]) -> Any:
    """Compile patterns into one set; None if they are too large together, or there are none."""
    patterns = re2.Set.SearchSet(_options(longest=False, captures=False))
    try:
        for text in texts:
            patterns.Add(text.encode())
        patterns.Compile()
    except re2.error:
        return None
    return patterns
