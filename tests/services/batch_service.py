"""A throw-away batch system that tests disturb, and executors over it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from megatest.executors.batch import BatchExecutor
from megatest.executors.setting import BatchSettings
from megatest.model.job import ChangeKind, Job
from services.executor_place import QUICK, BatchPlaces, Behaviour, Place, Watch, Workshop, times_run


@dataclass
class BatchService:
    """A batch system and executors over it.

    Attributes:
        environment: that reaches it.
        directory: of the service.
        pid_file: of the daemon that answers commands, in the directory.
        place: returns its place.
    """

    environment: Mapping[str, str]
    directory: Path
    pid_file: str
    place: Callable[[BatchPlaces], Place]

    def executor(self, settings: BatchSettings = QUICK) -> BatchExecutor:
        executor = self.place(BatchPlaces(self.environment, settings)).executor()
        assert isinstance(executor, BatchExecutor)
        return executor

    def tell(self, *words: str) -> int:
        """Run a command of the batch system; return its exit status."""
        done = subprocess.run(words, env=dict(self.environment), capture_output=True, text=True, timeout=60)
        return done.returncode

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the daemon answer nobody for a while."""
        pid = int((self.directory / self.pid_file).read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def begun(watch: Watch, workshop: Workshop, gate: Path) -> tuple[Job, str]:
    """Let a job begin that ends when the gate is there; return it with its handle."""
    job = workshop.job(Behaviour(gate=gate, code=3))
    [answer] = watch.executor.submit([job])
    watch.until_told(job, ChangeKind.STARTED)
    watch.until(lambda: times_run(job) == 1)
    return job, answer.handle
