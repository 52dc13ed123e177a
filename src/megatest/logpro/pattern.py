"""Patterns of rules: checked when a rule file is read, searched for when it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from megatest.typed import Final

from megatest.logpro.backtracking import BacktrackingMatcher
from megatest.logpro.matcher import Matcher
from megatest.logpro.watchdog import Watchdog
from megatest.scheme.bracket import RegexpError
from megatest.scheme.regexp import Translation, translate
from megatest.scheme.value import Regexp

_LOOK_BEHIND: Final = re.compile(r"\(\?<[=!]")

NO_RE2: Final = (
    "RE2 is not installed: log rules are matched with Python's re, which is slower and takes the first"
    " alternative of a pattern instead of the longest (pip install google-re2)"
)


def translate_pattern(regexp: Regexp) -> Translation:
    """Translate a pattern for searching lines, making sure that an engine will take it.

    Raises:
        RegexpError: it is no pattern, with the place.
    """
    translation = translate(regexp, by_line=True)
    if not translation.needs_backtracking and _linear_takes(translation.linear):
        return translation
    if not translation.exact:
        raise RegexpError("this needs RE2, which does not know it or is not installed", 0)
    try:
        re.compile(translation.exact)
    except (re.error, OverflowError, RecursionError) as error:
        raise RegexpError(str(error), _blamed(regexp.source, str(error))) from error
    return translation


def _blamed(source: str, message: str) -> int:
    """Return the offset to show for an error of ``re``, whose own offset is of the translation."""
    match = _LOOK_BEHIND.search(source) if "look-behind" in message else None
    return match.start() if match else 0


def _linear_takes(text: str) -> bool:
    try:
        from megatest.logpro.linear import can_compile
    except ImportError:
        return False
    return can_compile(text)


def make_matcher(translations: Sequence[Translation], watchdog: Watchdog) -> tuple[Matcher, str | None]:
    """Return the best matcher that is installed, and what to tell the user if it is not RE2's."""
    try:
        from megatest.logpro.linear import LinearMatcher
    except ImportError:
        return BacktrackingMatcher(translations, watchdog), NO_RE2
    return LinearMatcher(translations, watchdog), None
