"""A fake executor: jobs are plans played against a clock that the test passes in.

A `FakeCluster` holds the jobs; a `FakeExecutor` is an engine's view of it, so that an executor
can be dropped and another one made while the jobs go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from megatest.model.job import ChangeKind, Job, JobChange, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job will do.

    Attributes:
        code, signal: how it ends; a signal wins.
        lasts_s: how long it runs, by the cluster's clock.
        until: it also runs until this returns true.
        waits_s: how long it is pending first; infinite for ever.
        pending_reason: what is said meanwhile.
        refused: it cannot be started, for this reason.
        vanishes: it is gone without an end that anybody knows.
        ignores_term: only force ends it.
        leaves_behind: texts of processes that are ended after it.
    """

    code: int = 0
    signal: int | None = None
    lasts_s: float = 0
    until: Callable[[], bool] = lambda: True
    waits_s: float = 0
    pending_reason: str = "the queue is long"
    refused: str = ""
    vanishes: bool = False
    ignores_term: bool = False
    leaves_behind: tuple[str, ...] = ()


@dataclass(slots=True)
class _Playing:
    """A job on the cluster."""

    job: Job
    plan: Plan
    submitted_at: float
    started_at: float | None = None
    ended: JobChange | None = None
    kill_at: float | None = None


@dataclass(slots=True)
class FakeCluster:
    """Where the fake's jobs run, whoever watches them.

    Attributes:
        clock: monotonic seconds.
        plans: what each job will do, by job name; a job without one passes at once.
        on_start, on_end: called when a job begins and ends by itself, for side effects like a
            journal; `on_end` gets the exit code or None.
        started: names of the jobs that began, in order.
        choose: what a job will do, instead of `plans`.
    """

    clock: Callable[[], float]
    plans: dict[str, Plan] = field(default_factory=dict)
    on_start: Callable[[Job], None] = lambda _job: None
    on_end: Callable[[Job, int | None], None] = lambda _job, _code: None
    started: list[str] = field(default_factory=list)
    choose: Callable[[Job], Plan] | None = None
    _playing: dict[str, _Playing] = field(default_factory=dict)

    def plan_of(self, job: Job) -> Plan:
        """Return what a job will do."""
        return self.choose(job) if self.choose is not None else self.plans.get(job.name, Plan())

    def submit(self, job: Job) -> str:
        """Take a job once; return why not, if it is refused."""
        plan = self.plan_of(job)
        if not plan.refused and job.name not in self._playing:
            self._playing[job.name] = _Playing(job=job, plan=plan, submitted_at=self.clock())
        return plan.refused

    def knows(self, name: str) -> bool:
        """Return whether a job of this name was ever taken."""
        return name in self._playing

    def alive(self) -> list[Job]:
        """Return the jobs that run now."""
        for playing in self._playing.values():
            self._advance(playing)
        return [p.job for p in self._playing.values() if p.started_at is not None and p.ended is None]

    def cancel(self, name: str, grace_s: float) -> None:
        """Ask for a job's end."""
        playing = self._playing[name]
        at = self.clock() + (grace_s if playing.plan.ignores_term else 0)
        playing.kill_at = at if playing.kill_at is None else min(playing.kill_at, at)

    def advance(self) -> None:
        """Let every job come as far as it is by now, though nobody asks."""
        for playing in self._playing.values():
            self._advance(playing)

    def forget(self) -> None:
        """Lose every job, as a queue does whose state is gone."""
        self._playing.clear()

    def look(self, name: str) -> JobChange:
        """Return how a job is now."""
        playing = self._playing[name]
        self._advance(playing)
        if playing.ended is not None:
            return playing.ended
        if playing.started_at is None:
            return _change(playing.job, ChangeKind.PENDING, reason=playing.plan.pending_reason)
        return _change(playing.job, ChangeKind.STARTED)

    def _advance(self, playing: _Playing) -> None:
        now = self.clock()
        plan = playing.plan
        if playing.ended is not None:
            return
        if playing.kill_at is not None and now >= playing.kill_at:
            playing.ended = _change(playing.job, ChangeKind.ENDED, signal=9 if plan.ignores_term else 15)
            return
        if playing.started_at is None and now >= playing.submitted_at + plan.waits_s:
            playing.started_at = now
            self.started.append(playing.job.name)
            self.on_start(playing.job)
        if playing.started_at is not None and now >= playing.started_at + plan.lasts_s and plan.until():
            self._end(playing)

    def _end(self, playing: _Playing) -> None:
        plan, job = playing.plan, playing.job
        if plan.vanishes:
            playing.ended = _change(job, ChangeKind.LOST, reason="the fake cluster lost it")
            return
        code = None if plan.signal else plan.code
        playing.ended = _change(job, ChangeKind.ENDED, code=code, signal=plan.signal)
        self.on_end(job, code)


