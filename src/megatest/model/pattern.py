"""The pattern language: which tests, items, runs, targets and tags are meant.

A pattern is a comma list and matches what any of its elements matches.  Blanks round commas
do not count, empty elements are dropped, and a pattern without elements matches nothing.

=========  ==========================================================================
``T``      the test T with all its items
``T/I``    of the test T the item I (split at the first ``/``)
``T/``     of the test T only the empty item path: a test without items, or the parent
=========  ==========================================================================

T and I are parts.  In a part ``%`` and ``*`` stand for any text, ``?`` for one character,
``[a-c]`` and ``[!a-c]`` for one of a set, all of them also for ``/``, which separates the
levels of an item path (so did the original's ``*`` and ``%``).  A part that starts with ``re:`` is a
regular expression for the whole part; a leading ``~`` negates the part.  Everything else,
``_`` and ``.`` included, is itself, and case counts.  There are no escapes: a character that
is special can be written as a set of one, ``[*]``, and a comma cannot be part of a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from megatest.typed import Final

from megatest.model.error import UserError
from megatest.model.slotted import dataclass

_SPECIAL: Final = frozenset("%*?[")
_NAMED_CLASSES: Final = {
    "[:alnum:]": "a-zA-Z0-9",
    "[:alpha:]": "a-zA-Z",
    "[:blank:]": r" \t",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:space:]": r"\s",
    "[:upper:]": "A-Z",
    "[:xdigit:]": "0-9a-fA-F",
}
_NAMED_CLASS: Final = r"\[:[a-z]+:\]"


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A pattern of one-part elements: run names, parts of a target, tags, item paths.

    Made by `parse_words`.  Plain words are found in a set, wildcards by one regular expression
    for all of them, so a list of 10,000 names costs no more than one name.
    """

    words: tuple[str, ...]
    _plain: frozenset[str]
    _wild: re.Pattern[str] | None
    _regexes: tuple[tuple[re.Pattern[str], bool], ...]

    def __str__(self) -> str:
        return ",".join(self.words)

    def matches(self, name: str) -> bool:
        """Return whether any element matches the whole of `name`."""
        if name in self._plain:
            return True
        if self._wild is not None and self._wild.fullmatch(name):
            return True
        return any((regex.fullmatch(name) is None) is negated for regex, negated in self._regexes)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a pattern as written: a test part, and an item part unless it has none."""

    test: str
    item: str | None

    def __str__(self) -> str:
        return self.test if self.item is None else f"{self.test}/{self.item}"

    @property
    def is_plain(self) -> bool:
        """Whether the test part names one test, without wildcard, expression or negation."""
        return is_plain(self.test)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of tests and items; made by `parse_pattern`.

    Attributes:
        elements: as written, in order, without the empty ones.
    """

    elements: tuple[Element, ...]
    _tests: NamePattern
    _items_of: dict[str, NamePattern]
    _items_where: tuple[tuple[NamePattern, NamePattern], ...]

    def __str__(self) -> str:
        return ",".join(str(element) for element in self.elements)

    def matches(self, test: str, item_path: str) -> bool:
        """Return whether any element matches this test and item path ("": no item, parent)."""
        items = self._items_of.get(test)
        if items is not None and items.matches(item_path):
            return True
        if self._tests.matches(test):
            return True
        return any(t.matches(test) and i.matches(item_path) for t, i in self._items_where)

    def matches_name(self, test: str) -> bool:
        """Return whether this test has a place in the pattern: some item of it could match."""
        return (
            test in self._items_of
            or self._tests.matches(test)
            or any(names.matches(test) for names, _ in self._items_where)
        )

    def item_patterns_for(self, test: str) -> tuple[str, ...]:
        """Return the item parts of the elements that name `test` literally, as written."""
        items = self._items_of.get(test)
        return () if items is None else items.words


def parse_pattern(text: str) -> Pattern:
    """Read a pattern of tests and items (``-testpatt``, ``-runtests``, PATTERN).

    Raises:
        UserError: a part cannot be read; it is named.

    Cost: linear in the text.
    """
    return pattern_from_elements([_element_from(word) for word in split_elements(text)])


def pattern_from_elements(elements: Sequence[Element]) -> Pattern:
    """Return the pattern that matches what any of these elements matches.

    Raises:
        UserError: a part cannot be read.
    """
    parts_of: dict[str, list[str]] = {}
    for element in elements:
        if element.item is not None:
            parts_of.setdefault(element.test, []).append(element.item)
    compiled = {test: _compile(parts) for test, parts in parts_of.items()}
    return Pattern(
        elements=tuple(elements),
        _tests=_compile([element.test for element in elements if element.item is None]),
        _items_of={test: items for test, items in compiled.items() if is_plain(test)},
        _items_where=tuple(
            (_compile([test]), items) for test, items in compiled.items() if not is_plain(test)
        ),
    )


