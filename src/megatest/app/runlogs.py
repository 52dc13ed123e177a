"""The journals of runs in an area's link tree: which are the area's own, and that none is run over."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from megatest.model.error import EnvironmentFault
from megatest.model.slotted import dataclass
from megatest.workarea.former import lies_inside, was_here
from megatest.workarea.runlog import area_of_run_log, find_run_logs

if TYPE_CHECKING:
    from megatest.app.session import Session
    from megatest.model.spec import Area


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLogs:
    """The journals in a link tree.

    Attributes:
        own: paths of the area's own.
        here: those of them that name the area where it is now.
        others: how many each other area has there, by its path.
    """

    own: Sequence[str]
    here: Sequence[str]
    others: Mapping[str, int]


def run_logs(area: Area) -> RunLogs:
    """Return whose the journals in an area's link tree are.

    In a link tree outside of the area, one that is gone may have been moved to anywhere: it is taken for
    this one's former place only if nobody else uses the tree.

    Cost: reads the journals once, without understanding their lines.
    """
    by_home: dict[str, list[str]] = {}
    for path in find_run_logs(area.linktree, len(area.fields)):
        if home := area_of_run_log(path):
            by_home.setdefault(home, []).append(path)
    homes = [home for home in by_home if was_here(home, area.home, area.linktree)]
    if len(homes) < len(by_home) and not lies_inside(area.linktree, area.home):
        homes = [home for home in homes if home == area.home]
    return RunLogs(
        own=sorted(path for home in homes for path in by_home[home]),
        here=by_home.get(area.home, ()),
        others={home: len(paths) for home, paths in by_home.items() if home not in homes},
    )


def refuse_to_begin_anew(session: Session) -> None:
    """Refuse to make a first database where the area's runs are known by their journals.

    Another one would number its attempts from 1 and run everything again.  A link tree outside of the area
    also outlives areas that were removed; only journals that name this very place count there.

    Raises:
        EnvironmentFault: there are such runs.
    """
    area = session.area
    found = run_logs(area)
    own = found.own if lies_inside(area.linktree, area.home) else found.here
    if not own:
        return
    what = "is empty" if os.path.exists(session.database) else "is gone"
    runs = "1 run is" if len(own) == 1 else f"{len(own)} runs are"
    more = f" and {len(own) - 1} more" if len(own) > 1 else ""
    raise EnvironmentFault(
        f"{session.database} {what}, but {runs} known by journals in {area.linktree}",
        hint=f"make it again with: megatest rebuild; to begin anew, remove their journals ({own[0]}{more})",
    )
