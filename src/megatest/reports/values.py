"""Measured values over runs: ``megatest values`` and the original's ``-testdata-csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from megatest.typed import Final

from megatest.model.ids import TestId
from megatest.model.record import RunRecord, ValueRecord
from megatest.model.slotted import dataclass
from megatest.reports import listing
from megatest.reports.table import columns

_HEADS: Final = ("TEST", "VARIABLE", "RUN", "STARTED", "VALUE", "EXPECTED", "TOLERANCE", "UNITS", "STATUS")
_CSV_HEADS: Final = ("target", "run", "test", "itempath", "category", "var", "value", "comment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One value, and what it was measured by."""

    run: RunRecord
    test_id: TestId
    value: ValueRecord

    @property
    def variable(self) -> str:
        """Category and variable in one: ``timing/setup``."""
        parts = (self.value.category, self.value.variable)
        return "/".join(part for part in parts if part)


def value_lines(measurements: Iterable[Measurement]) -> list[str]:
    """Return a line for each measurement under a heading; nothing if there is none."""
    rows = [_HEADS, *map(_row, measurements)]
    return columns(rows, right=frozenset({4, 5, 6})) if len(rows) > 1 else []


def _row(measurement: Measurement) -> tuple[str, ...]:
    run, value = measurement.run, measurement.value
    said = (value.value, value.expected, value.tol, value.units, value.status)
    when = listing.moment(run.event_time)
    return (str(measurement.test_id), measurement.variable, run.name, when, *said)


def values_json(measurements: Iterable[Measurement]) -> list[dict[str, object]]:
    """Return each measurement as a JSON object."""
    return [
        {
            "target": str(m.run.target),
            "run": m.run.runname,
            "started": listing.iso(m.run.event_time),
            "test": m.test_id.test,
            "item": m.test_id.item,
            **value_json(m.value),
        }
        for m in measurements
    ]


def value_json(value: ValueRecord) -> dict[str, object]:
    """Return one value as a JSON object; its number stays text, as it was recorded."""
    return {
        "category": value.category,
        "variable": value.variable,
        "value": value.value,
        "expected": value.expected,
        "tolerance": value.tol,
        "units": value.units,
        "status": value.status,
        "comment": value.comment,
        "type": value.type,
    }


def values_csv(measurements: Sequence[Measurement]) -> str:
    """Return measurements as the original's ``-testdata-csv`` prints them, without the last newline."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_HEADS)
    for m in measurements:
        said = (m.value.category, m.value.variable, m.value.value, m.value.comment)
        writer.writerow((str(m.run.target), m.run.runname, m.test_id.test, m.test_id.item, *said))
    return text.getvalue().rstrip("\n")
