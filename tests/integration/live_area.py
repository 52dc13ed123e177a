"""An area whose engines are processes of their own, to be stopped, killed and told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest

from megatest.executors import process

BIN = Path(sys.executable).parent
DEADLINE_S = 60

CONFIG = """\
[fields]
SYSTEM TEXT

[setup]
target linux
linktree #{getenv MT_RUN_AREA_HOME}/lt
kill-grace 0.5
max_concurrent_jobs 4
"""

HEAD = """\
#!/bin/sh
{ read -r mark; read -r mark; } < .megatest/job.sh
echo "$MT_TEST_NAME ${mark##* }" >> "$MT_RUN_AREA_HOME/starts"
"""

UNTIL_GO = 'touch ready\nwhile [ ! -e "$MT_RUN_AREA_HOME/go" ]; do sleep 0.02; done\n'
"""The end of a test's script: it says that it runs, and does so until it may go."""


class LiveArea:
    """An area on disk; every test's script notes its start, with the attempt, in the file ``starts``.

    Args:
        home: its directory.
        environ: of its commands; ours unless given.
    """

    def __init__(self, home: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.home = home
        self.environ = environ
        self.engines: list[subprocess.Popen[str]] = []

    def make(self, tests: Mapping[str, tuple[str, str]], config: str = CONFIG) -> None:
        """Make the area.

        Args:
            tests: by name: what the script does, what the testconfig says besides.
            config: megatest.config.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "megatest.config").write_text(config, "utf-8")
        (self.home / "runconfigs.config").write_text("[default]\n[linux]\n", "utf-8")
        for name, (script, testconfig) in tests.items():
            test = self.home / "tests" / name
            test.mkdir(parents=True)
            (test / "testconfig").write_text(f"[setup]\nrunscript main.sh\n{testconfig}", "utf-8")
            (test / "main.sh").write_text(f"{HEAD}{script}\n", "utf-8")
            (test / "main.sh").chmod(0o755)

    # -- commands ---------------------------------------------------------------------------------

    def command(self, *words: str) -> list[str]:
        """Return the argv of a command, about run ``r`` unless it is about the whole area."""
        run = () if words[0] == "rebuild" else ("-n", "r")
        return [str(BIN / "megatest"), words[0], "--area", str(self.home), *run, *words[1:]]

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start an engine."""
        engine = subprocess.Popen(
            self.command("run", *words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**self.environ, **environ},
        )
        self.engines.append(engine)
        return engine

    def end(self, engine: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for an engine's end; return its exit status and what it said."""
        said, _ = engine.communicate(timeout=DEADLINE_S)
        return engine.returncode, said

    def run(self, *words: str, **environ: str) -> tuple[int, str]:
        """Run an engine to its end."""
        return self.end(self.start(*words, **environ))

    def kill_engine(self, engine: subprocess.Popen[str]) -> None:
        """End an engine as a power cut would."""
        engine.kill()
        engine.communicate(timeout=DEADLINE_S)

    def megatest(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run any command to its end."""
        return subprocess.run(
            self.command(*words),
            env=dict(self.environ),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    # -- what is so -------------------------------------------------------------------------------

    def run_dir(self, test: str = "t") -> Path:
        """Return where a test runs."""
        return self.home / "runs/linux/r" / test

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until something is so, at most for the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while not is_so():
            assert time.monotonic() < deadline, f"never: {what}"
            time.sleep(0.01)

    def wait_until_ready(self, test: str = "t") -> None:
        """Wait until a test's script has come to where it waits."""
        self.wait_for((self.run_dir(test) / "ready").exists, f"{test} is ready")

    def go(self) -> None:
        """Let the tests that wait come to their end."""
        (self.home / "go").touch()

    def starts(self) -> list[str]:
        """Return ``test attempt`` for each start of a script, sorted."""
        path = self.home / "starts"
        return sorted(path.read_text("utf-8").splitlines()) if path.exists() else []

    def listed(self, test: str = "%") -> str:
        """Return what ``megatest list`` says."""
        done = self.megatest("list", test)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def jobs(self) -> list[int]:
        """Return the processes that have this area in their environment, or work in it."""
        marked = f"MT_RUN_AREA_HOME={self.home}".encode()
        found = []
        for each in process.all_processes():
            try:
                environ = Path(f"/proc/{each.pid}/environ").read_bytes().split(b"\0")
                directory = os.readlink(f"/proc/{each.pid}/cwd")
            except OSError:
                continue
            if (marked in environ or directory.startswith(f"{self.home}/runs/")) and not each.zombie:
                found.append(each.pid)
        return found

    def kill_jobs(self) -> None:
        """End all that the area's tests have started."""
        # All stand still first: no script is to hear of the end of its child.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in self.jobs():
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.wait_for(lambda: not self.jobs(), "nothing of the tests is left")


def lives(pid: int) -> bool:
    """Return whether a process exists and has not ended."""
    found = process.look_up(pid)
    return found is not None and not found.zombie


def give_up(reason: str) -> NoReturn:
    """Skip what this machine does not let us do; on the machine that judges changes, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def live_area(home: Path, environ: Mapping[str, str] = os.environ) -> Iterator[LiveArea]:
    """Yield an area, and leave nothing of it running."""
    area = LiveArea(home, environ)
    try:
        yield area
    finally:
        for engine in area.engines:
            engine.kill()
            engine.wait()
            if engine.stdout is not None:
                engine.stdout.close()
        area.kill_jobs()
