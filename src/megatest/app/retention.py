"""Which runs may go because newer ones of their target are there: a decision, nothing is removed here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from megatest.app.edit import LOCKED
from megatest.config.kind import time
from megatest.model.ids import Target
from megatest.model.record import RunRecord
from megatest.model.slotted import dataclass

_AGE: Final = re.compile(r"\s*\d+[smhdwMy](\s+\d+[smhdwMy])*\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is to be kept.

    Attributes:
        newest: so many runs of each target, the latest ones.
        younger_than_s: and every run that began less than so many seconds ago.
    """

    newest: int = 0
    younger_than_s: float = 0


def expired(runs: Iterable[RunRecord], keep: Retention, now: float) -> Sequence[RunRecord]:
    """Return the runs that need not be kept, by target, the oldest of each first; a locked one stays.

    Args:
        runs: every run that counts.
        keep: what is to be kept.
        now: seconds since the epoch.
    """
    by_target: dict[Target, list[RunRecord]] = {}
    for run in runs:
        by_target.setdefault(run.target, []).append(run)
    return [
        run
        for _, of_target in sorted(by_target.items(), key=lambda pair: pair[0].values)
        for run in _beyond_newest(of_target, keep.newest)
        if run.state != LOCKED and now - run.event_time >= keep.younger_than_s
    ]


def _beyond_newest(runs: Sequence[RunRecord], newest: int) -> Sequence[RunRecord]:
    ordered = sorted(runs, key=lambda run: (run.event_time, run.id))
    return ordered[: max(0, len(ordered) - newest)]


def age_s(text: str) -> float | None:
    """Return an age like ``30d`` or ``1w 12h`` in seconds; None if it is anything else.

    Time words elsewhere pass over what they do not know, as the original's do.  Here that would remove
    what nobody meant: half a unit, a sign, a word, an empty text from an unset variable are no age.
    """
    return time(text) if _AGE.fullmatch(text) else None
