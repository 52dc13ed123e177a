"""Arguments of procedures: each of these returns what was asked for or says whose argument is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from megatest.scheme.fault import SchemeFault
from megatest.scheme.value import SIZE_LIMIT, Symbol, Value, brief, items_of


def text_of(value: Value, who: str) -> str:
    """Return a string argument of the procedure `who`."""
    if isinstance(value, str):
        return value
    raise SchemeFault(f"{who}: not a string: {brief(value)}")


def number_of(value: Value, who: str) -> int | float:
    """Return a numeric argument of the procedure `who`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise SchemeFault(f"{who}: not a number: {brief(value)}")


def integer_of(value: Value, who: str) -> int:
    """Return a whole number, also one written as floating point (``2.0``)."""
    number = number_of(value, who)
    if isinstance(number, float) and not number.is_integer():
        raise SchemeFault(f"{who}: not a whole number: {brief(value)}")
    return int(number)


def index_of(value: Value, most: int, who: str) -> int:
    """Return a position from 0 to `most`, both included."""
    index = integer_of(value, who)
    if not 0 <= index <= most:
        raise SchemeFault(f"{who}: {index} is not between 0 and {most}")
    return index


def symbol_of(value: Value, who: str) -> Symbol:
    """Return a symbol argument of the procedure `who`."""
    if isinstance(value, Symbol):
        return value
    raise SchemeFault(f"{who}: not a symbol: {brief(value)}")


def list_of(value: Value, who: str) -> list[Value]:
    """Return the items of a list argument of the procedure `who`."""
    return list(items_of(value, who))


def joined(parts: Iterable[str], who: str) -> str:
    """Return the parts as one text.

    Raises:
        SchemeFault: more than `SIZE_LIMIT` characters; a loop that doubles a text ends here.
    """
    pieces: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > SIZE_LIMIT:
            raise SchemeFault(f"{who}: the text would have more than {SIZE_LIMIT} characters")
        pieces.append(part)
    return "".join(pieces)
