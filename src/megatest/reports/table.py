"""Plain columns: aligned for people, tab-free for pipes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def width(text: str) -> int:
    """Return how many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    wide = sum(1 for c in text if unicodedata.east_asian_width(c) in "WF")
    return len(text) + wide - sum(1 for c in text if unicodedata.combining(c))


def columns(rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Return rows as lines with aligned columns, two blanks apart, without trailing blanks.

    Args:
        rows: cells; all rows of the same length.
        right: columns that are aligned to the right.
    """
    table = [[printable(cell) for cell in row] for row in rows]
    if not table:
        return []
    widths = [max(width(row[i]) for row in table) for i in range(len(table[0]))]
    return ["  ".join(_pad(c, widths[i], i in right) for i, c in enumerate(row)).rstrip() for row in table]


def _pad(cell: str, cells: int, right: bool) -> str:
    gap = " " * (cells - width(cell))
    return gap + cell if right else cell + gap


def printable(text: str) -> str:
    """Return a text without characters that would move a terminal's cursor or end the line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\n\t" else "?" for c in text)
