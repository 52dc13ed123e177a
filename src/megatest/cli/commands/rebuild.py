"""``megatest rebuild``."""

from __future__ import annotations

from megatest.app.rebuild import rebuild
from megatest.app.session import open_area
from megatest.cli.declare import AREA, command
from megatest.cli.modern import area_request
from megatest.cli.output import count_of, echo


@command("rebuild", *AREA)
def rebuild_command(area: str, config_name: str) -> None:
    """Make a lost or damaged database again from what lies on disk; the old file is kept aside.

    Runs of an area that was moved or copied come along, and their paths become those of now; runs of another
    area in a shared link tree stay out. Refused while an engine is at work, and where nothing is found.
    """
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
    for place in done.former:
        echo(f"{place} was read as a former place of this area")
    for place, count in done.others.items():
        echo(f"{count_of(count, 'run')} in the link tree left out, of the area {place}")
    if done.before is not None and done.before > done.runs:
        echo(f"the database before had {count_of(done.before, 'run')}")
    if done.kept:
        echo(f"the database before is {done.kept}")
