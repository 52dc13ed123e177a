"""Character classes of regular expressions: ``[...]`` and the escapes ``\\d \\w \\s``, as code-point ranges.

Letters, digits and blanks are those of ASCII, as in the original; every other character is a character.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

Range: TypeAlias = tuple[int, int]
Ranges: TypeAlias = tuple[Range, ...]

HIGHEST: Final = 0x10FFFF


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
