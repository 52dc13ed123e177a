"""``megatest triage``."""

from __future__ import annotations

from megatest.app.session import open_area
from megatest.app.triage import triage
from megatest.app.wiring import open_records
from megatest.cli.declare import AREA, JSON, Value, command, option, optional
from megatest.cli.modern import area_request
from megatest.cli.output import echo
from megatest.reports.listing import dumps
from megatest.reports.triage import triage_json, triage_lines


@command(
    "triage",
    optional("pattern", Value.PATTERN),
    option("--runs -n --runname", "PATTERN", "Runs of these names."),
    option("--target -t", "A/B/C", "A value or pattern for each field."),
    JSON,
    *AREA,
)
def triage_command(pattern: str, runs: str, target: str, as_json: bool, area: str, config_name: str) -> None:
    """Group the failures of a run, or of many runs and targets, by what they have in common.

    Failures with the same signature (rule or step, and the log's telling lines without numbers, times and
    paths) stand together, the newest and largest group first.  Without --runs and -t: the newest run.
    """
    session = open_area(area_request(area, config_name))
    records = open_records(session, read_only=True)
    groups = triage(session, records, runs=runs, target=target, pattern=pattern)
    echo(dumps(triage_json(groups)) if as_json else "\n".join(triage_lines(groups)))
