"""``megatest rebuild``."""

from __future__ import annotations

import click

from megatest.app.rebuild import rebuild
from megatest.app.session import open_area
from megatest.cli.modern import area_options, area_request
from megatest.store.rebuild import ASIDE


@click.command("rebuild")
@area_options
def rebuild_command(area: str, config_name: str) -> None:
    """Make a lost or damaged database again from what lies on disk; the old file is kept aside."""
    session = open_area(area_request(area, config_name))
    done = rebuild(session)
    click.echo(f"{session.database}: {done.runs} runs, {done.tests} tests and items")
    if done.from_directories:
        click.echo(f"{done.from_directories} tests were known by their run directories only")
    if done.torn:
        click.echo(f"{done.torn} unreadable lines of run journals were passed over")
    for name in done.renumbered:
        click.echo(f"run {name} got new row numbers: another run had them")
    if done.alive:
        click.echo(f"{done.alive} tests are still running; adopt them with: megatest run")
    click.echo(f"the database before, if there was one, is {session.database}{ASIDE}")
