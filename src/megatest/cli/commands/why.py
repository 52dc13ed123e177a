"""``megatest why``."""

from __future__ import annotations

from megatest.app.why import why
from megatest.cli.declare import AREA, RUN, argument, command, flag
from megatest.cli.modern import area_request
from megatest.cli.output import echo
from megatest.reports.listing import dumps


@command(
    "why", argument("test"), flag("--json", "Print JSON: a list of sentences.", name="as_json"), *RUN, *AREA
)
def why_command(test: str, as_json: bool, target: str, runname: str, area: str, config_name: str) -> None:
    """Say why TEST, or TEST/ITEM, waits, ran, did not run, or has its status; what the next run would do."""
    sentences = why(area_request(area, config_name), test, target=target, runname=runname)
    echo(dumps(sentences) if as_json else "\n".join(sentences))
