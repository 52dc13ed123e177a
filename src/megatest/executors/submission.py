"""Handing arrays to a batch system so that each is accepted once, whatever gets lost on the way.

A submit command that gives no job id may have failed before or after the batch system took the
array.  So it is run again only when a list taken after it does not know the array's name and no
task of it has begun; that a job script begins once only is the last line of defence.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

from megatest.executors.call import Reply
from megatest.executors.desk import Desk
from megatest.executors.queue import ArrayJob, FinalWord, Ref
from megatest.executors.spool import unfit
from megatest.executors.tracked import Stage, Tracked
from megatest.model.job import ChangeKind, Job, Resources
from megatest.model.slotted import dataclass, replace

_AGAIN_S = 10.0
_LONGEST_AGAIN_S = 120.0


@dataclass(slots=True, kw_only=True)
class _Sending:
    """An array that has no job id yet (mutable).

    Attributes:
        array: what is submitted.
        tries: how often the command was run.
        tried_at: monotonic time at which the last one ended.
        next_at: when the next is due.
        under_way: whether one runs now.
    """

    array: ArrayJob
    tries: int = 0
    tried_at: float = 0
    next_at: float = 0
    under_way: bool = False


class Submitter:
    """Submits jobs as arrays and goes on trying.

    Args:
        desk: shared with the other parts.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sending: dict[str, _Sending] = {}

    def submit(self, jobs: Sequence[Job]) -> Mapping[int, str]:
        """Submit jobs, those with equal wishes together; return why not, for rows that were refused.

        Blocks for at most the time limit of one command per array.
        """
        errors = {job.row: error for job in jobs if (error := unfit(job))}
        for group in _groups([job for job in jobs if job.row not in errors], self._desk.system.array_size):
            error = self._submit_array(group)
            if error:
                errors.update((job.row, error) for job in group)
        return errors

    def _submit_array(self, jobs: Sequence[Job]) -> str:
        desk = self._desk
        name = _array_name(jobs, desk.system.name_length)
        try:
            desk.spool.write(name, jobs, desk.system.task_variable)
        except OSError as error:
            return f"cannot write {desk.spool.script(name)}: {error.strerror}"
        for index, job in enumerate(jobs, 1):
            ref = Ref(name=name, index=index)
            desk.jobs.add(Tracked(job=job, ref=ref, stage=Stage.UNSENT, since=desk.clock()))
        sending = self._sending[name] = _Sending(array=self._array(name, jobs))
        command = desk.system.submit(sending.array)
        return self._sent(sending, desk.calls.wait(command, desk.settings.submit_timeout_s))

    def _array(self, name: str, jobs: Sequence[Job]) -> ArrayJob:
        spool = self._desk.spool
        return ArrayJob(
            name=name,
            count=len(jobs),
            script=spool.script(name),
            out=spool.out(name),
            directory=spool.directory,
            resources=jobs[0].resources,
        )

    def _sent(self, sending: _Sending, reply: Reply) -> str:
        """Take in what the command said; return the refusal, if it is one."""
        system = self._desk.system
        name = sending.array.name
        job_id = system.submitted_id(reply)
        if job_id:
            self.found(name, job_id)
            return ""
        complaint = reply.complaint(system.submit(sending.array).program)
        if system.is_refusal(reply):
            del self._sending[name]
            for tracked in self._desk.jobs.of_array(name):
                self._desk.forget(tracked)
            return complaint
        self._postpone(sending, complaint)
        return ""

    def _postpone(self, sending: _Sending, complaint: str) -> None:
        sending.tries += 1
        sending.under_way = False
        sending.tried_at = self._desk.clock()
        wait_s = min(_AGAIN_S * 2.0 ** min(sending.tries - 1, 10), _LONGEST_AGAIN_S)
        sending.next_at = sending.tried_at + wait_s
        for tracked in self._desk.jobs.of_array(sending.array.name):
            self._desk.tell(tracked, ChangeKind.PENDING, f"will be submitted again: {complaint}")

    def found(self, name: str, job_id: str) -> None:
        """Take note that the batch system has an array, under this id."""
        self._sending.pop(name, None)
        now = self._desk.clock()
        for tracked in self._desk.jobs.of_array(name):
            tracked.ref = replace(tracked.ref, job_id=job_id)
            tracked.confirmed = bool(job_id)
            if tracked.stage is Stage.UNSENT:
                tracked.stage = Stage.QUEUED
                tracked.since = now

    def listed(self, asked_at: float, names: Collection[str]) -> None:
        """Take in a list of the queue that was asked for at `asked_at`; submit again what it misses."""
        now = self._desk.clock()
        for sending in list(self._sending.values()):
            if sending.under_way or asked_at < sending.tried_at or sending.array.name in names:
                continue
            jobs = self._desk.jobs.of_array(sending.array.name)
            if any(self._desk.has_begun(tracked) for tracked in jobs):
                # It was accepted after all and has begun, perhaps even ended.
                self.found(sending.array.name, "")
                continue
            if all(tracked.kill_at is not None for tracked in jobs):
                del self._sending[sending.array.name]
                self._drop(jobs)
            elif now >= sending.next_at:
                sending.under_way = True
                self._desk.calls.begin(
                    self._desk.system.submit(sending.array),
                    self._desk.settings.command_timeout_s,
                    partial(self._sent_again, sending),
                )

    def _sent_again(self, sending: _Sending, reply: Reply) -> None:
        jobs = self._desk.jobs.of_array(sending.array.name)
        refusal = self._sent(sending, reply)
        if refusal:
            self._desk.news += [tracked.change(ChangeKind.ENDED, refusal) for tracked in jobs]

    def _drop(self, jobs: Iterable[Tracked]) -> None:
        """End an array that was cancelled as a whole and that the batch system never took."""
        for tracked in jobs:
            self._desk.end(tracked, FinalWord(ref=tracked.ref, reason="ended before it was submitted"))


def _array_name(jobs: Sequence[Job], length: int) -> str:
    """Return a name that no other array has: letters, digits, dashes, beginning with a letter.

    The random part has 15 characters; of a single job its own name follows, for people.
    """
    name = f"mt-{os.urandom(6).hex()}"
    if len(jobs) > 1:
        return name
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in jobs[0].name)
    return f"{name}-{plain}"[:length].rstrip("-")


def _groups(jobs: Iterable[Job], size: int) -> Sequence[Sequence[Job]]:
    """Return jobs with equal wishes together, at most `size` at once."""
    by_wishes: dict[Resources, list[Job]] = {}
    for job in jobs:
        by_wishes.setdefault(job.resources, []).append(job)
    return [group[at : at + size] for group in by_wishes.values() for at in range(0, len(group), size)]
