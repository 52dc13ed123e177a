"""What the ssh executor remembers of its hosts and of the jobs on them."""

from __future__ import annotations

from enum import Enum

from megatest.executors.session import Session, SessionState
from megatest.model.job import ChangeKind, Job, JobChange
from megatest.model.slotted import dataclass, field

KILL_STEP_S = 0.1


class Stage(Enum):
    """How far a job has come."""

    WAITING = "waiting"  # for a slot
    STARTED = "started"  # the agent was told, and will tell the end
    SOUGHT = "sought"  # hosts are asked whether they have it
    WATCHED = "watched"  # it lives under an agent that is not its parent: it is asked about


@dataclass(slots=True, kw_only=True)
class Remote:
    """One job (mutable).

    Attributes:
        job: as the engine gave it.
        number: what the agents call it.
        stage, host: where it is.
        pid, ticks, boot_id: who it is, once known: the pid, its start time, its host's boot.
        denied: names of the hosts that do not have it, while it is sought.
        sought_since: monotonic time.
        end: its end, held back while something of it still lives.
        kill_at: monotonic time from which on KILL is sent; None while nobody asked for its end.
        signal_at, step_s: when it is signalled next, and the pause after that.
        termed: TERM was sent.
        told: the last news.
    """

    job: Job
    number: int
    stage: Stage = Stage.WAITING
    host: Host | None = None
    pid: int = 0
    ticks: int = 0
    boot_id: str = ""
    denied: set[str] = field(default_factory=set)
    sought_since: float = 0
    end: JobChange | None = None
    kill_at: float | None = None
    signal_at: float = 0
    step_s: float = KILL_STEP_S
    termed: bool = False
    told: tuple[ChangeKind, str] | None = None

    def change(
        self, kind: ChangeKind, *, code: int | None = None, signal: int | None = None, reason: str = ""
    ) -> JobChange:
        """Return news of this job."""
        return JobChange(
            row=self.job.row,
            attempt=self.job.attempt,
            kind=kind,
            code=code,
            signal=signal,
            reason=reason,
            host=self.host.name if self.host is not None else "",
        )


@dataclass(slots=True, kw_only=True)
class Host:
    """One host (mutable).

    Attributes:
        session: the way to it.
        slots: how many jobs it takes.
        jobs: those that it has, by number.
        given_up: (name, pid) of jobs that were lost with it, to be ended should it come back.
        boot_id: of the last session's agent.
        greeted: the present session's first line was taken in.
        look_at: monotonic time at which watched jobs are asked about again.
        dead: it was away for so long that its jobs were given up.
    """

    session: Session
    slots: int
    jobs: dict[int, Remote] = field(default_factory=dict)
    given_up: list[tuple[str, int]] = field(default_factory=list)
    boot_id: str = ""
    greeted: bool = False
    look_at: float = 0
    dead: bool = False

    @property
    def name(self) -> str:
        """As in ``[hosts]``."""
        return self.session.host

    @property
    def is_up(self) -> bool:
        """Whether it can be talked to now."""
        return self.session.state is SessionState.UP

    @property
    def free(self) -> int:
        """How many more jobs it takes now."""
        return self.slots - len(self.jobs) if self.is_up else 0

    def watched(self) -> list[Remote]:
        """Return the jobs that must be asked about."""
        return [remote for remote in self.jobs.values() if remote.stage is Stage.WATCHED]
