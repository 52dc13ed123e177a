"""An area on disk with one test, for the tests of run directories."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from megatest.model.attempt import AttemptSpec, Prepared
from megatest.model.ids import Target, TestId
from megatest.model.spec import Area, Disk, Field, Step, Variable
from megatest.workarea.marker import Owner, owner_of_spec
from megatest.workarea.ondisk import WorkAreaOnDisk

NOTHING_SPECIAL: Mapping[str, str] = {"PATH": os.environ["PATH"], "HOME": "/home/somebody"}


class FakeClock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.time = 2_000_000_000.0

    def __call__(self) -> float:
        return self.time


class AreaKit:
    """An area in a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        self.home = root / "area"
        (self.home / "tests" / "t").mkdir(parents=True)
        (self.home / "megatest.config").touch()
        self.area = Area(
            home=str(self.home),
            config_file=str(self.home / "megatest.config"),
            name="area",
            fields=(Field(name="os"), Field(name="fs")),
            linktree=str(self.home / "lt"),
            tests_paths=(str(self.home / "tests"),),
            min_space_kib=0,
        )

    @property
    def source(self) -> Path:
        return self.home / "tests" / "t"

    def disk(self, name: str) -> Disk:
        path = self.root / name
        path.mkdir(exist_ok=True)
        return Disk(name=name, path=str(path))

    def script(self, text: str, name: str = "main.sh", mode: int = 0o755) -> Path:
        path = self.source / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def work_area(
        self, environment: Mapping[str, str] = NOTHING_SPECIAL, **changes: object
    ) -> WorkAreaOnDisk:
        return WorkAreaOnDisk(
            replace(self.area, **changes),  # type: ignore[arg-type]
            monotonic=self.clock,
            now=self.clock,
            environment=environment,
            python=sys.executable,
        )

    def spec(
        self,
        item: str = "",
        *,
        attempt: int = 1,
        runscript: str = "main.sh",
        steps: Sequence[Step] = (),
        variables: Sequence[Variable] = (),
        disks: Sequence[Disk] = (),
        preclean: bool = False,
        on_this_host: bool = True,
        resolved: Mapping[str, tuple[Variable, ...]] | None = None,
    ) -> AttemptSpec:
        return AttemptSpec(
            run_id=3,
            row=17,
            target=Target(("ubuntu", "nfs")),
            runname="w1",
            test_id=TestId("t", item),
            attempt=attempt,
            source=str(self.source),
            runscript=runscript,
            steps=tuple(steps),
            variables=tuple(variables),
            disks=tuple(disks),
            preclean=preclean,
            on_this_host=on_this_host,
            resolved=resolved or {},
        )

    def owner(self, item: str = "") -> Owner:
        return owner_of_spec(str(self.home), self.spec(item))


@contextmanager
def short_stack() -> Iterator[None]:
    """Leave Python room for a hundred calls, so that what recurses over a tree of 300 levels fails."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def run_job(
    prepared: Prepared, *words: str, shell: str = "/bin/sh", env: Mapping[str, str] = NOTHING_SPECIAL
) -> subprocess.CompletedProcess[str]:
    """Start a job script as an executor would, with its output in our hands."""
    return subprocess.run(
        [shell, prepared.script, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=dict(env),
        cwd="/",
        timeout=60,
    )
