"""Which run directories travel to or from an ssh host together."""

from __future__ import annotations

from collections.abc import Sequence

from megatest.executors.carry import Parcel
from megatest.executors.remote import Copy, Remote
from megatest.model.slotted import dataclass

_MOST_AT_ONCE = 32
"""Directories in one transfer."""

_LONGEST_PATHS = 1 << 14
"""Characters of their paths: they stand in one command line, twice."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One job's directory in a transfer."""

    remote: Remote
    copy: Copy
    parcel: Parcel


def is_due(remote: Remote, now: float) -> bool:
    """Return whether a job's directory waits for a transfer that may begin."""
    return remote.copy is not None and not remote.copy.carried and now >= remote.copy.try_at


def together(waiting: Sequence[Remote]) -> list[Remote]:
    """Return jobs whose directories go in one transfer; one that failed before goes alone.

    A run directory inside another's has to wait: what is another test's is left out there.
    """
    batch: list[Remote] = []
    room = _LONGEST_PATHS
    for remote in waiting[:_MOST_AT_ONCE]:
        if remote.copy is not None and remote.copy.tries:
            return batch or [remote]
        path = f"{remote.job.run_dir}/"
        room -= len(path)
        if batch and room < 0:
            return batch
        others = [f"{other.job.run_dir}/" for other in batch]
        if not any(path.startswith(other) or other.startswith(path) for other in others):
            batch.append(remote)
    return batch
