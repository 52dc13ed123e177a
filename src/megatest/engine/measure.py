"""Measured values: whether each is within its tolerance, and what they say together.  Pure functions.

Numbers are written as in Scheme (``1e9``, ``1/2``, ``#x10``), because the original's users do so.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from megatest.typed import Final

from megatest.model.attempt import ValueSaid
from megatest.model.record import ValueRecord
from megatest.model.slotted import dataclass
from megatest.model.status import Status

_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}

# What SQL reads as a number by itself.
_DECIMAL: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def judged(said: ValueSaid, row: int) -> ValueRecord:
    """Return a value as it is recorded for a test's row: blanks trimmed, with a status.

    A status of the test's own stands.  Otherwise, where value and expectation are numbers, the
    tolerance decides: ``pass``, ``fail``, or an error text if it is neither a number nor a
    comparison.  What cannot be compared is ``n/a``.  Without an expectation there is no tolerance.
    """
    value, expected, tol, status = (
        text.strip() for text in (said.value, said.expected, said.tol, said.status)
    )
    if not expected:
        tol = ""
    return ValueRecord(
        test_row=row,
        category=said.category,
        variable=said.variable,
        value=_recorded(value),
        expected=_recorded(expected),
        tol=tol,
        units=said.units,
        comment=said.comment,
        type=said.type,
        status=status if _decides(status) else _status(value, expected, tol),
    )


def complaint(said: ValueSaid) -> str:
    """Return what is wrong with a value that somebody wants recorded; empty if nothing is.

    Text is a value like any other as long as it is not to be compared.
    """
    value, expected, tol = said.value.strip(), said.expected.strip(), said.tol.strip()
    if not value:
        return "a measurement without a value"
    if _decides(said.status.strip()) or not expected:
        return ""
    if _number(value) is None:
        return f"value {value!r} is not a number"
    if _number(expected) is None:
        return ""
    return _complaint_about_tolerance(tol)


def _complaint_about_tolerance(tol: str) -> str:
    if tol in _OPERATORS:
        return ""
    if not tol:
        return "an expected value without a tolerance"
    limit = _number(tol)
    if limit is None:
        return f"tolerance {tol!r} is neither a number nor one of {' '.join(_OPERATORS)}"
    return "" if limit >= 0 else f"no value can pass with tolerance {tol!r}"


def _decides(status: str) -> bool:
    return status not in ("", "n/a")


def _status(value: str, expected: str, tol: str) -> str:
    measured, wanted = _number(value), _number(expected)
    if measured is None or wanted is None:
        return "n/a"
    limit = _number(tol)
    if limit is not None:
        is_good = wanted - limit <= measured <= wanted + limit
    elif tol in _OPERATORS:
        is_good = _OPERATORS[tol](measured, wanted)
    else:
        return f"ERROR: bad tol comparator {tol}"
    return "pass" if is_good else "fail"


def _recorded(text: str) -> str:
    """Return a number in a form that SQL reads as one; decimals and all other text as given."""
    if re.fullmatch(_DECIMAL, text, re.ASCII):
        return text
    number = _number(text)
    return text if number is None else str(number)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many measured values of an attempt fail and pass; others say nothing."""

    fails: int = 0
    passes: int = 0


def tally(statuses: Iterable[str]) -> Tally:
    """Count what values say, by their statuses."""
    words = [status.lower() for status in statuses]
    return Tally(words.count("fail"), words.count("pass"))


def status_by_values(status: str, values: Tally) -> str:
    """Return what a status becomes where measured values are to decide (status AUTO)."""
    if values.fails:
        return Status.FAIL
    if values.passes and status not in (Status.WARN, Status.FAIL):
        return Status.PASS
    return status


def _number(text: str) -> float | None:
    from megatest.scheme.number import parse_number  # most tests measure nothing

    return parse_number(text)
