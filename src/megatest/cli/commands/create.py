"""``megatest init`` and ``megatest new``."""

from __future__ import annotations

import os

import click

from megatest.app.create import make_area, make_test
from megatest.app.session import open_area
from megatest.cli.modern import area_options, area_request
from megatest.cli.opened import author


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False))
def init_command(directory: str) -> None:
    """Make a new area in DIRECTORY: commented files, and a first test that passes."""
    for path in make_area(directory, author().user):
        click.echo(path)
    where = "" if os.path.abspath(directory) == os.getcwd() else f"cd {directory} && "
    click.echo(f"next: {where}megatest run")


@click.command("new")
@click.argument("test")
@area_options
def new_command(test: str, area: str, config_name: str) -> None:
    """Make a new test in the area: a commented testconfig, and a script that passes."""
    session = open_area(area_request(area, config_name))
    for path in make_test(session, test, author().user):
        click.echo(path)
    click.echo(f"next: edit them, then megatest run {test}")
