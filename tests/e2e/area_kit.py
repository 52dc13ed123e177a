"""Small areas in a temporary directory, and the installed command run in them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent

CONFIG = """\
[fields]
sysname TEXT
fsname TEXT

[setup]
linktree #{getenv MT_RUN_AREA_HOME}/lt
kill-grace 1
"""

RUNCONFIGS = """\
[default]
GREETING hello
TESTPATT ok,items

[ubuntu/nfs]
GREETING hello from ubuntu

[suse/nfs]
OTHER 1
"""


@dataclass(frozen=True, slots=True)
class Done:
    """One command that ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything it printed, for the message of a failed assertion."""
        return f"exit {self.code}\n{self.out}\n{self.err}"


@dataclass(frozen=True, slots=True)
class AreaKit:
    """An area on disk."""

    home: Path

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return an environment that does not depend on who runs the tests."""
        return {
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home.parent),
            "USER": "tester",
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
            **(more or {}),
        }

    def megatest(
        self, *words: str, cwd: Path | None = None, more: Mapping[str, str] | None = None, stdin: str = ""
    ) -> Done:
        """Run ``megatest`` in the area and wait for its end."""
        done = subprocess.run(
            [str(BIN / "megatest"), *words],
            cwd=cwd or self.home,
            env=self.environment(more),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode != 70, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def good(self, *words: str) -> str:
        """Run ``megatest``, which must end with 0; return its output."""
        done = self.megatest(*words)
        assert done.code == 0, done.said
        return done.out

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start ``megatest`` and go on."""
        return subprocess.Popen(
            [str(BIN / "megatest"), *words],
            cwd=self.home,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def add_test(self, name: str, script: str = "exit 0", more: str = "") -> None:
        """Make a test with a script of a line or some."""
        directory = self.home / "tests" / name
        directory.mkdir(parents=True)
        (directory / "testconfig").write_text(f"[setup]\nrunscript main.sh\n{more}")
        path = directory / "main.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def make_area(home: Path, config: str = CONFIG, runconfigs: str = RUNCONFIGS) -> AreaKit:
    """Make an area without tests."""
    (home / "tests").mkdir(parents=True)
    (home / "megatest.config").write_text(config)
    (home / "runconfigs.config").write_text(runconfigs)
    return AreaKit(home)


def suite(home: Path) -> AreaKit:
    """Make an area with a good test, a failing one, one with items and one behind the failing one."""
    kit = make_area(home)
    kit.add_test("ok", 'echo "$GREETING" > said; echo shown', "[test_meta]\ntags quick,smoke\n")
    kit.add_test("bad", "echo broken >&2; exit 3")
    kit.add_test("items", "echo $COLOUR", "[items]\nCOLOUR red green\n")
    kit.add_test("behind", "exit 0", "[requirements]\nwaiton bad\n")
    return kit


TARGET = ("-target", "ubuntu/nfs")
W1 = (*TARGET, "-runname", "w1")


def masked(text: str, kit: AreaKit) -> str:
    """Return an output without what differs from machine to machine and from day to day."""
    host = os.uname().nodename
    text = text.replace(str(kit.home), "AREA").replace(host, "HOST")
    for pattern, word in (
        (r"\b1[0-9]{9}\b", "TIME"),
        (r"\d+ww\d+\.\d +\d\d:\d\d", "DATE"),
        (r"cpuload:  .*", "cpuload:  LOAD"),
        (r"diskfree: .*", "diskfree: KIB"),
        (r"uname:    .*", "uname:    UNAME"),
        (r"Runtime: +\d+s", "Runtime:     0s"),
    ):
        text = re.sub(pattern, word, text)
    return text


def lines(text: str) -> Sequence[str]:
    """Return an output's lines without blanks at their ends."""
    return [line.rstrip() for line in text.splitlines()]


def wait_for_file(path: Path, timeout_s: float = 60) -> None:
    """Return once a test of ours has made a file; fail if it does not."""
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was not made in {timeout_s} s"
        time.sleep(0.02)  # another process's file: there is nothing to wait on but the file itself
