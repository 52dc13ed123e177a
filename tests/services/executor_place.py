"""Jobs for the executor contract, and the places where they run: one per executor."""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from fakes.executor import FakeCluster, FakeExecutor, Plan
from megatest.app import wiring
from megatest.engine.ports import Executor
from megatest.executors.batch import BatchExecutor
from megatest.executors.call import child_starter
from megatest.executors.command import CommandExecutor
from megatest.executors.gridengine import GridEngine
from megatest.executors.local import LocalExecutor
from megatest.executors.setting import BatchSettings, SshSettings
from megatest.executors.slurm import Slurm, unfiltered
from megatest.executors.ssh import SshExecutor
from megatest.model.attempt import Ended, Started
from megatest.model.job import ChangeKind, Job, JobChange, Resources
from megatest.model.spec import HostSlots

TIMEOUT_S = 240
QUICK = BatchSettings(patience_s=3, slowest_poll_s=1, command_timeout_s=20)
_JOURNAL = ".megatest/journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a job of the contract does.

    Attributes:
        code: its exit status.
        signal: it ends itself by this signal instead.
        says: what it prints.
        gate: it runs until this file exists.
        strays: it leaves a child that left its session, lost its parents and ignores TERM.
        ignores_term: the job script itself does not end on TERM.
    """

    code: int = 0
    signal: int = 0
    says: str = ""
    gate: Path | None = None
    strays: bool = False
    ignores_term: bool = False


_SCRIPT = """\
export beside={beside}
cd {run_dir} || exit 70
if ! (set -C; : >{journal}) 2>/dev/null; then
  echo 'this attempt was already started'
  exit 75
