"""The values that Scheme text works on.

Booleans, strings and numbers are Python's own; numbers are ``int`` (62 bits, as the original's) and
``float``.  A list is a chain of `Pair` that ends in `NIL`, a vector is a Python list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Final, TypeAlias

from megatest.model.slotted import dataclass
from megatest.scheme.fault import SchemeFault
from megatest.scheme.number import format_number

Value: TypeAlias = object
"""Anything; who takes a value asks what it is."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name used as a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Keyword:
    """``name:`` or ``#:name``; `name` is without the colon."""

    name: str


@dataclass(frozen=True, slots=True)
class Char:
    """One character."""

    text: str


class Special(Enum):
    """Values of which there is only one each; the member's value is how it prints."""

    NIL = "()"
    UNSPECIFIED = "#<unspecified>"
    EOF = "#<eof>"
    PORT = "#<output port>"


NIL: Final = Special.NIL
UNSPECIFIED: Final = Special.UNSPECIFIED

SIZE_LIMIT: Final = 1_000_000
"""Most parts that one operation looks at, and most characters of a text that it makes."""


@dataclass(slots=True, eq=False, repr=False)
class Pair:
    """Two values; a list when `tail` is a list."""

    head: Value
    tail: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Regexp:
    """A regular expression, not compiled.

    Attributes:
        source: the pattern as written.
        ignore_case, extended, utf8: its flags ``i``, ``x``, ``u``.
    """

    source: str
    ignore_case: bool = False
    extended: bool = False
    utf8: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedRegexp:
    """A regular-expression literal that was quoted: data, not a pattern."""

    regexp: Regexp


def list_from(values: Iterable[Value], tail: Value = NIL) -> Value:
    """Return a Scheme list of the values (n of them), ending in `tail`."""
    result = tail
    for value in reversed(list(values)):
        result = Pair(value, result)
    return result


def items_of(value: Value, who: str) -> Iterator[Value]:
    """Yield the items of a list, on behalf of the procedure `who`.

    Raises:
        SchemeFault: not a list.  It is raised where the list goes wrong, after the items before it.
    """
    rest = value
    count = 0
    while isinstance(rest, Pair):
        count += 1
        if count > SIZE_LIMIT:
            raise SchemeFault(f"{who}: more than {SIZE_LIMIT} items")
        yield rest.head
        rest = rest.tail
    if rest is not NIL:
        raise SchemeFault(f"{who}: not a list: {brief(value)}")


def is_list(value: Value) -> bool:
    """Tell whether this is a proper list.  Cost: its length; lists cannot be made circular."""
    while isinstance(value, Pair):
        value = value.tail
    return value is NIL


def is_number(value: Value) -> bool:
    """Tell whether this is a number (a boolean is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_true(value: Value) -> bool:
    """Tell whether a condition counts as true: everything does but ``#f``."""
    return value is not False


def is_same(left: Value, right: Value) -> bool:
    """Compare as ``eqv?``: atoms by kind and value, all else by identity."""
    if type(left) is not type(right):
        return False
    if isinstance(left, int | float | Symbol | Keyword | Char):
        return left == right
    return left is right or left == right == ""


def is_equal(left: Value, right: Value) -> bool:
    """Compare as ``equal?``, by structure; no recursion.  Cost: the size of the smaller value.

    Raises:
        SchemeFault: too many parts (shared lists can make a small value enormous).
    """
    todo = [(left, right)]
    seen = 0
    while todo:
        a, b = todo.pop()
        seen += 1
        if seen > SIZE_LIMIT:
            raise SchemeFault(f"equal?: more than {SIZE_LIMIT} parts to compare")
        if isinstance(a, Pair) and isinstance(b, Pair):
            todo += [(a.tail, b.tail), (a.head, b.head)]
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            seen += len(a)
            todo += zip(a, b, strict=True)
        elif not (is_same(a, b) or (isinstance(a, str) and a == b) or (isinstance(a, Regexp) and a == b)):
            return False
    return True


_CHAR_NAMES: Final = {" ": "space", "\n": "newline", "\t": "tab", "\r": "return", "\0": "nul", "\x1b": "esc"}
_STRING_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def to_text(value: Value) -> str:
    """Return the value as ``display`` prints it: ``#t``, ``(1 two three)``, ``0.5``; strings bare.

    Raises:
        SchemeFault: more than `SIZE_LIMIT` characters.
    """
    return _print(value, _display_atom)


def to_written(value: Value) -> str:
    """Return the value as ``write`` prints it: strings and characters as they are read.

    Raises:
        SchemeFault: more than `SIZE_LIMIT` characters.
    """
    return _print(value, _write_atom)


def brief(value: Value) -> str:
    """Return the value as ``write`` prints it, cut to what a message can bear."""
    if isinstance(value, Pair | list):
        return "a list" if isinstance(value, Pair) else "a vector"
    text = _write_atom(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _print(value: Value, atom: Callable[[Value], str]) -> str:
    """Print without recursion: `todo` holds values and the punctuation between them."""
    pieces: list[str] = []
    size = 0
    todo: list[tuple[bool, Value]] = [(True, value)]
    while todo:
        is_value, part = todo.pop()
        if is_value and isinstance(part, Pair):
            todo += [(False, part.tail), (True, part.head)]
            text = "("
        elif is_value and isinstance(part, list):
            todo.append((False, list_from(part[1:])))
            todo += [(True, first) for first in part[:1]]
            text = "#("
            size += len(part)  # now, not with each item: a vector may be its own first one
        elif is_value:
            text = atom(part)
        elif isinstance(part, Pair):
            todo += [(False, part.tail), (True, part.head)]
            text = " "
        elif part is NIL:
            text = ")"
        else:
            todo += [(False, NIL), (True, part)]
            text = " . "
        pieces.append(text)
        size += len(text)
        if size > SIZE_LIMIT:
            raise SchemeFault(f"the text of a value has more than {SIZE_LIMIT} characters")
    return "".join(pieces)


def _display_atom(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Char):
        return value.text
    return _other_atom(value)


def _write_atom(value: Value) -> str:
    if isinstance(value, str):
        return '"' + "".join(_STRING_ESCAPES.get(c, c) for c in value) + '"'
    if isinstance(value, Char):
        return "#\\" + _CHAR_NAMES.get(value.text, value.text)
    return _other_atom(value)


def _other_atom(value: Value) -> str:
    if isinstance(value, bool):
        return "#t" if value else "#f"
    if isinstance(value, int | float):
        return format_number(value)
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, Keyword):
        return value.name + ":"
    if isinstance(value, Special):
        return value.value
    if isinstance(value, Regexp):
        return "#<regexp>"
    if isinstance(value, QuotedRegexp):
        return f"#/{value.regexp.source}/"
    return f"#<{type(value).__name__.lower()}>"
