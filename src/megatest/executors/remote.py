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
    SENDING = "sending"  # its directory is on the way to a host that does not share it
    STARTED = "started"  # the agent was told, and will tell the end
    SOUGHT = "sought"  # hosts are asked whether they have it
    WATCHED = "watched"  # it lives under an agent that is not its parent: it is asked about
    RETURNING = "returning"  # it is over, and its results are on the way back


@dataclass(slots=True, kw_only=True)
class Copy:
    """The run directory of one job on a host that does not share it (mutable).

    Attributes:
        directory: where it is there; no two attempts to send one have the same.
        heard: bytes of the journal there that are in the journal here.
        line: the beginning of a line that follows them.
        asked: an answer about the journal is to come.
        held: what follows in the journal must not be believed before the results are here.
        carried: a transfer is under way.
        tries: transfers in a row that failed although the session stood.
        try_at: monotonic time before which none is begun.
        end: how the job ended, as far as is known without its results.
        give_up_at: monotonic time from which on the results are not waited for; None for ever.
    """

    directory: str
    heard: int = 0
    line: bytes = b""
    asked: bool = False
    held: bool = False
    carried: bool = False
    tries: int = 0
    try_at: float = 0
    end: JobChange | None = None
    give_up_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Remote:
    """One job (mutable).

    Attributes:
        job: as the engine gave it.
        number: what the agents call it.
        stage, host: where it is.
        copy: its directory there; None on a host that shares ours.
        claimed: our journal was made for it, so that it may begin on a host that shares nothing.
        refused: hosts that could not take its directory, with the reason.
        pid, ticks, boot_id: who it is, once known: the pid, its start time, its host's boot.
        denied: names of the hosts that do not have it, while it is sought.
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
    copy: Copy | None = None
    claimed: bool = False
    refused: dict[str, str] = field(default_factory=dict)
    pid: int = 0
    ticks: int = 0
    boot_id: str = ""
    denied: set[str] = field(default_factory=set)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What is still to be done on a host about a job that is over for us.

    Attributes:
        name, pid: of the job, to be ended if it lives; a pid of None: it does not; 0: nobody knows it.
        directory: the copy to be removed there; empty if there is none.
        run_dir: the run directory here, which remembers the copy.
    """

    name: str
    pid: int | None
    directory: str
    run_dir: str


@dataclass(slots=True, kw_only=True)
class Host:
    """One host (mutable).

    Attributes:
        session: the way to it.
        slots: how many jobs it takes.
        directory: where run directories are copied to; empty for a host that shares ours.
        jobs: those that it has, by number.
        owed: what is still to be done there, by the job's number.
        boot_id: of the last session's agent.
        greeted: the present session's first line was taken in.
        look_at: monotonic time at which watched jobs are asked about again.
        read_at: monotonic time at which journals there are read on.
        kitted, kitting: what tests call is there, or on its way.
        transfers: how many are under way.
        dead: it was away for so long that its jobs were given up.
    """

    session: Session
    slots: int
    directory: str = ""
    jobs: dict[int, Remote] = field(default_factory=dict)
    owed: dict[int, Owed] = field(default_factory=dict)
    boot_id: str = ""
    greeted: bool = False
    look_at: float = 0
    read_at: float = 0
    kitted: bool = False
    kitting: bool = False
    transfers: int = 0
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
    def is_busy(self) -> bool:
        """Whether something is under way there or owed that is about no job any more."""
        return bool(self.owed or self.transfers)

    @property
    def free(self) -> int:
        """How many more jobs it takes now."""
        if not self.is_up:
            return 0
        over = sum(job.stage is Stage.RETURNING for job in self.jobs.values()) if self.directory else 0
        return self.slots - len(self.jobs) + over

    def watched(self) -> list[Remote]:
        """Return the jobs that must be asked about."""
        return [remote for remote in self.jobs.values() if remote.stage is Stage.WATCHED]

    def owe(self, number: int, owed: Owed) -> None:
        """Remember what is to be done there under a number, and ask for it if the host listens."""
        self.owed[number] = owed
        if self.greeted:
            self.pay(number)

    def pay(self, number: int) -> None:
        """Ask for what is owed about one job; a copy is owed until the host says that it is gone."""
        owed = self.owed[number]
        if owed.pid is not None:
            self.session.send("reach", 0, owed.name, owed.pid, "KILL")
        if owed.directory:
            self.session.send("drop", number, owed.directory)
        else:
            del self.owed[number]
