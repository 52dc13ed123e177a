"""``megatest triage``."""

from __future__ import annotations

import click

from megatest.app.session import open_area
from megatest.app.triage import triage
from megatest.app.wiring import open_records
from megatest.cli.modern import area_options, area_request
from megatest.reports.listing import dumps
from megatest.reports.triage import triage_json, triage_lines


@click.command("triage")
@click.argument("pattern", required=False, default="")
@click.option("--runs", "-n", "--runname", "runs", default="", metavar="PATTERN", help="Runs of these names.")
@click.option("--target", "-t", default="", metavar="A/B/C", help="A value or pattern for each field.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@area_options
def triage_command(pattern: str, runs: str, target: str, as_json: bool, area: str, config_name: str) -> None:
    """Group the failures of a run, or of many runs and targets, by what they have in common.

    Failures with the same signature (rule or step, and the log's telling lines without numbers, times and
    paths) stand together, the newest and largest group first.  Without --runs and -t: the newest run.
    """
    session = open_area(area_request(area, config_name))
    records = open_records(session, read_only=True)
    groups = triage(session, records, runs=runs, target=target, pattern=pattern)
    click.echo(dumps(triage_json(groups)) if as_json else "\n".join(triage_lines(groups)))
