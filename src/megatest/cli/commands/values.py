"""``megatest values``."""

from __future__ import annotations

from megatest.app.measurements import by_variable, find_measurements
from megatest.app.query import RunFilter, find_runs
from megatest.app.session import open_area
from megatest.app.wiring import open_records
from megatest.cli.declare import AREA, JSON, RUN, Value, command, option, optional
from megatest.cli.modern import area_request
from megatest.cli.output import echo
from megatest.reports import listing
from megatest.reports.values import value_lines, values_json


@command(
    "values",
    optional("pattern", Value.PATTERN),
    option("--variable", "[CATEGORY/]NAME", "Only these variables (a pattern)."),
    option("--status", "A,B", "Only values with these statuses.", name="statuses"),
    JSON,
    *RUN,
    *AREA,
)
def values_command(
    pattern: str,
    variable: str,
    statuses: str,
    as_json: bool,
    target: str,
    runname: str,
    area: str,
    config_name: str,
) -> None:
    """Show what tests measured, over all runs, oldest run first.

    PATTERN names tests; -t and -n (patterns too) narrow the runs.
    """
    session = open_area(area_request(area, config_name))
    records = open_records(session, read_only=True)
    runs = find_runs(records, session.area.field_names, RunFilter(target=target, runname=runname))
    found = by_variable(find_measurements(records, runs, tests=pattern, variable=variable))
    wanted = {word for word in statuses.lower().split(",") if word}
    found = [m for m in found if not wanted or m.value.status.lower() in wanted]
    if as_json:
        echo(listing.dumps(values_json(found)))
    else:
        echo("\n".join(value_lines(found)) or "no measured values")
