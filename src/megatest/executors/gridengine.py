"""Grid Engine: qsub, qstat, qacct, qdel and their words.  Written against 8.1.9.

What the manual does not say: plain `qstat` cuts names at ten characters, so the XML is read;
`qacct` fails ("job id ... not found", even "no such file") until the accounting is flushed, some
15 s after the end; a job deleted while pending never gets there; `qdel` is KILL, and reaches
the process group only unless `execd_params ENABLE_ADDGRP_KILL=TRUE` is set.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from megatest.executors.call import Command, Reply
from megatest.executors.queue import ArrayJob, Enquiry, FinalWord, QueueRow, Ref, Standing, chunks
from megatest.executors.setting import BatchSettings
from megatest.executors.wish import Wishes, wishes_from
from megatest.model.job import Resources
from megatest.model.slotted import dataclass

_IDS_PER_COMMAND = 200
_REFUSALS = re.compile(
    r"rejected|denied|unknown|not a valid|invalid|error parsing|no suitable", re.IGNORECASE
)
_NOT_KNOWN = re.compile(r"not found|no such file|no jobs running since startup", re.IGNORECASE)
_ENDED_BY_QUEUE = 100  # "assumedly after job": a signal ended it


@dataclass(frozen=True, slots=True, kw_only=True)
class GridEngine:
    """The commands of Grid Engine.

    Attributes:
        settings: of ``[executor gridengine]``.
        user: whose jobs are listed.
    """

    settings: BatchSettings
    user: str
    name: str = "gridengine"
    name_length: int = 60
    task_variable: str = "SGE_TASK_ID"
    can_signal: bool = False

    @property
    def array_size(self) -> int:
        """Tasks in one array; Grid Engine's own limit (max_aj_tasks) is 75000."""
        return self.settings.array_size or 1000

    def submit(self, array: ArrayJob) -> Command:
        """Return the qsub command."""
        words = ["qsub", "-terse", "-N", array.name, "-t", f"1-{array.count}", "-r", "n", "-V"]
        # A colon would separate a host from the path.
        words += ["-o", f":{array.out}", "-j", "y", "-wd", array.directory]
        words += _resource_words(array.resources, self.settings)
        wishes = wishes_from(array.resources.extra)
        words += _wish_words(wishes)
        if queue := wishes.queue or self.settings.queue:
            words += ["-q", queue]
        if account := wishes.account or self.settings.account:
            words += ["-P", account]
        # No login shell in between, and no shell that would read the path.
        program = ("-shell", "n", "-b", "y", "/bin/sh", array.script)
        return Command(argv=(*words, *self.settings.options, *wishes.options, *program))

    def unmet(self, resources: Resources) -> Sequence[str]:
        """Everything has words here: what has no option is a complex."""
        return ()

    def submitted_id(self, reply: Reply) -> str:
        """Read ``ID.1-COUNT:1``, or ``ID``."""
        found = re.search(r"^(\d+)(\.\S+)?$", reply.out.strip(), re.MULTILINE)
        return found.group(1) if found and reply.ok else ""

    def is_refusal(self, reply: Reply) -> bool:
        """Tell a wrong request from a qmaster that is away."""
        if reply.code is None:
            return reply.not_installed
        return bool(_REFUSALS.search(reply.err)) and "commlib" not in reply.err

    def list_jobs(self) -> Command:
        """Return the qstat command: all of the user's jobs, one row a task."""
        return Command(argv=("qstat", "-xml", "-g", "d", "-u", self.user))

    def is_listing(self, reply: Reply) -> bool:
        """Return whether the command ran: an empty list is one."""
        return reply.ok

    def rows(self, out: str) -> Sequence[QueueRow]:
        """Read the XML; what cannot be read has no rows."""
        try:
            # From the batch system's own client: as trustworthy as its daemon.
            root = Xml.fromstring(out)  # noqa: S314
        except Xml.ParseError:
            return []
        return [row for job in root.iter("job_list") if (row := _row(job)) is not None]

    def enquire(self, refs: Sequence[Ref], turn: int) -> Enquiry:
        """Ask for one array a time: qacct takes no list."""
        names = sorted({ref.name for ref in refs})
        name = names[turn % len(names)]
        return Enquiry(
            command=Command(argv=("qacct", "-j", name)), refs=[ref for ref in refs if ref.name == name]
        )

    def is_answer(self, reply: Reply) -> bool:
        """Without accounting on this host qacct's complaint is all that will ever come."""
        return reply.ok or bool(_NOT_KNOWN.search(reply.err + reply.out))

    def final_words(self, out: str) -> Sequence[FinalWord]:
        """Read qacct's blocks of ``key value`` lines."""
        blocks = re.split(r"^=+\n", out, flags=re.MULTILINE)
        return [word for block in blocks if (word := _final_word(_fields(block))) is not None]

    def end(self, refs: Sequence[Ref], *, force: bool) -> Sequence[Command]:
        """Return qdel commands, one an array and piece: a task is named JOB.TASK."""
        commands: list[Command] = []
        for job_id in sorted({ref.job_id for ref in refs if ref.job_id}):
            tasks = [ref for ref in refs if ref.job_id == job_id]
            commands += [
                Command(argv=("qdel", *(f"{job_id}.{ref.index}" for ref in part)))
                for part in chunks(tasks, _IDS_PER_COMMAND)
            ]
        return commands


