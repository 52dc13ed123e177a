"""Who may write a run's records: at most one engine at a time."""

from __future__ import annotations

from megatest.model.slotted import dataclass


class LeaseLost(Exception):  # noqa: N818 - it is news, not an error of ours
    """Another engine holds this run now; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write a run's records: at most one engine holds it.

    `token` grows with every holder; a commit under an older token writes nothing.
    """

    run_id: int
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a run, told well enough to find out whether it still lives.

    Attributes:
        host: name of the machine.
        pid: on that machine.
        pid_started: kernel start time of that pid in clock ticks since boot (0: not known).
        boot_id: of the machine (empty: not known); another one means that the process is gone.
        user: who started it.
        time: since when, in seconds since the epoch.
        token: of its lease, as the store gave it; 0 in a request.
    """

    host: str
    pid: int
    pid_started: int = 0
    boot_id: str = ""
    user: str = ""
    time: int = 0
    token: int = 0