class FakeExecutor:
    """An executor over a `FakeCluster`.

    Args:
        cluster: where jobs run.
        name, slots, queues: as in the port.
        step_s: how often the engine is asked to poll while jobs live.

    Attributes:
        recorded_codes: exit codes by row, as far as the engine read them in journals first.
    """

    def __init__(
        self,
        cluster: FakeCluster,
        *,
        name: str = "fake",
        slots: int | None = None,
        step_s: float = 0.01,
        queues: bool = False,
    ) -> None:
        self.cluster = cluster
        self.name = name
        self.slots = slots
        self.queues = queues
        self.recorded_codes: dict[int, int] = {}
        self._ask_at = 0.0
        self.trouble = ""
        self._step_s = step_s
        self._watched: dict[int, tuple[Job, JobChange | None]] = {}

    def submit(self, jobs: Sequence[Job]) -> Sequence[Submission]:
        """Hand jobs to the cluster."""
        return [self._submit(job) for job in jobs]

    def _submit(self, job: Job) -> Submission:
        error = self.cluster.submit(job)
        if error:
            return Submission(row=job.row, error=error)
        self._watched.setdefault(job.row, (job, None))
        return Submission(row=job.row, handle=f"{self.name}:{job.name}")

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        """Watch jobs that another executor object submitted."""
        return [self._adopt(job) for job, _handle in jobs]

    def _adopt(self, job: Job) -> JobChange:
        if not self.cluster.knows(job.name):
            return _change(job, ChangeKind.LOST, reason="it was never submitted")
        change = self.cluster.look(job.name)
        if change.kind in (ChangeKind.PENDING, ChangeKind.STARTED):
            self._watched[job.row] = (job, change)
        return change

    def poll(self) -> Sequence[JobChange]:
        """Return what is different from the last time."""
        news: list[JobChange] = []
        for row, (job, told) in self._asked_about():
            change = self.cluster.look(job.name)
            if change == told:
                continue
            news.append(change)
            self._watched[row] = (job, change)
            if change.kind in (ChangeKind.ENDED, ChangeKind.LOST):
                del self._watched[row]
                news += _left_behind(job, self.cluster.plan_of(job))
        return news

    def _asked_about(self) -> list[tuple[int, tuple[Job, JobChange | None]]]:
        """A queue is asked every so often; what the engine has read itself is known at once."""
        now = self.cluster.clock()
        if not self.queues or now >= self._ask_at:
            self._ask_at = now + self._step_s
            return list(self._watched.items())
        return [(row, self._watched[row]) for row in self.recorded_codes if row in self._watched]

    def recorded(self, row: int, code: int) -> None:
        """Tell the end with the next poll, as a queue does that need not be asked any more."""
        self.recorded_codes[row] = code

    def fds(self) -> Sequence[int]:
        """Return nothing: only time passes here."""
        return ()

    def next_poll_s(self) -> float | None:
        """Return the step while jobs live."""
        if any(row in self._watched for row in self.recorded_codes):
            return 0.0
        return self._step_s if self._watched else None

    def cancel(self, rows: Sequence[int], grace_s: float) -> None:
        """Ask the cluster to end jobs."""
        for row in rows:
            if row in self._watched:
                self.cluster.cancel(self._watched[row][0].name, grace_s)

    def sweep(self, jobs: Sequence[Job]) -> None:
        """Nothing is left behind."""

    def finish(self) -> Sequence[JobChange]:
        """Nothing remains."""
        return ()

    def close(self) -> None:
        """Forget the jobs; the cluster goes on with them."""
        self._watched.clear()


def _left_behind(job: Job, plan: Plan) -> list[JobChange]:
    if not plan.leaves_behind:
        return []
    kind = ChangeKind.LEFT_BEHIND
    return [JobChange(row=job.row, attempt=job.attempt, kind=kind, left_behind=plan.leaves_behind)]


def _change(
    job: Job, kind: ChangeKind, *, code: int | None = None, signal: int | None = None, reason: str = ""
) -> JobChange:
    return JobChange(row=job.row, attempt=job.attempt, kind=kind, code=code, signal=signal, reason=reason)
