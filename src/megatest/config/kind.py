"""Kinds of values: how a text becomes a number, a time, a size, and what to say if it does not."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from megatest.typed import Final

from megatest.model.error import Severity
from megatest.model.slotted import dataclass


class Kind(StrEnum):
    """What a setting's value is; the text is what the manual calls it."""

    TEXT = "text"
    WORDS = "words"
    PATH = "path"
    COMMAND = "shell command"
    FLAG = "yes or no"
    INTEGER = "whole number"
    COUNT = "whole number from 1"
    NUMBER = "number"
    SECONDS = "seconds, or time words"
    TIME = "time words"
    SIZE = "KiB, or a size like 10G"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is not of a kind."""

    message: str
    hint: str
    severity: Severity = Severity.ERROR


_FLAGS: Final = {
    "yes": True, "on": True, "true": True, "1": True,
    "no": False, "off": False, "false": False, "0": False,
}  # fmt: skip


_INFINITE: Final = float("inf")
_DIGITS: Final = 15  # of the numbers that are the same to a float


def flag(text: str) -> bool | None:
    """Return what a yes or no says, None if it says something else."""
    return _FLAGS.get(text.lower())


def integer(text: str) -> int | None:
    """Return a whole number from 0 on, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def count(text: str) -> int | None:
    """Return a whole number from 1 on, or None."""
    return integer(text) or None


def number(text: str) -> float | None:
    """Return a finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < _INFINITE and "_" not in text else None


def seconds(text: str) -> float | None:
    """Return a plain number of seconds, or the sum of time words; None if it is neither."""
    plain = number(text)
    if plain is not None:
        return plain if plain >= 0 else None
    return time(text)


def time(text: str) -> float | None:
    """Return the sum of time words in seconds; None if there is none."""
    if not text:
        return None
    from megatest.config.units import parse_seconds  # most files have plain numbers

    total = parse_seconds(text)
    return float(total) if total or ("0" in text and not text.strip("0smhdwMy ")) else None


def size_kib(text: str) -> int | None:
    """Return a size in KiB, or None."""
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text)
    from megatest.config.units import parse_size_kib

    try:
        return parse_size_kib(text)
    except ValueError:
        return None


def problem_with(kind: Kind, text: str) -> Problem | None:
    """Return why this cannot be the value of a setting of this kind; None if it can."""
    rule = _RULES.get(kind)
    if rule is None or rule.convert(text) is not None:
        return None
    return rule.problem


@dataclass(frozen=True, slots=True)
class _Rule:
    """How to convert a text, and what to say if that gives None."""

    convert: Callable[[str], object | None]
    problem: Problem


_TIME_HINT: Final = "write words like 30s, 10m, 2h, 1d, with a blank between them"
_RULES: Final = {
    Kind.FLAG: _Rule(flag, Problem("is neither yes nor no", "write yes or no", Severity.WARNING)),
    Kind.INTEGER: _Rule(integer, Problem("is no whole number", "write digits only")),
    Kind.COUNT: _Rule(
        count, Problem("is no number from 1 on", "write a number from 1 on, or leave the setting out")
    ),
    Kind.NUMBER: _Rule(number, Problem("is no number", "write a number like 2 or 0.5")),
    Kind.SECONDS: _Rule(seconds, Problem("is no time", "write seconds, or words like 30s, 10m, 2h, 1d")),
    Kind.TIME: _Rule(time, Problem("is no time", _TIME_HINT)),
    Kind.SIZE: _Rule(size_kib, Problem("is no size", "write KiB, or a size like 500M or 10G")),
}
