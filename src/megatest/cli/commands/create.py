"""``megatest init`` and ``megatest new``."""

from __future__ import annotations

import os
import shlex

from megatest.app.create import make_area, make_test
from megatest.app.session import open_area
from megatest.cli.declare import AREA, Value, argument, command
from megatest.cli.main import working_directory
from megatest.cli.modern import area_request
from megatest.cli.opened import author
from megatest.cli.output import echo


@command("init", argument("directory", Value.DIRECTORY))
def init_command(directory: str) -> None:
    """Make a new area in DIRECTORY: commented files, and a first test that passes."""
    here = working_directory()
    for path in make_area(directory, author().user):
        echo(path)
    where = "" if os.path.abspath(directory) == here else f"cd {shlex.quote(directory)} && "
    echo(f"next: {where}megatest run")


@command("new", argument("test"), *AREA)
def new_command(test: str, area: str, config_name: str) -> None:
    """Make a new test in the area: a commented testconfig, and a script that passes."""
    session = open_area(area_request(area, config_name))
    for path in make_test(session, test, author().user):
        echo(path)
    echo(f"next: edit them, then megatest run {shlex.quote(test)}")
