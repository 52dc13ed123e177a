"""Slurm: sbatch, squeue, sacct, scancel and their words.  Written against 22.05.

What the manual does not say: the names of an array's tasks in `squeue -r` are ``ID_INDEX``; a
job without an array is ``ID``; ``exit_code`` of `squeue -O` is the raw wait status; finished jobs
stay visible to ``squeue --states=all`` for `MinJobAge` (300 s), without any accounting;
`sacct -j` looks back to the epoch, `sacct --name` only to the last midnight.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from megatest.executors.call import Command, Reply
from megatest.executors.queue import (
    ArrayJob,
    Enquiry,
    FinalWord,
    QueueRow,
    Ref,
    Standing,
    chunks,
)
from megatest.executors.setting import BatchSettings
from megatest.executors.wish import Wishes, wishes_from
from megatest.model.job import ChangeKind, Resources
from megatest.model.slotted import dataclass

_IDS_PER_COMMAND = 200
_STANDINGS = {
    "PENDING": Standing.PENDING,
    "REQUEUED": Standing.PENDING,
    "REQUEUE_FED": Standing.PENDING,
    "REQUEUE_HOLD": Standing.PENDING,
    "SPECIAL_EXIT": Standing.PENDING,
    "RESV_DEL_HOLD": Standing.PENDING,
    "CONFIGURING": Standing.PENDING,
    "RUNNING": Standing.RUNNING,
    "SUSPENDED": Standing.RUNNING,
    "STOPPED": Standing.RUNNING,
    "RESIZING": Standing.RUNNING,
    "SIGNALING": Standing.RUNNING,
    "COMPLETING": Standing.ENDING,
    "STAGE_OUT": Standing.ENDING,
}
_NO_VERDICT = {
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node could not be booted",
    "PREEMPTED": "it was preempted by another job",
    "REVOKED": "another cluster took it",
}
_ENDED_BY_SLURM = {
    "TIMEOUT": "it reached its time limit",
    "DEADLINE": "it could not end before its deadline",
    "OUT_OF_MEMORY": "it used more memory than it had asked for",
}
_BY_ITSELF = frozenset({"COMPLETED", "FAILED"})
_REASONS = {
    "JobHeldUser": "its owner holds it; `scontrol release {job}` lets it go",
    "JobHeldAdmin": "an administrator holds it",
    "JobHoldMaxRequeue": "it is held after too many requeues",
    "DependencyNeverSatisfied": "it waits for a job that did not end well, and will for ever",
    "PartitionConfig": "it asks for more than the partition has, and may wait for ever",
    "PartitionNodeLimit": "it asks for more nodes than the partition allows, and may wait for ever",
    "PartitionTimeLimit": "it asks for more time than the partition allows, and may wait for ever",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition is inactive",
    "BadConstraints": "no node can ever satisfy its constraints",
    "InvalidAccount": "its account is not valid",
    "InvalidQOS": "its quality of service is not valid",
    "ReqNodeNotAvail": "a node that it needs is not available",
    "launch failed requeued held": "its launch failed and it is held; `scontrol release {job}` tries again",
}
_REFUSALS = re.compile(
    r"invalid|unrecognized|not permitted|denied|not available|cannot be satisfied|can not be satisfied"
    r"|unable to open|no such file|violates|more processors requested|too (large|long)|duplicate",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"unable to contact|timed out|temporarily|connection refused|zero bytes|try again|submit limit"
    r"|protocol authentication|munge|invalid authentication credential|communication|not responding"
    r"|unable to allocate resources: (socket|unable)",
    re.IGNORECASE,
)
_NOT_KEPT = re.compile(r"accounting storage is disabled", re.IGNORECASE)

_FILTERS = ("SQUEUE_", "SACCT_", "SCANCEL_")


def unfiltered(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that would filter or shape what we ask for.

    Otherwise it stays as it is: it goes along with the jobs.
    """
    return {name: value for name, value in environment.items() if not name.startswith(_FILTERS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slurm:
    """The commands of Slurm.

    Attributes:
        settings: of ``[executor slurm]``.
        user: whose jobs are listed; a number will do.
    """

    settings: BatchSettings
    user: str
    name: str = "slurm"
    name_length: int = 60
    task_variable: str = "SLURM_ARRAY_TASK_ID"
    can_signal: bool = True

    @property
    def array_size(self) -> int:
        """Tasks in one array; Slurm's own default for `MaxArraySize` is 1001."""
        return self.settings.array_size or 1000

    def submit(self, array: ArrayJob) -> Command:
        """Return the sbatch command."""
        words = [
            "sbatch",
            "--parsable",
            f"--job-name={array.name}",
            f"--array=1-{array.count}",
            # A requeued job would find its attempt begun and do nothing; a new attempt is ours to make.
            "--no-requeue",
            f"--output={_escaped(array.out)}",
            "--open-mode=append",
            f"--chdir={array.directory}",
            *_resource_words(array.resources),
        ]
        wishes = wishes_from(array.resources.extra)
        if queue := wishes.queue or self.settings.queue:
            words.append(f"--partition={queue}")
        if account := wishes.account or self.settings.account:
            words.append(f"--account={account}")
        words += _wish_words(wishes)
        # The script is copied to every node with every task, so it only names the index.
        options = (*self.settings.options, *wishes.options)
        return Command(argv=(*words, *options, f"--wrap=exec /bin/sh {_quoted(array.script)}"))

    def unmet(self, resources: Resources) -> Sequence[str]:
        """Return what cannot be the name of an option."""
        return [name for name, _ in wishes_from(resources.extra).others if not _is_option(name)]

    def submitted_id(self, reply: Reply) -> str:
        """Read ``ID`` or ``ID;CLUSTER``."""
        found = re.search(r"^(\d+)(;\S+)?$", reply.out.strip(), re.MULTILINE)
        return found.group(1) if found and reply.ok else ""

    def is_refusal(self, reply: Reply) -> bool:
        """Tell a wrong request from a controller that is away or busy."""
        if reply.code is None:
            return reply.not_installed
        return bool(_REFUSALS.search(reply.err)) and not _PASSING.search(reply.err)

    def list_jobs(self) -> Command:
        """Return the squeue command for all of the user's jobs that are not over.

        One query whatever the number of arrays: `--user` is filtered by the controller.
        """
        return Command(
            argv=("squeue", "--noheader", "--array", f"--user={self.user}", "--format=%i|%j|%T|%N|%r")
        )

    def is_listing(self, reply: Reply) -> bool:
        """Return whether the command ran: an empty list is one."""
        return reply.ok

    def rows(self, out: str) -> Sequence[QueueRow]:
        """Read lines of ``ID_INDEX|NAME|STATE|NODES|REASON``."""
        rows = []
        for line in out.splitlines():
            words = line.split("|", 4)
            if len(words) == 5 and (standing := _STANDINGS.get(words[2])) is not None:
                ref = _ref(words[0], words[1])
                reason = _pending_reason(words[4], words[0]) if standing is Standing.PENDING else ""
                rows.append(QueueRow(ref=ref, standing=standing, reason=reason, host=words[3]))
        return rows

    def enquire(self, refs: Sequence[Ref], turn: int) -> Enquiry:
        """Ask the controller first and the accounting, which lags behind, in turn."""
        refs = refs[:_IDS_PER_COMMAND]
        ask = self._ask_controller if turn % 2 == 0 or not self.settings.accounting else _ask_accounting
        return Enquiry(command=Command(argv=ask(refs)), refs=refs)

    def _ask_controller(self, refs: Sequence[Ref]) -> tuple[str, ...]:
        names = ",".join(sorted({ref.name for ref in refs}))
        fields = "--Format=JobArrayID:40,State:20,exit_code:12,NodeList:60,Name:80"
        which = (f"--user={self.user}", f"--name={names}")
        return ("squeue", "--noheader", "--array", "--states=all", *which, fields)

    def is_answer(self, reply: Reply) -> bool:
        """An accounting that is switched off answers, too: it knows nothing."""
        return reply.ok or bool(_NOT_KEPT.search(reply.err))

    def final_words(self, out: str) -> Sequence[FinalWord]:
        """Read the answers of both: sacct's has bars, squeue's has columns."""
        read = (_word_of_sacct(line) if "|" in line else _word_of_squeue(line) for line in out.splitlines())
        return [word for word in read if word is not None]

    def end(self, refs: Sequence[Ref], *, force: bool) -> Sequence[Command]:
        """Return scancel commands.

        TERM goes to running jobs only (a pending one cannot be signalled): those in the queue
        are cancelled outright.  `--full` reaches the batch script and its children.
        """
        commands = []
        for part in chunks(refs, _IDS_PER_COMMAND):
            ids = tuple(f"{ref.job_id}_{ref.index}" for ref in part if ref.job_id)
            if force:
                commands.append(Command(argv=("scancel", "--quiet", "--signal=KILL", "--full", *ids)))
                commands.append(Command(argv=("scancel", "--quiet", *ids)))
            else:
                commands.append(Command(argv=("scancel", "--quiet", "--state=PENDING", *ids)))
                commands.append(
                    Command(argv=("scancel", "--quiet", "--state=RUNNING", "--signal=TERM", "--full", *ids))
                )
        return commands


def slurm_time(seconds: float) -> str:
    """Return a time limit as Slurm writes it; it rounds up to minutes itself."""
    whole = math.ceil(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def _resource_words(resources: Resources) -> list[str]:
    words = []
    if resources.cpus:
        words.append(f"--cpus-per-task={resources.cpus}")
    if resources.memory_mib:
        words.append(f"--mem={resources.memory_mib}M")
    if resources.gpus:
        words.append(f"--gpus={resources.gpus}")
    if resources.walltime_s:
        words.append(f"--time={slurm_time(resources.walltime_s)}")
    return words


def _wish_words(wishes: Wishes) -> list[str]:
    words = []
    if wishes.licenses:
        words.append(f"--licenses={','.join(f'{name}:{count}' for name, count in wishes.licenses)}")
    if wishes.constraint:
        words.append(f"--constraint={wishes.constraint}")
    return words + [f"--{name}={value}" for name, value in wishes.others if _is_option(name)]


def _is_option(name: str) -> bool:
    return re.fullmatch(r"[a-z][a-z-]*", name) is not None


def _escaped(path: str) -> str:
    """Return a path for --output, where ``%`` begins a replacement."""
    return path.replace("%", "%%")


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def _ref(where: str, name: str) -> Ref:
    job_id, _, index = where.partition("_")
    return Ref(name=name, index=int(index) if index.isdecimal() else 1, job_id=job_id)


def _ask_accounting(refs: Sequence[Ref]) -> tuple[str, ...]:
    """Select jobs by id; by name where an id is not known: sacct joins both with "and"."""
    which = f"--jobs={','.join(f'{ref.job_id}_{ref.index}' for ref in refs)}"
    if not all(ref.job_id for ref in refs):
        which = f"--name={','.join(sorted({ref.name for ref in refs}))}"
    fields = "--format=JobID,State,ExitCode,NodeList,JobName"
    return ("sacct", "--noheader", "--parsable2", "--allocations", "--starttime=now-30days", fields, which)


def _pending_reason(reason: str, job: str) -> str:
    word = reason.strip("()")
    sentence = _REASONS.get(word) or _REASONS.get(word.partition(",")[0])
    if sentence is None:
        return f"Slurm: {word}"
    return f"Slurm: {sentence.format(job=job)} ({word})"


def _word_of_squeue(line: str) -> FinalWord | None:
    words = line.split()
    if len(words) < 4 or not words[2].isdecimal():
        return None
    status = int(words[2])  # as of wait(2)
    host = words[3] if len(words) > 4 else ""
    return _final_word(_ref(words[0], words[-1]), words[1], status >> 8, status & 0x7F, host)


def _word_of_sacct(line: str) -> FinalWord | None:
    words = line.split("|")
    if len(words) < 5 or "." in words[0]:
        return None
    code, _, number = words[2].partition(":")
    if not (code.isdecimal() and number.isdecimal()):
        return None
    state = words[1].partition(" ")[0]  # "CANCELLED by 1000"
    return _final_word(_ref(words[0], words[4]), state, int(code), int(number), words[3])


def _final_word(ref: Ref, state: str, code: int, number: int, host: str) -> FinalWord | None:
    if state in _STANDINGS:
        return None
    where = "" if host in ("", "None assigned", "(null)") else host
    if state in _NO_VERDICT:
        reason = f"Slurm: {_NO_VERDICT[state]} ({state})"
        return FinalWord(ref=ref, kind=ChangeKind.LOST, reason=reason, host=where)
    if state in _BY_ITSELF:
        return FinalWord(ref=ref, code=None if number else code, signal=number or None, host=where)
    why = _ENDED_BY_SLURM.get(state, "it was cancelled" if state == "CANCELLED" else "it was ended")
    return FinalWord(ref=ref, signal=number or None, reason=f"Slurm: {why} ({state})", host=where)
