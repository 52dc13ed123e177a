"""``megatest values``."""

from __future__ import annotations

import click

from megatest.app.measurements import by_variable, find_measurements
from megatest.app.query import RunFilter, find_runs
from megatest.app.session import open_area
from megatest.app.wiring import open_records
from megatest.cli.modern import area_options, area_request, run_options
from megatest.reports import listing
from megatest.reports.values import value_lines, values_json


@click.command("values")
@click.argument("pattern", required=False, default="")
@click.option("--variable", default="", metavar="[CATEGORY/]NAME", help="Only these variables (a pattern).")
@click.option("--status", "statuses", default="", metavar="A,B", help="Only values with these statuses.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@run_options
@area_options
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
        click.echo(listing.dumps(values_json(found)))
    else:
        click.echo("\n".join(value_lines(found)) or "no measured values")
