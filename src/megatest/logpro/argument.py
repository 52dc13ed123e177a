"""The arguments of the forms of a rule file: what they must be, and what is said if they are not.

The original refused some mistakes when it read a rule file and passed over others, which then broke the run
or silently disarmed a rule.  The first raise a fault here; the others are kept as `FormCall.mistakes`.  Both
end the run; only what is left on disk differs (see `load.RuleFileError`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from megatest.logpro.pattern import translate_pattern
from megatest.logpro.rule import Comparison, Where
from megatest.model.error import Diagnostic, Severity
from megatest.model.slotted import replace
from megatest.scheme.bracket import RegexpError
from megatest.scheme.fault import SchemeFault
from megatest.scheme.procedure import CallSite, Procedure
from megatest.scheme.value import (
    Keyword,
    Pair,
    QuotedRegexp,
    Regexp,
    Symbol,
    Value,
    brief,
    is_list,
    is_true,
    items_of,
)

_PATTERN_HINT: Final = 'a pattern is #/.../, a "string", (regexp ...) or a (list ...) of these'
_COMPARISON_HINT: Final = "write one of = < > <= >= without quotes, then the count"


class FormCall:
    """One call of a form that defines something.

    Attributes:
        name: of the form.
        site: where it stands.
        arguments: the positional ones.
        mistakes: what is wrong with them.
        warnings: what is probably not meant.
    """

    def __init__(self, name: str, site: CallSite, arguments: Sequence[Value]) -> None:
        self.name = name
        self.site = site
        self.arguments = arguments
        self.mistakes: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self._options: dict[str, tuple[int, Value]] = {}

    def mistake(self, index: int, message: str, hint: str | None = None) -> None:
        """Note what is wrong with an argument."""
        self.mistakes.append(self.site.argument(index).finding(f"{self.name}: {message}", hint))

    def warning(self, index: int, message: str, hint: str | None = None) -> None:
        """Note what is probably not meant by an argument."""
        finding = self.site.argument(index).finding(f"{self.name}: {message}", hint)
        self.warnings.append(replace(finding, severity=Severity.WARNING))

    def require(self, count: int, shape: str) -> None:
        """Refuse the form if it has fewer arguments."""
        if len(self.arguments) < count:
            raise SchemeFault(f"{self.name} wants {shape}")

    def take_options(self, start: int, known: Sequence[str], *, extra: str) -> None:
        """Read the keywords from an argument on.

        Args:
            start: index of the first argument that may be a keyword.
            known: their names.
            extra: what to say of an argument that is none.
        """
        index = start
        while index < len(self.arguments):
            word = self.arguments[index]
            if not isinstance(word, Keyword):
                self.mistake(index, extra)
            elif word.name not in known:
                self.mistake(index, f"unknown keyword {word.name}:", f"known are {', '.join(known)}")
            elif index + 1 >= len(self.arguments):
                self.mistake(index, f"{word.name}: has no value")
            elif word.name in self._options:
                self.warning(index, f"{word.name}: is given twice", "the first counts")
            else:
                self._options[word.name] = (index + 1, self.arguments[index + 1])
            index += 2 if isinstance(word, Keyword) else 1

    def option(self, *names: str) -> tuple[int, Value]:
        """Return the place and the value of the first of these keywords that is given; ``#f`` without."""
        return next((self._options[name] for name in names if name in self._options), (0, False))

    def text_option(self, name: str) -> str:
        """Return a keyword's string; empty without."""
        index, value = self.option(name)
        if not is_true(value) or isinstance(value, str):
            return value if isinstance(value, str) else ""
        self.mistake(index, f"{name}: wants a string, not {brief(value)}")
        return ""

    def text(self, index: int, what: str) -> str | None:
        """Return a string argument."""
        value = self.arguments[index]
        if isinstance(value, str):
            return value
        self.mistake(index, f"{what} is not a string: {brief(value)}")
        return None

    def number(self, index: int, what: str) -> int | float | None:
        """Return a numeric argument."""
        value = self.arguments[index]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        self.mistake(index, f"{what} is not a number: {brief(value)}")
        return None

    def comparison(self, index: int) -> Comparison | None:
        """Return which of Scheme's five comparisons an argument is."""
        comparison = as_comparison(self.arguments[index])
        if comparison is None:
            shown = brief(self.arguments[index])
            self.mistake(index, f"{shown} is no comparison", _COMPARISON_HINT)
        return comparison

    def where(self, index: int) -> Where | None:
        """Return ``in``, ``not-in``, ``before`` or ``after``."""
        value = self.arguments[index]
        if isinstance(value, Symbol) and value.name in set(Where):
            return Where(value.name)
        self.mistake(index, f"{brief(value)} is none of {', '.join(Where)}")
        return None

    def names(self, index: int) -> tuple[str, ...]:
        """Return a string, or the strings of a list."""
        value = self.arguments[index]
        items = list(items_of(value, self.name)) if is_list(value) else [value]
        names = tuple(dict.fromkeys(item for item in items if isinstance(item, str)))
        for item in items:
            if not isinstance(item, str):
                self.mistake(index, f"the section is not a string: {brief(item)}")
        return names

    def patterns(self, index: int) -> tuple[Regexp, ...]:
        """Return one pattern, or those of a list; an empty list never matches."""
        value = self.arguments[index]
        items = list(items_of(value, self.name)) if is_list(value) else [value]
        patterns = (self._pattern(index, item) for item in items)
        return tuple(pattern for pattern in patterns if pattern is not None)

    def trigger_patterns(self, start: int) -> tuple[Regexp, ...]:
        """Return the patterns from an argument on; a list may stand among them if it holds strings only."""
        patterns: list[Regexp] = []
        for index, value in enumerate(self.arguments[start:], start):
            items = [value]
            if isinstance(value, Pair) and is_list(value):
                items = list(items_of(value, self.name))
                if not all(isinstance(item, str) for item in items):
                    self.mistake(index, "a list is no pattern here", "give the patterns one after the other")
                    continue
            patterns += (p for p in (self._pattern(index, item) for item in items) if p is not None)
        return tuple(patterns)

    def _pattern(self, index: int, value: Value) -> Regexp | None:
        if isinstance(value, Regexp):
            return value  # checked where it was made
        if isinstance(value, QuotedRegexp):
            self.mistake(index, "a quoted regular expression is no pattern", "write (list #/.../ #/.../)")
            return None
        regexp = _as_regexp(value)
        if regexp is None:
            self.mistake(index, f"{brief(value)} is no pattern", _PATTERN_HINT)
            return None
        try:
            translate_pattern(regexp)
        except RegexpError as error:
            place = f"{regexp.source[: error.offset]}<here>{regexp.source[error.offset :]}"
            self.mistake(index, f"the pattern cannot be read: {error.message}", f"at {place[:200]}")
            return None
        return regexp


def as_comparison(value: Value) -> Comparison | None:
    """Return which of Scheme's five comparisons a value is; None if it is none."""
    if isinstance(value, Procedure) and value.name in set(Comparison):
        return Comparison(value.name)
    return None


def _as_regexp(value: Value) -> Regexp | None:
    """Return a string as a pattern, or the vector ``#(KIND "PATTERN" ignore-case? extended? utf8?)``."""
    if isinstance(value, str):
        return Regexp(source=value)
    if isinstance(value, list) and len(value) >= 2 and isinstance(value[1], str):
        flags = [is_true(flag) for flag in value[2:5]] + [False] * 3
        return Regexp(source=value[1], ignore_case=flags[0], extended=flags[1], utf8=flags[2])
    return None
