"""Dates of expiry: ``expires: "MM/DD/YYYY"``."""

from __future__ import annotations

import datetime
import re
from megatest.typed import Final

_DATE: Final = re.compile(r"(\d+)/(\d+)/(\d+)", re.ASCII)


class NoSuchDateError(ValueError):
    """Digits that are no day of the calendar.

    Attributes:
        looks_possible: month and day are in range, but that month has no such day.
    """

    def __init__(self, text: str, *, looks_possible: bool) -> None:
        super().__init__(f"there is no day {text[:40]}")
        self.looks_possible = looks_possible


def parse_date(text: str) -> datetime.date | None:
    """Return the day that the text names, months first; None if it is not digits/digits/digits.

    A year of two digits is one of this century.

    Raises:
        NoSuchDateError: ``02/30/2033``.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    month, day, year = (int(part[:9]) for part in match.groups())
    if len(match[3]) <= 2 and year > 0:
        year += 2000
    try:
        return datetime.date(year, month, day)
    except (ValueError, OverflowError):
        possible = 1 <= month <= 12 and 1 <= day <= 31 and year > 0
        raise NoSuchDateError(text, looks_possible=possible) from None
