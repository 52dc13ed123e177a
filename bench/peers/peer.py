"""What a peer is: where its program comes from, what work it takes, how it is started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.generate import Shape, Work
from bench.measure import Command

_WHOLE: Final = "whole"


class Unavailable(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """A peer cannot be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A peer that can be started.

    Attributes:
        program: absolute path of its command.
        version: as it says itself, or as its package does.
    """

    program: Path
    version: str

    @property
    def python(self) -> Path:
        """The interpreter beside the program, for peers that live in an environment of their own."""
        return self.program.parent / "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One runner.

    Attributes:
        name: as its users call it.
        keeps: what it leaves behind of each test, for the reader of the table.
        shapes: what work it takes.
        most_tests: above this a run takes so long that it is left out of quick comparisons.
        find: gets it, given the cache directory; raises `Unavailable`.
        prepare: writes its input for a work whose scripts stand, and says how to start it.
        check: returns what its own records say against the run; empty if all is well.
    """

    name: str
    keeps: str
    shapes: frozenset[Shape]
    most_tests: int
    find: Callable[[Path], Tool]
    prepare: Callable[[Work, Tool], Command]
    check: Callable[[Work], str] = lambda work: ""


def on_path(program: str) -> Callable[[Path], Tool]:
    """Return a finder of a program that the system has or has not."""

    def find(cache: Path) -> Tool:
        found = shutil.which(program)
        if found is None:
            raise Unavailable(f"there is no {program} on PATH")
        return Tool(program=Path(found), version=_version(found))

    return find


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    words = said.stdout.split("\n", 1)[0].split()
    return next((word for word in words if word[0].isdigit()), "unknown")


def from_package(package: str, version: str, program: str) -> Callable[[Path], Tool]:
    """Return a finder of a Python package's program, installed on first use.

    Args:
        package: what to install, alone in an environment below the cache directory and with the
            Python that runs us, so that all runners in Python have the same one.
        version: of the package; pinned, so that figures of two days can be compared.
        program: the command that it brings.
    """

    def find(cache: Path) -> Tool:
        home = cache / f"{package}-{version}"
        if not (home / _WHOLE).exists():
            _install(home, f"{package}=={version}")
        return Tool(program=home / "bin" / program, version=version)

    return find


def _install(home: Path, requirement: str) -> None:
    """Make an environment with a package, compiled; its last file says that it is whole."""
    shutil.rmtree(home, ignore_errors=True)
    _must([sys.executable, "-m", "venv", str(home)])
    _must([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--compile", requirement])
    (home / _WHOLE).touch()


def _must(argv: list[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    said = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if said.returncode != 0:
        lines = (said.stderr or said.stdout).strip().splitlines() or ["no reason given"]
        raise Unavailable(f"{' '.join(argv[-2:])}: {lines[-1]}")
    return said.stdout
