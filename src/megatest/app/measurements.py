"""Measured values over runs."""

from __future__ import annotations

from collections.abc import Iterable
from megatest.typed import TYPE_CHECKING, Final

from megatest.model.pattern import parse_pattern, parse_words
from megatest.model.record import RunRecord
from megatest.reports.values import Measurement

if TYPE_CHECKING:
    from megatest.app.wiring import Records

_VERDICT: Final = "logpro"
"""Type of the value that says how log rules judged a step: no measurement."""


def find_measurements(
    records: Records, runs: Iterable[RunRecord], *, tests: str = "", variable: str = ""
) -> list[Measurement]:
    """Return the measured values of runs, in the order of the runs, then by test and item.

    Args:
        records: the area's.
        runs: which runs.
        tests: pattern of tests and items; empty for all.
        variable: pattern ``[CATEGORY/]VARIABLE``; empty for all.

    Raises:
        UserError: a pattern cannot be read.
    """
    wanted = parse_pattern(tests or "%")
    category, _, name = variable.rpartition("/")
    categories, names = parse_words(category or "%"), parse_words(name or "%")
    return [
        Measurement(run=run, test_id=test_id, value=value)
        for run in runs
        for test_id, value in records.values_of_run(run.id)
        if value.type != _VERDICT
        and names.matches(value.variable)
        and categories.matches(value.category)
        and wanted.matches(test_id.test, test_id.item)
    ]


def by_variable(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Return measurements sorted by test, category and variable; each one's history stays in order."""
    return sorted(measurements, key=lambda m: (m.test_id, m.value.category, m.value.variable))
