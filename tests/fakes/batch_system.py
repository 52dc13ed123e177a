"""A fake batch system: a queue in memory behind commands that can fail, hang and lose replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from megatest.executors.call import Command, Reply
from megatest.executors.queue import ArrayJob, Enquiry, FinalWord, QueueRow, Ref, Standing
from megatest.model.job import ChangeKind, Resources


class FakeClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Task:
    """A task in the queue or in the accounting."""

    ref: Ref
    standing: Standing | None = Standing.PENDING
    word: FinalWord | None = None
    reason: str = "Priority"


@dataclass(slots=True)
class FakeQueue:
    """The state of the batch system, and what its commands do wrong.

    Attributes:
        clock: shared with the executor.
        tasks: by (array name, index); one with standing None has left the queue.
        calls: the programs that were run, with the time.
        list_fails, enquiry_fails: how many of the next such commands fail.
        list_hangs: how many of the next lists never answer.
        list_takes_s: how long a list takes.
        submit: ``"well"``, ``"reply lost"`` (accepted), ``"away"`` (not accepted), ``"refused"``.
    """

    clock: FakeClock
    tasks: dict[tuple[str, int], Task] = field(default_factory=dict)
    calls: list[tuple[str, float]] = field(default_factory=list)
    list_fails: int = 0
    enquiry_fails: int = 0
    list_hangs: int = 0
    list_takes_s: float = 0
    submit: str = "well"
    _ids: int = 100

    def start(self, command: Command, timeout_s: float) -> FakeRunning:
        """Run a command as far as it will go."""
        self.calls.append((command.program, self.clock()))
        reply = getattr(self, f"_{command.program}")(command.argv[1:])
        return FakeRunning(
            clock=self.clock,
            ends_at=self.clock() + timeout_s,
            program=command.program,
            said=reply,
            said_at=self.clock() + (self.list_takes_s if command.program == "list" else 0),
        )

    def count(self, program: str) -> int:
        """Return how often a program was run."""
        return sum(name == program for name, _ in self.calls)

    def array(self, number: int = 0) -> list[Task]:
        """Return the tasks of the array that was accepted as number so and so."""
        names = list(dict.fromkeys(name for name, _ in self.tasks))
        return [task for (name, _), task in self.tasks.items() if name == names[number]]

    def run(self, task: Task) -> None:
        """Let a task begin."""
        task.standing = Standing.RUNNING

    def finish(self, task: Task, word: FinalWord | None = None) -> None:
        """Let a task leave the queue; the word is what the accounting knows."""
        task.standing = None
        task.word = word

    def _put(self, words: Sequence[str]) -> Reply:
        if self.submit == "refused":
            return Reply(code=1, err="put: error: invalid queue\n")
        if self.submit == "away":
            return Reply(code=1, err="put: error: unable to contact the controller\n")
        name, count = words
        self._ids += 1
        for index in range(1, int(count) + 1):
            ref = Ref(name=name, index=index, job_id=str(self._ids))
            self.tasks[ref.key] = Task(ref=ref)
        if self.submit == "reply lost":
            return Reply(code=None, trouble="put gave no answer in 15 s")
        return Reply(code=0, out=f"{self._ids}\n")

    def _list(self, words: Sequence[str]) -> Reply | None:
        if self.list_hangs:
            self.list_hangs -= 1
            return None
        if self.list_fails:
            self.list_fails -= 1
            return Reply(code=1, err="list: error: no controller\n")
        return Reply(code=0, out="list")

    def _ask(self, words: Sequence[str]) -> Reply:
        if self.enquiry_fails:
            self.enquiry_fails -= 1
            return Reply(code=1, err="ask: error: no database\n")
        return Reply(code=0, out="words")

    def _end(self, words: Sequence[str]) -> Reply:
        for task in self.tasks.values():
            meant = f"{task.ref.job_id}_{task.ref.index}" in words[1:] and task.standing is not None
            if meant and (words[0] == "KILL" or task.standing is Standing.PENDING):
                task.standing = None
        return Reply(code=0)


@dataclass(slots=True, kw_only=True)
class FakeRunning:
    """A command under way; one without a reply runs into its time limit."""

    clock: FakeClock
    ends_at: float
    program: str
    said: Reply | None
    said_at: float

    def fds(self) -> Sequence[int]:
        return ()

    def deadline(self) -> float:
        return self.ends_at if self.said is None else self.said_at

    def reply(self) -> Reply | None:
        if self.said is None and self.clock() >= self.ends_at:
            return Reply(code=None, trouble=f"{self.program} gave no answer")
        return self.said if self.clock() >= self.said_at else None

    def abandon(self) -> None:
        pass


@dataclass(slots=True)
class FakeBatchSystem:
    """The commands of a `FakeQueue`."""

    queue: FakeQueue
    name: str = "fake"
    array_size: int = 1000
    name_length: int = 60
    task_variable: str = "FAKE_TASK"
    can_signal: bool = True

    def submit(self, array: ArrayJob) -> Command:
        return Command(argv=("put", array.name, str(array.count)))

    def unmet(self, resources: Resources) -> Sequence[str]:
        return ()

    def submitted_id(self, reply: Reply) -> str:
        return reply.out.strip()

    def is_refusal(self, reply: Reply) -> bool:
        return "invalid" in reply.err

    def list_jobs(self) -> Command:
        return Command(argv=("list",))

    def is_listing(self, reply: Reply) -> bool:
        """Return whether the command ran: an empty list is one."""
        return reply.ok

    def rows(self, out: str) -> Sequence[QueueRow]:
        return [
            QueueRow(ref=task.ref, standing=task.standing, reason=task.reason)
            for task in self.queue.tasks.values()
            if task.standing is not None
        ]

    def enquire(self, refs: Sequence[Ref], turn: int) -> Enquiry:
        return Enquiry(command=Command(argv=("ask",)), refs=refs)

    def is_answer(self, reply: Reply) -> bool:
        return reply.ok

    def final_words(self, out: str) -> Sequence[FinalWord]:
        return [task.word for task in self.queue.tasks.values() if task.word is not None]

    def end(self, refs: Sequence[Ref], *, force: bool) -> Sequence[Command]:
        ids = [f"{ref.job_id}_{ref.index}" for ref in refs]
        return [Command(argv=("end", "KILL" if force else "TERM", *ids))]


def word(task: Task, *, code: int | None = None, signal: int | None = None, reason: str = "") -> FinalWord:
    """Return what the accounting says of a task that ended."""
    return FinalWord(ref=task.ref, kind=ChangeKind.ENDED, code=code, signal=signal, reason=reason)
