"""What a batch system is to us: its commands, and what their output means.  Pure: no processes.

`slurm`, `gridengine` and `template` implement `BatchSystem`; `batch` drives one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from megatest.executors.call import Command, Reply
from megatest.model.job import ChangeKind, Resources
from megatest.model.slotted import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """Where one job stands in a batch system: a task of an array.

    Attributes:
        name: of the array, random and unique: it finds the job when the id is not known, and
            guards against a job id that the batch system has given to somebody else since.
        index: of the task, from 1.
        job_id: the batch system's id of the array; empty as long as it is not known.
    """

    name: str
    index: int
    job_id: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """What identifies it without the batch system."""
        return self.name, self.index

    def handle(self, system: str) -> str:
        """Return the text for the store, as in ``slurm:1234_7/mt-0f3a``."""
        return f"{system}:{self.job_id or '?'}_{self.index}/{self.name}"


def ref_from_handle(system: str, handle: str) -> Ref | None:
    """Return what a handle of this system says; None if it is not one."""
    prefix, _, rest = handle.partition(":")
    where, _, name = rest.partition("/")
    job_id, _, index = where.rpartition("_")
    if prefix != system or not name or not index.isdecimal():
        return None
    return Ref(name=name, index=int(index), job_id="" if job_id == "?" else job_id)


class Standing(Enum):
    """Where a job is that the queue still knows."""

    PENDING = "pending"
    RUNNING = "running"
    ENDING = "ending"  # its script is over, or it is being ended


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One task in the answer to `BatchSystem.list_jobs`."""

    ref: Ref
    standing: Standing
    reason: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalWord:
    """What a batch system says of a task that is over.

    Attributes:
        kind: ENDED, or LOST where the end says nothing about the test (node failure,
            preemption).
        code, signal: of the job script, if it ran to an end.
        reason: a sentence, where the end was not the job's own.
    """

    ref: Ref
    kind: ChangeKind = ChangeKind.ENDED
    code: int | None = None
    signal: int | None = None
    reason: str = ""
    host: str = ""
    cpu_s: float | None = None
    max_rss_kib: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayJob:
    """Jobs with equal wishes, submitted by one command.

    Attributes:
        name: see `Ref`.
        count: tasks 1 to count.
        script: absolute path of the array script, run by /bin/sh.
        out: absolute path of what the batch system itself has to say.
        directory: an existing directory to run in.
    """

    name: str
    count: int
    script: str
    out: str
    directory: str
    resources: Resources = Resources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enquiry:
    """A question after the end of some jobs."""

    command: Command
    refs: Sequence[Ref]


class BatchSystem(Protocol):
    """The commands of a batch system and the reading of their answers."""

    @property
    def name(self) -> str:
        """Its name: in handles, and as the executor's name."""
        ...

    @property
    def array_size(self) -> int:
        """How many tasks an array may have; 1 where there are no arrays."""
        ...

    @property
    def name_length(self) -> int:
        """The longest job name that every listing shows whole; at least 15."""
        ...

    @property
    def task_variable(self) -> str:
        """The environment variable with the task's index; empty where there are no arrays."""
        ...

    @property
    def can_signal(self) -> bool:
        """Whether `end` without force sends TERM; otherwise there is only the hard end."""
        ...

    def submit(self, array: ArrayJob) -> Command:
        """Return the command that submits an array."""
        ...

    def unmet(self, resources: Resources) -> Sequence[str]:
        """Return the wishes, as they are called in files, that `submit` has no words for."""
        ...

    def submitted_id(self, reply: Reply) -> str:
        """Return the job id that a reply to `submit` names; empty if none."""
        ...

    def is_refusal(self, reply: Reply) -> bool:
        """Return whether a failed `submit` would fail again: the request itself is wrong."""
        ...

    def list_jobs(self) -> Command:
        """Return the command that lists the user's jobs; others' may be among them."""
        ...

    def is_listing(self, reply: Reply) -> bool:
        """Return whether a reply to `list_jobs` is a list; "there are no jobs" may be a failure to some."""
        ...

    def rows(self, out: str) -> Sequence[QueueRow]:
        """Read the answer to `list_jobs`; rows of foreign jobs may be among them."""
        ...

    def enquire(self, refs: Sequence[Ref], turn: int) -> Enquiry:
        """Return the question after jobs that left the queue; `turn` counts up."""
        ...

    def is_answer(self, reply: Reply) -> bool:
        """Return whether a reply to `enquire` is one: "no such job" is, "cannot ask" is not."""
        ...

    def final_words(self, out: str) -> Sequence[FinalWord]:
        """Read the answer to `enquire`; jobs that are not over are left out."""
        ...

    def end(self, refs: Sequence[Ref], *, force: bool) -> Sequence[Command]:
        """Return the commands that end jobs: by TERM, or by force and for good."""
        ...


def chunks(refs: Sequence[Ref], size: int) -> list[Sequence[Ref]]:
    """Return the refs in pieces that fit on a command line."""
    return [refs[at : at + size] for at in range(0, len(refs), size)]
