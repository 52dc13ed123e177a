"""``megatest rebuild``."""

from __future__ import annotations

from megatest.app.rebuild import rebuild
from megatest.app.session import open_area
from megatest.cli.declare import AREA, command
from megatest.cli.modern import area_request
from megatest.cli.output import echo
from megatest.store.rebuild import ASIDE


@command("rebuild", *AREA)
def rebuild_command(area: str, config_name: str) -> None:
    """Make a lost or damaged database again from what lies on disk; the old file is kept aside."""
    session = open_area(area_request(area, config_name))
    done = rebuild(session)
    echo(f"{session.database}: {done.runs} runs, {done.tests} tests and items")
    if done.from_directories:
        echo(f"{done.from_directories} tests were known by their run directories only")
    if done.torn:
        echo(f"{done.torn} unreadable lines of run journals were passed over")
    for name in done.renumbered:
        echo(f"run {name} got new row numbers: another run had them")
    if done.alive:
        echo(f"{done.alive} tests are still running; adopt them with: megatest run")
    echo(f"the database before, if there was one, is {session.database}{ASIDE}")
