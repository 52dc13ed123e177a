"""``megatest why``."""

from __future__ import annotations

import click

from megatest.app.why import why
from megatest.cli.modern import area_options, area_request, run_options
from megatest.reports.listing import dumps


@click.command("why")
@click.argument("test")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of sentences.")
@run_options
@area_options
def why_command(test: str, as_json: bool, target: str, runname: str, area: str, config_name: str) -> None:
    """Say why TEST, or TEST/ITEM, waits, ran, did not run, or has its status; what the next run would do."""
    sentences = why(area_request(area, config_name), test, target=target, runname=runname)
    click.echo(dumps(sentences) if as_json else "\n".join(sentences))
