"""The engine's own work: a whole `megatest run` on this machine, but its jobs are played, not started.

`python -m bench.probes.played run ...` takes the arguments of `megatest`.  A played job claims its
journal and writes its end there the moment it is submitted; of everything else nothing is changed.  So
what is counted here is ours alone, and the same each time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from megatest.cli.start import main
from megatest.executors import local
from megatest.model.attempt import Started
from megatest.model.job import ChangeKind, Job, JobChange, Submission

_START: Final = '{"k":"start","up":1.00,"pid":1,"boot_id":"","host":"","v":1'
_EXIT: Final = '{"k":"exit","up":1.00,"code":0,"step":""}'


class PlayedExecutor:
    """Stands where the executor of this machine does; every job passes at once."""

    name = "local"
    queues = False
    trouble = ""

    def __init__(self, *, slots: int | None, read_started: Callable[[str], Started | None]) -> None:
        self.slots = slots
        self._ended: list[JobChange] = []
        # Readable as long as an end waits to be polled: the engine sleeps on descriptors.
        self._readable, self._writable = os.pipe()

    def submit(self, jobs: Sequence[Job]) -> Sequence[Submission]:
        """Play each job to its end; see the port."""
        for job in jobs:
            started = f'{_START},"attempt":{job.attempt}}}'
            Path(job.run_dir, ".megatest", "journal").write_text(f"{started}\n{_EXIT}\n")
            Path(job.log).touch()
            change = JobChange(row=job.row, attempt=job.attempt, kind=ChangeKind.ENDED, code=0)
            self._ended.append(change)
        os.write(self._writable, b"." * len(jobs))
        return [Submission(row=job.row, handle="1") for job in jobs]

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        """Adopt nothing: a played job is over before its engine can die."""
        return [
            JobChange(row=job.row, attempt=job.attempt, kind=ChangeKind.LOST, reason="it was played")
            for job, _ in jobs
        ]

    def poll(self) -> Sequence[JobChange]:
        """Return the ends of what was submitted since."""
        ended, self._ended = self._ended, []
        if ended:
            os.read(self._readable, len(ended))
        return ended

    def recorded(self, row: int, code: int) -> None:
        """Nothing to do: an end is known as it happens."""

    def fds(self) -> Sequence[int]:
        """Return the pipe's end, readable when jobs were submitted."""
        return (self._readable,)

    def next_poll_s(self) -> float | None:
        """Return None: the pipe wakes whoever waits."""
        return None

    def cancel(self, rows: Sequence[int], grace_s: float) -> None:
        """Nothing to do: nothing runs."""

    def sweep(self, jobs: Sequence[Job]) -> None:
        """Nothing to do: a played job leaves nothing behind."""

    def finish(self) -> Sequence[JobChange]:
        """Return no news."""
        return ()

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._readable)
        os.close(self._writable)


if __name__ == "__main__":
    local.LocalExecutor = PlayedExecutor  # type: ignore[assignment, misc]
    sys.exit(main())