def parse_words(text: str) -> NamePattern:
    """Read a pattern whose elements are single parts; a ``/`` is an ordinary character.

    Raises:
        UserError: a part cannot be read; it is named.
    """
    return _compile(split_elements(text))


def split_elements(text: str) -> list[str]:
    """Return the elements of a comma list, without blanks round commas and empty elements.

    A blank at either end of the whole text is no blank round a comma: it is kept.
    """
    words = text.split(",")
    last = len(words) - 1
    for index, word in enumerate(words):
        if index > 0:
            word = word.lstrip()
        if index < last:
            word = word.rstrip()
        words[index] = word
    return [word for word in words if word]


def is_plain(part: str) -> bool:
    """Return whether a part is a name that stands for itself."""
    return not (part.startswith(("~", "re:")) or not _SPECIAL.isdisjoint(part))


def _element_from(word: str) -> Element:
    test, slash, item = word.partition("/")
    return Element(test, item if slash else None)


def _compile(parts: Iterable[str]) -> NamePattern:
    words = tuple(parts)
    plain: list[str] = []
    wild: list[str] = []
    regexes: list[tuple[re.Pattern[str], bool]] = []
    for word in words:
        negated = word.startswith("~")
        body = word[1:] if negated else word
        if body.startswith("re:"):
            regexes.append((_compiled(body[3:], word), negated))
        elif is_plain(word):
            plain.append(word)
        else:
            wild.append(_checked_glob(body, word, negated))
    union = re.compile("|".join(wild), re.DOTALL) if wild else None
    return NamePattern(words, frozenset(plain), union, tuple(regexes))


def _checked_glob(body: str, word: str, negated: bool) -> str:
    """Return a glob as a regular expression that can stand in an alternation."""
    regex = _regex_from_glob(body)
    _compiled(regex, word)
    return rf"(?!(?:{regex})\Z).*" if negated else regex


def _compiled(regex: str, word: str) -> re.Pattern[str]:
    try:
        return re.compile(regex, re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise UserError(
            f"pattern {word!r} cannot be read: {error}",
            hint="'%' and '*' stand for any text, '[a-c]' for a set, 're:' begins a regular expression",
        ) from error


def _regex_from_glob(body: str) -> str:
    """Return the expression of a glob; the time to match it grows with the square at most.

    Between two ``%`` the first place where the text fits is as good as any later one, so all
    but the last are atomic groups: nothing is tried twice (``%a%a%a%a%b`` on a long name).
    """
    first, *others = _fixed_stretches(body)
    if not others:
        return first
    middle = "".join(f"(?>.*?{fixed})" for fixed in others[:-1] if fixed)
    return f"{first}{middle}.*{others[-1]}"


def _fixed_stretches(body: str) -> list[str]:
    """Return the expressions of what stands before, between and after the ``%`` and ``*``."""
    stretches = [""]
    index = 0
    while index < len(body):
        char = body[index]
        end = _set_end(body, index) if char == "[" else -1
        if end > 0:
            stretches[-1] += _set(body[index + 1 : end])
            index = end
        elif char in "%*":
            stretches.append("")
        else:
            stretches[-1] += "." if char == "?" else re.escape(char)
        index += 1
    return stretches


def _set_end(body: str, start: int) -> int:
    """Return where the set that opens at `start` closes, or -1: then ``[`` is itself, as in a shell."""
    index = start + 1
    if body[index : index + 1] in ("!", "^"):
        index += 1
    if body[index : index + 1] == "]":
        index += 1
    while index < len(body):
        if body[index] == "]":
            return index
        named = re.compile(_NAMED_CLASS).match(body, index)
        index = named.end() if named else index + 1
    return -1


def _set(inside: str) -> str:
    negated = inside[0] in "!^"
    pieces: list[str] = []
    index = 1 if negated else 0
    while index < len(inside):
        named = re.compile(_NAMED_CLASS).match(inside, index)
        if named and named.group() in _NAMED_CLASSES:
            pieces.append(_NAMED_CLASSES[named.group()])
            index = named.end()
        else:
            char = inside[index]
            pieces.append(char if char == "-" else re.escape(char))
            index += 1
    return f"[{'^' if negated else ''}{''.join(pieces)}]"
