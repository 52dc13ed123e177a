"""``[pools]`` of an area; loaded where there are any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from megatest.config.entry import Entry
from megatest.config.kind import Kind, integer
from megatest.config.line import BLANKS
from megatest.config.values import Values, words, wrong_value
from megatest.model.error import Diagnostic, Severity
from megatest.model.spec import pool_variable

_UNITS: Final = "units"
_NO_SIZE: Final = 10**9  # of a pool whose size was reported as wrong: not every test that takes of it too


def pools_from(values: Values) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """Return how many units each pool has, and the names of the units of those that name them."""
    sizes: dict[str, int] = {}
    units: dict[str, tuple[str, ...]] = {}
    for entry in values.entries("pools"):
        first, *names = words(entry.value) or ("",)
        if first == _UNITS:
            wrong = list(_wrong_units(entry, names, units))
            units[entry.key] = tuple(names)
            sizes[entry.key] = len(names)
        else:
            finding = wrong_value(entry, Kind.INTEGER)
            wrong = [] if finding is None else [finding]
            sizes[entry.key] = _NO_SIZE if wrong else integer(entry.value.strip(BLANKS)) or 0
        values.findings.extend(wrong)
    return sizes, units


def _wrong_units(entry: Entry, names: list[str], others: Iterable[str]) -> Iterator[Diagnostic]:
    if not names:
        message = f"pool {entry.key!r} names no units"
        yield entry.finding(Severity.ERROR, message, hint=f"as in: {entry.key} {_UNITS} 7001 7002")
    for name, times in Counter(names).items():
        if times > 1:
            message = f"pool {entry.key!r} has two units {name!r}"
            yield entry.finding(Severity.ERROR, message, word=name)
    for other in others:
        variable = pool_variable(entry.key)
        if other != entry.key and pool_variable(other) == variable:
            message = (
                f"tests would be told the units of {other!r} and of {entry.key!r} in one variable, {variable}"
            )
            yield entry.key_finding(Severity.ERROR, message, hint="rename one of the pools")
