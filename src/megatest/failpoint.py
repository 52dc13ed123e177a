"""Named places at which a test of ours may end the process, to prove that nothing is lost.

Every write, rename, link, spawn and commit that a crash could tear apart from what follows it is one
of `POINTS` and calls `reach` beside it.  With ``MEGATEST_FAILPOINT=NAME:N`` in the environment the
process kills itself (SIGKILL, no clean-up) when it comes to NAME for the N-th time; with
``MEGATEST_FAILPOINT_LOG=FILE`` it appends each name that it reaches, so that a suite can enumerate
them.  In ordinary life a call costs one comparison.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Final

POINTS: Final = frozenset(
    {
        # the command
        "run registered",
        "lease taken",
        "lease renewed",
        "lease before release",
        # the engine
        "rows registered",
        "run log opened",
        "run log before write",
        "run log after write",
        "commit after",
        "journal read",
        "attempt settled",
        "claim made",
        # the store
        "database file made",
        "schema before commit",
        "store before commit",
        "store after commit",
        "rebuild written",
        "rebuild moved aside",
        "rebuild in place",
        # processes
        "spawn before",
        "spawn after",
        "job reaped",
        "process before signal",
        # run directories
        "work area before make",
        "work area made",
        "work area marker directory made",
        "work area file made",
        "work area script written",
        "copy made",
        "work area files copied",
        "link before make",
        "link draft made",
        "work area linked",
        "attempt before move",
        "attempt moved aside",
        "attempt before discard",
        "attempt before its return",
        "attempt linked again",
        "attempt before removal",
        # run directories that travel
        "parcel packed",
        "parcel claimed",
        "parcel back",
        "parcel believed",
        "parcel forgotten",
        # the rest of a run directory's life
        "journal draft written",
        "journal revoked",
        "removal before file",
        "removal before inner directory",
        "removal before marker",
        "removal marker gone",
        "removal before directory",
        "removal before empty parent",
        "removal before link",
    }
)

_ARMED: Final = os.environ.get("MEGATEST_FAILPOINT", "")
_LOG: Final = os.environ.get("MEGATEST_FAILPOINT_LOG", "")
_OFF: Final = not _ARMED and not _LOG
_REACHED: Final[Counter[str]] = Counter()


def reach(name: str) -> None:
    """Come to a place at which a crash must do no harm."""
    if _OFF:
        return
    assert name in POINTS, name
    _REACHED[name] += 1
    if _LOG:
        with open(_LOG, "a", encoding="utf-8") as file:
            file.write(f"{name}:{_REACHED[name]}\n")
    if f"{name}:{_REACHED[name]}" == _ARMED:
        import signal

        os.kill(os.getpid(), signal.SIGKILL)
