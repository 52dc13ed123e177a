"""Character classes of regular expressions: ``[...]`` and the escapes ``\\d \\w \\s``, as code-point ranges.

Letters, digits and blanks are those of ASCII, as in the original; every other character is a character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from megatest.typed import Final, TypeAlias

Range: TypeAlias = tuple[int, int]
Ranges: TypeAlias = tuple[Range, ...]

HIGHEST: Final = 0x10FFFF
CONTROLS: Final[Mapping[str, str]] = {
    "t": "\t",
    "n": "\n",
    "r": "\r",
    "f": "\f",
    "a": "\a",
    "e": "\x1b",
    "v": "\v",
    "0": "\0",
}
"""Letters that stand for a control character after a backslash."""

_HEX: Final = re.compile(r"\\x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})")


class RegexpError(ValueError):
    """A pattern that is not one; `offset` is the 0-based place in its source."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def _ranges(spans: str) -> Ranges:
    return tuple((ord(span[0]), ord(span[-1])) for span in spans.split(" "))


_BLANKS: Final[Ranges] = ((9, 13), (32, 32))
POSIX: Final[Mapping[str, Ranges]] = {
    "alpha": _ranges("A-Z a-z"),
    "digit": _ranges("0-9"),
    "alnum": _ranges("0-9 A-Z a-z"),
    "upper": _ranges("A-Z"),
    "lower": _ranges("a-z"),
    "space": _BLANKS,
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "punct": _ranges("!-/ :-@ [-` {-~"),
    "graph": _ranges("!-~"),
    "print": ((32, 126),),
    "xdigit": _ranges("0-9 A-F a-f"),
    "word": _ranges("0-9 A-Z _ a-z"),
}
_LETTERS: Final[Mapping[str, Ranges]] = {"d": POSIX["digit"], "w": POSIX["word"], "s": _BLANKS}


def complement(ranges: Iterable[Range]) -> Ranges:
    """Return every code point that is in none of the ranges."""
    result: list[Range] = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            result.append((start, low - 1))
        start = max(start, high + 1)
    if start <= HIGHEST:
        result.append((start, HIGHEST))
    return tuple(result)


def ranges_of_escape(letter: str) -> Ranges | None:
    """Return what ``\\d \\w \\s`` and their capitals match; None for another letter."""
    plain = _LETTERS.get(letter.lower())
    if plain is None:
        return None
    return plain if letter.islower() else complement(plain)


def bracket_text(ranges: Sequence[Range], *, negated: bool = False) -> str:
    """Write a class in the syntax that RE2 and Python's ``re`` share.

    Under ``i`` a range that was made by `complement` would match too much, since some letters outside ASCII
    fold into it; so the caller passes negation on instead of complementing where it can.
    """
    body = "".join(_span(low, high) for low, high in ranges)
    return f"[{'^' if negated else ''}{body}]"


def _span(low: int, high: int) -> str:
    return character(low) if low == high else f"{character(low)}-{character(high)}"


def character(code: int) -> str:
    """Write one character so that both engines take it literally, inside a class and outside."""
    text = chr(code)
    if text.isascii():
        return text if text.isalnum() else f"\\x{code:02x}"
    return text


def parse_hex(source: str, at: int) -> tuple[int, int]:
    """Return the code and the width of a ``\\xHH`` or ``\\x{H...}``.

    Raises:
        RegexpError: it is none.
    """
    match = _HEX.match(source, at)
    if match is None:
        raise RegexpError("\\x wants two hexadecimal digits, or some in braces", at)
    code = int(match[1] or match[2], 16)
    if code > HIGHEST or 0xD800 <= code < 0xE000:
        raise RegexpError(f"there is no character {code:x}", at)
    return code, len(match[0])


def parse_bracket(source: str, start: int) -> tuple[str, int]:
    """Return a class in the engines' syntax, and the offset after it.

    Args:
        source: the pattern.
        start: where its ``[`` is.

    Raises:
        RegexpError: it is none.
    """
    at = start + 1
    negated = source.startswith("^", at)
    at += negated
    ranges: list[Range] = []
    first = True  # a ] that comes first is one of the characters
    while first or source[at : at + 1] != "]":
        first = False
        item, at = _item(source, start, at)
        if source.startswith("-", at) and source[at + 1 : at + 2] not in ("]", ""):
            upper, end = _item(source, start, at + 1)
            item, at = (_range(item, upper, at),), end
        ranges += item
    return bracket_text(ranges, negated=negated), at + 1


def _range(low: Ranges, high: Ranges, at: int) -> Range:
    if not all(len(item) == 1 and item[0][0] == item[0][1] for item in (low, high)):
        raise RegexpError("a range goes from a character to a character, not to a class", at)
    if high[0][0] < low[0][0]:
        raise RegexpError("this range is backwards", at)
    return low[0][0], high[0][0]


def _item(source: str, start: int, at: int) -> tuple[Ranges, int]:
    """Return what the next item of a class matches, and the offset after it."""
    char = source[at : at + 1]
    if char == "":
        raise RegexpError("this class is never closed", start)
    if source.startswith("[:", at) and (end := source.find(":]", at + 2)) > 0:
        name = source[at + 2 : end]
        ranges = POSIX.get(name.removeprefix("^"))
        if ranges is None:
            raise RegexpError(f"unknown class [:{name[:20]}:]", at)
        return (complement(ranges) if name.startswith("^") else ranges), end + 2
    if char == "\\":
        return _escape(source, at)
    return ((ord(char), ord(char)),), at + 1


def _escape(source: str, at: int) -> tuple[Ranges, int]:
    letter = source[at + 1 : at + 2]
    if letter == "x":
        code, width = parse_hex(source, at)
        return ((code, code),), at + width
    ranges = ranges_of_escape(letter) if letter.isalpha() else None
    if ranges is not None:
        return ranges, at + 2
    if letter in CONTROLS:
        code = ord(CONTROLS[letter])
    elif letter == "b":
        code = ord("b")  # as the original has it; a backspace is \x08
    elif letter == "" or (letter.isascii() and letter.isalnum()):
        raise RegexpError(f"unknown escape \\{letter} in a class", at)
    else:
        code = ord(letter)
    return ((code, code),), at + 2