fi
read -r stat </proc/$$/stat
stat=${{stat##*) }}
set -- $stat
shift 19
read -r boot </proc/sys/kernel/random/boot_id
read -r host </proc/sys/kernel/hostname
printf '{{"k":"start","pid":%d,"pid_started":%d,"boot_id":"%s","host":"%s"}}\\n' $$ $1 $boot $host >>{journal}
finish() {{
  printf '{{"k":"exit","code":%d}}\\n' "$1" >>{journal}
  exit "$1"
}}
trap '{on_term}' TERM
echo once >>"$beside"runs
printf '%s' {says}
{strays}
while [ -n "{gate}" ] && [ ! -e "{gate}" ]; do sleep 0.05; done
{end}
"""

_STRAY = """\
(setsid sh -c '
  trap "" TERM
  echo $$ >"$beside"stray.new
  mv "$beside"stray.new "$beside"stray
  while :; do sleep 1; done
' >/dev/null 2>&1 &)
while [ ! -e "$beside"stray ]; do sleep 0.02; done
"""


class Workshop:
    """Makes jobs below a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows = 0

    def job(self, behaviour: Behaviour = Behaviour(), *, resources: Resources = Resources()) -> Job:  # noqa: B008
        """Return a new job that behaves so."""
        self._rows += 1
        # Names that every shell on the way must leave alone.
        run_dir = self._directory / f"it's $HOME `x` á {self._rows}"
        (run_dir / ".megatest").mkdir(parents=True)
        script = run_dir / ".megatest" / "job.sh"
        script.write_text(_text_of(behaviour, run_dir), "utf-8")
        return Job(
            row=self._rows,
            attempt=1,
            name=f"t{self._rows}.{uuid4().hex[:12]}",
            run_dir=str(run_dir),
            script=str(script),
            log=str(run_dir / "mt_launch.log"),
            environment=dict(os.environ),
            launcher="sh -c '\"$@\" &' launcher",
            resources=resources,
        )


def _text_of(behaviour: Behaviour, run_dir: Path) -> str:
    end = f"finish {behaviour.code}"
    if behaviour.signal:
        end = f"kill -{behaviour.signal} $$"
    return _SCRIPT.format(
        run_dir=shlex.quote(str(run_dir)),
        journal=_JOURNAL,
        says=shlex.quote(behaviour.says),
        strays=_STRAY if behaviour.strays else "",
        beside=shlex.quote(f"{run_dir}."),
        gate=behaviour.gate or "",
        on_term="" if behaviour.ignores_term else "finish 143",
        end=end,
    )


def glance(run_dir: str) -> tuple[Started | None, Ended | None]:
    """Read the begin and the end from the journal of such a job."""
    started = ended = None
    with suppress(OSError):
        for line in Path(run_dir, _JOURNAL).read_text("utf-8").splitlines():
            fields = json.loads(line)
            kind = fields.pop("k")
            if kind == "start":
                started = Started(attempt=1, **fields)
            elif kind == "exit":
                ended = Ended(**fields)
    return started, ended


def times_run(job: Job) -> int:
    """Return how often a job's script got going."""
    with suppress(FileNotFoundError):
        return len(witness(job, "runs").read_text().splitlines())
    return 0


def witness(job: Job, what: str) -> Path:
    """Return the file beside the run directory by which a job tells us, wherever it runs."""
    return Path(f"{job.run_dir}.{what}")


def log_of(job: Job) -> str:
    """Return what a job printed."""
    return Path(job.log).read_text("utf-8")


class Watch:
    """Polls an executor as the engine does and keeps what it says.

    Attributes:
        news: everything, in order.
        final: the end or the loss of each row.
        longest_poll_s: the longest that `poll` took.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.news: list[JobChange] = []
        self.final: dict[int, JobChange] = {}
        self.longest_poll_s = 0.0

    def take(self, changes: Sequence[JobChange]) -> None:
        """Take in news."""
        self.news += changes
        for change in changes:
            if change.kind in (ChangeKind.ENDED, ChangeKind.LOST):
                self.final[change.row] = change

    def until(self, done: Callable[[], bool], *, timeout_s: float = TIMEOUT_S) -> None:
        """Poll until something is so."""
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline, f"after {timeout_s} s; the last news: {self.news[-5:]}"
            wait = select.poll()
            for fd in self.executor.fds():
                wait.register(fd, select.POLLIN)
            due_s = self.executor.next_poll_s()
            wait.poll(min(0.1, 0.1 if due_s is None else due_s) * 1000)
            before = time.monotonic()
            changes = self.executor.poll()
            self.longest_poll_s = max(self.longest_poll_s, time.monotonic() - before)
            self.take(changes)

    def until_ended(self, jobs: Sequence[Job]) -> dict[int, JobChange]:
        """Poll until all these have ended; return their ends."""
        self.until(lambda: all(job.row in self.final for job in jobs))
        return {job.row: self.final[job.row] for job in jobs}

    def until_told(self, job: Job, kind: ChangeKind) -> JobChange:
        """Poll until a job has had such news; return it."""

        def told() -> list[JobChange]:
            return [c for c in self.news if c.row == job.row and c.kind is kind]

        self.until(lambda: bool(told()))
        return told()[-1]


class Place(Protocol):
    """Somewhere an executor runs jobs."""

    @property
    def many(self) -> int:
        """How many jobs are many here."""
        ...

    def executor(self) -> Executor:
        """Return a new executor object over the same place."""
        ...

    def prepare(self, job: Job, behaviour: Behaviour) -> None:
        """Hear what a job will do, before it is submitted."""
        ...

    def closed(self) -> Executor | None:
        """Return an executor here whose jobs stay pending; None if there is no queue."""
        ...


class FakePlace:
    """The fake cluster, with the side effects of a job script."""

    many = 500

    def __init__(self) -> None:
        self._behaviours: dict[str, Behaviour] = {}
        self._cluster = FakeCluster(clock=time.monotonic, on_start=self._begin, on_end=self._end)

    def executor(self) -> Executor:
        return FakeExecutor(self._cluster)

    def closed(self) -> Executor:
        waiting = Plan(waits_s=float("inf"), pending_reason="the fake's queue is closed")
        return FakeExecutor(FakeCluster(clock=time.monotonic, choose=lambda _job: waiting))

    def prepare(self, job: Job, behaviour: Behaviour) -> None:
        gate = behaviour.gate
        missing = (
            "" if os.path.exists(job.script) and os.path.isdir(job.run_dir) else "there is nothing to run"
        )
        self._behaviours[job.name] = behaviour
        self._cluster.plans[job.name] = Plan(
            code=behaviour.code,
            signal=behaviour.signal or None,
            until=gate.exists if gate is not None else lambda: True,
            ignores_term=behaviour.ignores_term or behaviour.strays,
            refused=missing,
        )

    def _begin(self, job: Job) -> None:
        behaviour = self._behaviours[job.name]
        Path(job.log).write_text(behaviour.says, "utf-8")
        with witness(job, "runs").open("a") as file:
            file.write("once\n")
        Path(job.run_dir, _JOURNAL).write_text('{"k":"start","pid":0}\n')

    def _end(self, job: Job, code: int | None) -> None:
        if code is not None:
            with Path(job.run_dir, _JOURNAL).open("a") as file:
                file.write(f'{{"k":"exit","code":{code}}}\n')


@dataclass
class RealPlace:
    """A place where job scripts really run."""

    make: Callable[[], Executor]
    make_closed: Callable[[], Executor] | None = None
    many: int = 500

    def executor(self) -> Executor:
        return self.make()

    def closed(self) -> Executor | None:
        return self.make_closed() if self.make_closed is not None else None

    def prepare(self, job: Job, behaviour: Behaviour) -> None:
        pass


def local_place() -> Place:
    """Return this machine."""
    return RealPlace(lambda: LocalExecutor(slots=8, read_started=lambda run_dir: glance(run_dir)[0]))


def command_place() -> Place:
    """Return a launcher line that puts the job into the background."""
    return RealPlace(lambda: CommandExecutor(glance=glance))


@dataclass
class BatchPlaces:
    """Makes the places of a batch system.

    Attributes:
        environment: that reaches the service.
        settings: as fast as a test wants them.
        clock: the executor's; one that runs fast makes short work of its patience.
    """

    environment: Mapping[str, str]
    settings: BatchSettings = QUICK
    clock: Callable[[], float] = time.monotonic

    def slurm(self, spool: Path) -> Place:
        """Return the throw-away Slurm."""
        return self._place(spool, lambda settings: Slurm(settings=settings, user=str(os.getuid())), "--hold")

    def gridengine(self, spool: Path) -> Place:
        """Return the throw-away Grid Engine."""
        return self._place(spool, lambda settings: GridEngine(settings=settings, user=_user()), "-h")

    def _place(self, spool: Path, system: Callable[[BatchSettings], Slurm | GridEngine], hold: str) -> Place:
        def make(settings: BatchSettings) -> Executor:
            return BatchExecutor(
                system=system(settings),
                settings=settings,
                spool=str(spool),
                glance=glance,
                start=child_starter(unfiltered(self.environment)),
                clock=self.clock,
            )

        held = replace(self.settings, options=(hold,))
        return RealPlace(lambda: make(self.settings), lambda: make(held))


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


@dataclass
class SshPlaces:
    """Makes the place of ssh hosts; all of them are this machine.

    Attributes:
        environment: that reaches the service.
        directory: where jobs are copied to; empty: they run where they are.
    """

    environment: Mapping[str, str]
    directory: str = ""

    def place(self) -> Place:
        """Return two hosts."""
        if self.directory:
            # Each is copied twice, in batches.
            return RealPlace(lambda: self.make(32, 32), lambda: self.make(0), many=100)
        return RealPlace(lambda: self.make(4, 4), lambda: self.make(0))

    def make(
        self,
        *slots: int,
        settings: SshSettings | None = None,
        directories: Sequence[str] = (),
        path: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> SshExecutor:
        """Return an executor over hosts with so many slots.

        Args:
            slots: of each host.
            settings: of the executor.
            directories: where each host's jobs are copied to; all to the same one without.
            path: searched for `ssh` and `tar` first.
            clock: monotonic seconds.
        """
        options = ("-F", self.environment["MEGATEST_TEST_SSH_CONFIG"])
        places = directories or [self.directory] * len(slots)
        return SshExecutor(
            hosts=[
                HostSlots(name=f"loop{n}", slots=count, directory=directory)
                for n, (count, directory) in enumerate(zip(slots, places, strict=True), 1)
            ],
            settings=replace(settings or SshSettings(), options=options),
            glance=glance,
            luggage=wiring.make_luggage(),
            environment={
                **os.environ,
                "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"],
            },
            clock=clock,
        )


@contextmanager
def opened(place: Place) -> Iterator[Watch]:
    """Watch a new executor of a place; close it in the end."""
    executor = place.executor()
    try:
        yield Watch(executor)
    finally:
        executor.close()


def missing_program(*names: str) -> str:
    """Return the first of some programs that is not installed; empty if all are."""
    return next((name for name in names if shutil.which(name) is None), "")
