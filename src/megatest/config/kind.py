"""Kinds of values: how a text becomes a number, a time, a size, and what to say if it does not."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final, NamedTuple

from megatest.config.units import parse_seconds, parse_size_kib
from megatest.model.error import Severity


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


class Problem(NamedTuple):
    """Why a text is not of a kind."""

    message: str
    hint: str
    severity: Severity = Severity.ERROR


_FLAGS: Final = {
    "yes": True, "on": True, "true": True, "1": True,
    "no": False, "off": False, "false": False, "0": False,
}  # fmt: skip


def flag(text: str) -> bool | None:
    """Return what a yes or no says, None if it says something else."""
    return _FLAGS.get(text.lower())


def integer(text: str) -> int | None:
    """Return a whole number from 0 on, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def number(text: str) -> float | None:
    """Return a finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def seconds(text: str) -> float | None:
    """Return a plain number of seconds, or the sum of time words; None if it is neither."""
    plain = number(text)
    if plain is not None:
        return plain if plain >= 0 else None
    return time(text)


def time(text: str) -> float | None:
    """Return the sum of time words in seconds; None if there is none."""
    total = parse_seconds(text)
    return float(total) if total or "0" in text and not text.strip("0smhdwMy ") else None


def size_kib(text: str) -> int | None:
    """Return a size in KiB, or None."""
    try:
        return parse_size_kib(text)
    except ValueError:
        return None


def problem_with(kind: Kind, text: str) -> Problem | None:
    """Return why this cannot be the value of a setting of this kind; None if it can."""
    if kind is Kind.FLAG:
        return (
            None
            if flag(text) is not None
            else Problem("is neither yes nor no", _HINTS[kind], Severity.WARNING)
        )
    if kind in (Kind.INTEGER, Kind.COUNT):
        value = integer(text)
        good = value is not None and (value > 0 or kind is Kind.INTEGER)
        return None if good else Problem(f"is no {kind}", _HINTS[kind])
    if kind is Kind.NUMBER:
        return None if number(text) is not None else Problem("is no number", _HINTS[kind])
    if kind is Kind.SECONDS:
        return None if seconds(text) is not None else Problem("is no time", _HINTS[kind])
    if kind is Kind.TIME:
        return None if time(text) is not None else Problem("is no time", _HINTS[kind])
    if kind is Kind.SIZE:
        return None if size_kib(text) is not None else Problem("is no size", _HINTS[kind])
    return None


_HINTS: Final = {
    Kind.FLAG: "write yes or no",
    Kind.INTEGER: "write digits only",
    Kind.COUNT: "write a number from 1 on, or leave the setting out",
    Kind.NUMBER: "write a number like 2 or 0.5",
    Kind.SECONDS: "write seconds, or words like 30s, 10m, 2h, 1d",
    Kind.TIME: "write words like 30s, 10m, 2h, 1d, with a blank between them",
    Kind.SIZE: "write KiB, or a size like 500M or 10G",
}