def _resource_words(resources: Resources, settings: BatchSettings) -> list[str]:
    words = []
    if resources.cpus > 1:
        words += ["-pe", settings.parallel_environment, str(resources.cpus)]
    wishes = []
    if resources.memory_mib:
        # Grid Engine takes it per slot.
        wishes.append(f"{settings.memory_resource}={-(-resources.memory_mib // max(1, resources.cpus))}M")
    if resources.gpus:
        wishes.append(f"{settings.gpu_resource}={resources.gpus}")
    if resources.walltime_s:
        wishes.append(f"h_rt={math.ceil(resources.walltime_s)}")
    return words + _requested(wishes)


def _wish_words(wishes: Wishes) -> list[str]:
    """A licence is a complex here, and so is every other thing that is asked for by name."""
    asked = [f"{name}={count}" for name, count in wishes.licenses]
    asked += [wishes.constraint] if wishes.constraint else []
    return _requested([*asked, *(f"{name}={value}" for name, value in wishes.others)])


def _requested(resources: Sequence[str]) -> list[str]:
    return [word for each in resources for word in ("-l", each)]


def _row(job: Xml.Element) -> QueueRow | None:
    job_id = job.findtext("JB_job_number", "")
    index = job.findtext("tasks", "1")
    state = job.findtext("state", "")
    if not index.isdecimal():
        return None
    ref = Ref(name=job.findtext("JB_name", ""), index=int(index), job_id=job_id)
    host = job.findtext("queue_name", "").partition("@")[2]
    if "E" in state:
        return QueueRow(ref=ref, standing=Standing.PENDING, reason=_error_reason(job_id))
    if "q" in state:
        return QueueRow(ref=ref, standing=Standing.PENDING, reason=_pending_reason(state, job_id))
    return QueueRow(ref=ref, standing=Standing.RUNNING, host=host)


def _error_reason(job_id: str) -> str:
    return (
        f"Grid Engine: it is in an error state; `qstat -j {job_id}` says why, `qmod -cj {job_id}` clears it"
    )


def _pending_reason(state: str, job_id: str) -> str:
    if "h" in state:
        return f"Grid Engine: it is held; `qrls {job_id}` lets it go ({state})"
    return f"Grid Engine: it waits for a free slot or resource ({state})"


def _fields(block: str) -> dict[str, str]:
    pairs = (line.partition(" ") for line in block.splitlines())
    return {key: value.strip() for key, _, value in pairs if key}


def _final_word(fields: dict[str, str]) -> FinalWord | None:
    task = fields.get("taskid", "undefined")
    code = _number(fields.get("exit_status", ""))
    if "jobname" not in fields or code is None:
        return None
    index = int(task) if task.isdecimal() else 1
    ref = Ref(name=fields["jobname"], index=index, job_id=fields.get("jobnumber", ""))
    failed, _, why = fields.get("failed", "0").partition(":")
    failure = int(_number(failed) or 0)
    strange = failure not in (0, _ENDED_BY_QUEUE)
    reason = f"Grid Engine: {why.strip()} (failed {failure})" if strange else ""
    return FinalWord(
        ref=ref,
        # With a failure the status is the shepherd's: 0 would not mean that the job went well.
        code=None if failure else int(code),
        signal=int(code) - 128 if failure and code > 128 else None,
        reason=reason,
        host=fields.get("hostname", ""),
        cpu_s=_number(fields.get("cpu", "")),
        max_rss_kib=_kib(fields.get("ru_maxrss", "")),
    )


def _number(text: str) -> float | None:
    """Return the number that a value begins with: ``143                  (Terminated)``, ``0.006s``."""
    found = re.match(r"\d+(\.\d+)?", text.strip())
    return float(found.group()) if found else None


def _kib(text: str) -> int | None:
    found = re.match(r"(\d+(?:\.\d+)?)([KMGT]?)B?$", text.strip())
    if found is None:
        return None
    scale = {"": 1 / 1024, "K": 1, "M": 1024, "G": 1024**2, "T": 1024**3}[found.group(2)]
    return int(float(found.group(1)) * scale)
