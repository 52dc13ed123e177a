"""What the engine and the executors say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from megatest.model.slotted import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a test asks of the machine it runs on; 0 or empty means no wish.

    Attributes:
        cpus: processors.
        memory_mib: memory in MiB.
        gpus: accelerators.
        walltime_s: limit of its run time in seconds.
        extra: further named wishes, for executor sections: (name, value).
    """

    cpus: int = 0
    memory_mib: int = 0
    gpus: int = 0
    walltime_s: float = 0
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt of one test, ready to be started.

    Attributes:
        row: id of the test's row in the store; one job a row lives at a time.
        attempt: 1-based number of the attempt.
        name: unique over all runs and attempts of the area, plain characters; a batch system
            shows it, and a lost submission is found again by it.
        run_dir: absolute path of the run directory.
        script: absolute path of the job script; started as ``/bin/sh SCRIPT``.
        log: absolute path of the file that receives its output.
        environment: the environment for executors on this machine (others inherit their own).
        launcher: the user's launcher line, for the command executor; empty elsewhere.
        resources: what it asks for.
    """

    row: int
    attempt: int
    name: str
    run_dir: str
    script: str
    log: str
    environment: Mapping[str, str] = field(default_factory=dict)
    launcher: str = ""
    resources: Resources = Resources()


NOT_STARTED_CODE = 75
"""Exit status of a job script that did nothing: its attempt had begun already, or was taken back."""


class ChangeKind(StrEnum):
    """What became of a job since the last word about it."""

    PENDING = "pending"  # waits in a queue; `reason` says why
    STARTED = "started"
    ENDED = "ended"  # `code` or `signal` say how, where the executor knows
    LOST = "lost"  # nobody accounts for it; never a verdict about the test
    LEFT_BEHIND = "left behind"  # after its end: processes of it were still alive


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """News of one job.

    Attributes:
        row: the job's `row`.
        attempt: the job's `attempt`; news of an older attempt is ignored by the engine.
        kind: what happened.
        code: exit status of the job script, if it exited and the executor knows it.
        signal: the signal that ended it, if one did.
        reason: a sentence for the user: why pending, lost, or ended by the executor.
        cpu_s: processor time of the whole job, in seconds, where known.
        max_rss_kib: largest resident size, in KiB, where known.
        host: where it runs or ran, where known.
        left_behind: processes that it left and that were ended, as `pid name` texts.
    """

    row: int
    attempt: int
    kind: ChangeKind
    code: int | None = None
    signal: int | None = None
    reason: str = ""
    cpu_s: float | None = None
    max_rss_kib: int | None = None
    host: str = ""
    left_behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An executor's answer to a job that it was given.

    Attributes:
        row: the job's `row`.
        handle: what finds the job again after a restart of the engine (a pid with its start
            time, a batch system's job id); empty if it could not be started.
        error: why it could not be started; empty if it was.
    """

    row: int
    handle: str = ""
    error: str = ""
