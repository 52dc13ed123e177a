"""The array scripts: which task of which array is which job.

One file per array, below a directory of ours that the compute nodes see.  It is written
before the array is submitted, so that after a crash at any instant an array in the queue can
be traced to its jobs.  The script itself is the index, one line a task, so that a task finds
its own with nothing but /bin/sh: it runs down the lines (about 2 us each) to the one that is
its own and becomes that job script.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from megatest.executors.process import MARK
from megatest.executors.queue import Ref
from megatest.model.job import Job

_SUFFIX = ".sh"
_STALE_S = 180 * 86400

_HEAD = f"""\
#!/bin/sh
# Started by the batch system, once for each task.  task INDEX NAME SCRIPT LOG
task() {{
  [ "$1" = "$MT_TASK" ] || return 0
  {MARK}=$2
  export {MARK}
  exec /bin/sh "$3" >>"$4" 2>&1 </dev/null
}}
"""


class Spool:
    """The directory of array scripts.

    Args:
        directory: made when first needed.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._earlier: dict[str, Ref] | None = None

    def script(self, name: str) -> str:
        """Return the path of an array's script."""
        return f"{self.directory}/{name}{_SUFFIX}"

    def out(self, name: str) -> str:
        """Return the path of what the batch system itself says about an array."""
        return f"{self.directory}/{name}.out"

    def write(self, name: str, jobs: Sequence[Job], task_variable: str) -> None:
        """Write the script of an array whose task N is the Nth job.

        Raises:
            OSError: the directory cannot be written.
        """
        self.earlier()
        os.makedirs(self.directory, exist_ok=True)
        index = f"${task_variable}" if task_variable else "1"
        lines = [f"task {n} {_entry(job)}\n" for n, job in enumerate(jobs, 1)]
        text = f'{_HEAD}MT_TASK={index}\n{"".join(lines)}echo "no task $MT_TASK" >&2\nexit 66\n'
        with open(self.script(name), "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)

    def earlier(self) -> dict[str, Ref]:
        """Return the jobs of arrays that an earlier engine wrote, by job name.

        Read once, before our own are written; what is older than half a year is removed instead.
        """
        if self._earlier is None:
            self._earlier = {}
            for path in sorted(Path(self.directory).glob(f"*{_SUFFIX}")):
                self._read(path)
        return self._earlier

    def _read(self, path: Path) -> None:
        assert self._earlier is not None
        name = path.name.removesuffix(_SUFFIX)
        with suppress(OSError, ValueError):
            if time.time() - path.stat().st_mtime > _STALE_S:
                self.remove(name)
                return
            for line in path.read_text("utf-8", "surrogateescape").splitlines():
                words = line.split(" ", 3)
                if words[0] == "task" and len(words) == 4 and words[1].isdecimal():
                    self._earlier[shlex.split(words[2])[0]] = Ref(name=name, index=int(words[1]))

    def complaint(self, name: str, about: str = "") -> str:
        """Return the last line that the batch system or a shell wrote about an array, if any.

        Lines that hold the text `about` come first: all tasks of an array write to one file.
        """
        with suppress(OSError), open(self.out(name), encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file.read(1 << 16).splitlines() if line.strip()]
            meant = [line for line in lines if about in line] or lines
            return meant[-1] if meant else ""
        return ""

    def remove(self, name: str) -> None:
        """Forget an array: all its jobs are over."""
        for path in (self.script(name), self.out(name)):
            with suppress(OSError):
                os.unlink(path)


def unfit(job: Job) -> str:
    """Return why a job cannot be written into an array script; empty if it can."""
    if any(c.isspace() or not c.isprintable() for c in job.name) or not job.name:
        return f"job name {job.name!r} is not made of plain characters"
    for path in (job.script, job.log):
        if any(c in path for c in "\n\r\0"):
            return f"path {path!r} holds a line break"
    return ""


def _entry(job: Job) -> str:
    return " ".join(shlex.quote(word) for word in (job.name, job.script, job.log))
