"""What the parts of the ssh executor share: the hosts, the jobs, the news."""

from __future__ import annotations

from collections.abc import Callable

from megatest.executors.command import Glance
from megatest.executors.remote import Host, Remote, Stage
from megatest.executors.setting import SshSettings
from megatest.model.job import ChangeKind, Job, JobChange
from megatest.model.slotted import dataclass, field


@dataclass(slots=True, kw_only=True)
class Roster:
    """The one place where jobs are taken, placed and let go, and news is told (mutable).

    Attributes:
        hosts: all of them.
        settings: of ``[executor ssh]``.
        glance: reads the begin and the end from a journal.
        clock: monotonic seconds.
        by_row, by_number: the jobs that we answer for.
        waiting: those that no host has yet, by number.
        news: what `poll` will return next.
    """

    hosts: list[Host]
    settings: SshSettings
    glance: Glance
    clock: Callable[[], float]
    by_row: dict[int, Remote] = field(default_factory=dict)
    by_number: dict[int, Remote] = field(default_factory=dict)
    waiting: dict[int, Remote] = field(default_factory=dict)
    news: list[JobChange] = field(default_factory=list)
    _last_number: int = 0

    def register(self, job: Job) -> Remote:
        """Take a job on, under a number that no other ever had."""
        self._last_number += 1
        remote = Remote(job=job, number=self._last_number)
        self.by_row[job.row] = remote
        self.by_number[remote.number] = remote
        return remote

    def new_number(self) -> int:
        """Return a number for what is said to a host about no job of ours."""
        self._last_number += 1
        return self._last_number

    def place(self, remote: Remote, host: Host, stage: Stage) -> None:
        """Note that a host has a job."""
        remote.host = host
        remote.stage = stage
        remote.boot_id = host.boot_id
        host.jobs[remote.number] = remote

    def start_over(self, remote: Remote) -> None:
        """Nothing of a job has begun: it waits again."""
        if remote.host is not None:
            remote.host.jobs.pop(remote.number, None)
        remote.host = None
        remote.copy = None
        remote.stage = Stage.WAITING
        self.waiting[remote.number] = remote

    def host_of(self, name: str) -> Host | None:
        """Return a host by its name."""
        return next((host for host in self.hosts if host.name == name), None)

    def close(self, remote: Remote, end: JobChange) -> None:
        """Let a job go and tell its end."""
        self.by_number.pop(remote.number, None)
        self.waiting.pop(remote.number, None)
        if self.by_row.get(remote.job.row) is remote:
            del self.by_row[remote.job.row]
        if remote.host is not None:
            remote.host.jobs.pop(remote.number, None)
        self.news.append(end)

    def tell(self, remote: Remote, kind: ChangeKind, reason: str = "") -> None:
        """Tell news once."""
        if remote.told != (kind, reason):
            remote.told = (kind, reason)
            self.news.append(remote.change(kind, reason=reason))

    def recorded(self, remote: Remote) -> JobChange | None:
        """Return the end of a job as its journal tells it; None if it does not."""
        _, ended = self.glance(remote.job.run_dir)
        return remote.change(ChangeKind.ENDED, code=ended.code) if ended is not None else None
