"""Named places at which a test of ours may end the process, to prove that nothing is lost.

Every write, rename, spawn and commit that a crash could tear is one of `POINTS` and calls
`reach` just before it happens.  With ``MEGATEST_FAILPOINT=NAME:N`` in the environment the process
kills itself (SIGKILL, no clean-up) when it comes to NAME for the N-th time; with
``MEGATEST_FAILPOINT_LOG=FILE`` it appends each name that it reaches, so that a suite can enumerate
them.  In ordinary life a call costs one comparison.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Final

POINTS: Final = frozenset(
    {
        "run registered",
        "lease taken",
        "run log before write",
        "run log after write",
        "rows registered",
        "commit after",
        "work area before make",
        "work area files copied",
        "work area script written",
        "work area linked",
        "attempt moved aside",
        "journal revoked",
        "spawn before",
        "spawn after",
        "job reaped",
        "journal read",
        "attempt settled",
        "lease before release",
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
        os.kill(os.getpid(), signal.SIGKILL)
