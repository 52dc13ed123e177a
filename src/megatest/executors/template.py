"""Batch systems as data: what a template must say, and the commands made from it.

The templates themselves are in `template_systems`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

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
from megatest.model.slotted import dataclass, field

_IDS_PER_COMMAND = 100
_AWAY = re.compile(r"connect|communication|timed? ?out|is down|refused|try again", re.IGNORECASE)
_WORDED_BY = MappingProxyType(
    {
        "cpus": frozenset({"cpus", "node"}),
        "memory": frozenset({"memory_mib"}),
        "gpus": frozenset({"gpus"}),
        "walltime": frozenset({"walltime", "walltime_min", "walltime_s"}),
        "constraint": frozenset({"constraint", "node"}),
    }
)
_CHILD_SIGNALS = 256  # PBS and Torque add it to the number of the signal that ended a job

Record = Mapping[str, str]
"""What a reader finds of one job: id, index, name, state, code, host, reason; absent if unknown."""

Reader = Callable[[str], Iterable[Record]]


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A batch system as data.

    Words may hold ``{name}``, ``{count}``, ``{script}``, ``{out}``, ``{directory}``, ``{user}``; a word
    ``{jobs}`` becomes one word a job, a word ``{options}`` what the user's settings add.

    Attributes:
        name, title: in handles and settings; in sentences.
        task_variable: with the task's index; empty without arrays.
        name_length: the longest job name that every listing shows whole.
        submit, list_jobs, enquire, terminate, kill: the commands.
        wishes: words for a wish, by ``cpus``, ``memory_mib``, ``gpus``, ``walltime`` (H:MM:SS),
            ``walltime_min``, ``walltime_s``, ``queue``, ``account``, ``constraint``, ``node`` (processors
            and constraint as one: ``4:bigmem``), with ``{}`` for the value.
        licence: words for a licence, with ``{name}`` and ``{count}``; empty where there are none.
        other: words for what has no meaning of its own, with ``{name}`` and ``{value}``.
        submitted: regular expression whose group is the job id.
        refusals: regular expression of complaints that would come again.
        not_known: regular expression of the complaint that there is no such job.
        no_jobs: regular expression of the complaint that the list is empty; a list without it is none.
        job_id: how a task is called: ``{id}`` and ``{index}``.
        rows, words: read the answers to `list_jobs` and `enquire`.
        standings: what the states of jobs that are not over mean.
        reasons: sentences for ends that are not the job's own, by the first word of the reason, by
            the final state, or by the exit status.
        no_verdict: those of them that say nothing about the test.
        negative_is_signal: what a negative exit status is: the number of a signal, or else the batch
            system's own word, which means that the job did not run unless `reasons` has it.
    """

    name: str
    title: str
    task_variable: str = ""
    name_length: int = 60
    submit: tuple[str, ...]
    wishes: Mapping[str, tuple[str, ...]]
    licence: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    submitted: str
    refusals: str
    list_jobs: tuple[str, ...]
    enquire: tuple[str, ...]
    not_known: str
    no_jobs: str = ""
    terminate: tuple[str, ...]
    kill: tuple[str, ...]
    job_id: str = "{id}"
    rows: Reader
    words: Reader
    standings: Mapping[str, Standing]
    reasons: Mapping[str, str] = field(default_factory=_nothing)
    no_verdict: frozenset[str] = frozenset()
    negative_is_signal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSystem:
    """A batch system that follows a template.

    Attributes:
        template: see there.
        settings: of its ``[executor NAME]``.
        user: whose jobs are listed.
    """

    template: Template
    settings: BatchSettings
    user: str
    can_signal: bool = True

    @property
    def name(self) -> str:
        """The template's name."""
        return self.template.name

    @property
    def name_length(self) -> int:
        """The template's."""
        return self.template.name_length

    @property
    def task_variable(self) -> str:
        """The template's."""
        return self.template.task_variable

    @property
    def array_size(self) -> int:
        """Tasks in one array; 1 without arrays."""
        return (self.settings.array_size or 1000) if self.task_variable else 1

    def submit(self, array: ArrayJob) -> Command:
        """Fill the submit command."""
        values = {
            "name": array.name,
            "count": str(array.count),
            "script": array.script,
            "out": array.out,
            "directory": array.directory,
        }
        words: list[str] = []
        for word in self.template.submit:
            words += self._options(array.resources) if word == "{options}" else [word.format_map(values)]
        return Command(argv=tuple(words))

    def _options(self, resources: Resources) -> list[str]:
        wishes = wishes_from(resources.extra)
        wanted = self._wanted(resources, wishes)
        given = [(words, wanted[wish]) for wish, words in self.template.wishes.items() if wanted[wish]]
        return [
            *(word.format(value) for words, value in given for word in words),
            *(w.format(name=name, count=n) for name, n in wishes.licenses for w in self.template.licence),
            *(w.format(name=name, value=value) for name, value in wishes.others for w in self.template.other),
            *self.settings.options,
            *wishes.options,
        ]

    def _wanted(self, resources: Resources, wishes: Wishes) -> Mapping[str, str]:
        """Return the value of each wish of a template; empty for what is not wished."""
        cpus = str(resources.cpus or "")
        return {
            "cpus": cpus,
            "memory_mib": str(resources.memory_mib or ""),
            "gpus": str(resources.gpus or ""),
            "walltime": _clock_time(resources.walltime_s) if resources.walltime_s else "",
            "walltime_min": str(math.ceil(resources.walltime_s / 60) or ""),
            "walltime_s": str(math.ceil(resources.walltime_s) or ""),
            "queue": wishes.queue or self.settings.queue,
            "account": wishes.account or self.settings.account,
            "constraint": wishes.constraint,
            "node": f"{cpus or 1}:{wishes.constraint}" if wishes.constraint else cpus,
        }

    def unmet(self, resources: Resources) -> Sequence[str]:
        """Return what the template has no words for."""
        wishes = wishes_from(resources.extra)
        asked = {
            "cpus": resources.cpus,
            "memory": resources.memory_mib,
            "gpus": resources.gpus,
            "walltime": resources.walltime_s,
            "constraint": wishes.constraint,
        }
        template = self.template
        unmet = [n for n, value in asked.items() if value and not template.wishes.keys() & _WORDED_BY[n]]
        if wishes.licenses and not template.licence:
            unmet.append("licenses")
        return unmet if template.other else [*unmet, *(name for name, _ in wishes.others)]

    def submitted_id(self, reply: Reply) -> str:
        """Find the job id."""
        found = re.search(self.template.submitted, reply.out, re.MULTILINE)
        return found.group(1) if found and reply.ok else ""

    def is_refusal(self, reply: Reply) -> bool:
        """Tell a wrong request from a server that is away."""
        if reply.code is None:
            return reply.not_installed
        wrong = re.search(self.template.refusals, reply.err, re.IGNORECASE) is not None
        return wrong and not _AWAY.search(reply.err)

    def list_jobs(self) -> Command:
        """Fill the list command."""
        return Command(argv=tuple(word.replace("{user}", self.user) for word in self.template.list_jobs))

    def is_listing(self, reply: Reply) -> bool:
        """Return whether it ran, or said that there are no jobs."""
        empty = self.template.no_jobs and re.search(self.template.no_jobs, reply.err, re.IGNORECASE)
        return reply.ok or bool(empty)

    def rows(self, out: str) -> Sequence[QueueRow]:
        """Read the list; jobs that are over may be in it and are left out."""
        rows = []
        for record in self.template.rows(out):
            standing = self.template.standings.get(record["state"])
            if standing is not None:
                pending = standing is Standing.PENDING
                reason = (
                    f"{self.template.title}: {record.get('reason') or record['state']}" if pending else ""
                )
                host = record.get("host", "")
                rows.append(QueueRow(ref=_ref(record), standing=standing, reason=reason, host=host))
        return rows

    def enquire(self, refs: Sequence[Ref], turn: int) -> Enquiry:
        """Fill the question after the end of jobs."""
        refs = refs[:_IDS_PER_COMMAND]
        return Enquiry(command=self._about(self.template.enquire, refs), refs=refs)

    def is_answer(self, reply: Reply) -> bool:
        """Return whether it ran, or said that there is no such job."""
        return reply.ok or re.search(self.template.not_known, reply.err, re.IGNORECASE) is not None

    def final_words(self, out: str) -> Sequence[FinalWord]:
        """Read how jobs ended."""
        over = [r for r in self.template.words(out) if r["state"] not in self.template.standings]
        return [self._final_word(record) for record in over]

    def _final_word(self, record: Record) -> FinalWord:
        why, state, code = record.get("reason", ""), record["state"], record.get("code", "")
        words = [word for word in (why.partition(":")[0], state, code) if word]
        said = next((self.template.reasons[word] for word in words if word in self.template.reasons), "")
        reason = f"{self.template.title}: {said} ({why or state})" if said else ""
        host = record.get("host", "")
        did_not_run = code.startswith("-") and not self.template.negative_is_signal and not said
        if did_not_run:
            reason = f"{self.template.title} did not run it (exit status {code})"
        if did_not_run or not self.template.no_verdict.isdisjoint(words):
            return FinalWord(ref=_ref(record), kind=ChangeKind.LOST, reason=reason, host=host)
        number, signal = _code_and_signal(code)
        if code.startswith("-") and not self.template.negative_is_signal:
            signal = None
        return FinalWord(ref=_ref(record), code=number, signal=signal, reason=reason, host=host)

    def end(self, refs: Sequence[Ref], *, force: bool) -> Sequence[Command]:
        """Fill the commands that end jobs."""
        words = self.template.kill if force else self.template.terminate
        return [self._about(words, part) for part in chunks(refs, _IDS_PER_COMMAND)]

    def _about(self, words: Sequence[str], refs: Sequence[Ref]) -> Command:
        jobs = dict.fromkeys(
            self.template.job_id.format(id=ref.job_id, index=ref.index) for ref in refs if ref.job_id
        )
        return Command(argv=tuple(w for word in words for w in (jobs if word == "{jobs}" else (word,))))


def _ref(record: Record) -> Ref:
    index = record.get("index", "")
    return Ref(
        name=record["name"], index=int(index) if index.isdecimal() and int(index) else 1, job_id=record["id"]
    )


def _clock_time(seconds: float) -> str:
    whole = math.ceil(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _code_and_signal(text: str) -> tuple[int | None, int | None]:
    """Read ``7``, ``137`` (128 + signal), ``271`` (256 + signal), ``-9``; nothing is nothing."""
    if not re.fullmatch(r"-?\d+", text):
        return None, None
    code = int(text)
    if code < 0:
        return None, -code
    if code > _CHILD_SIGNALS:
        return None, code - _CHILD_SIGNALS
    return code, None
