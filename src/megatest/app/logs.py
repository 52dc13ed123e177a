"""A test's logs: which there are, the last lines, following one as it grows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

from megatest.model.error import EnvironmentFault, UserError
from megatest.model.record import StepRecord, TestRecord
from megatest.model.rundir import JOB_LOG
from megatest.model.status import ENDED

_TAIL_BYTES = 64 * 1024
_LOOK_EVERY_S = 0.2


def log_of(test: TestRecord, steps: Sequence[StepRecord], step: str = "") -> str:
    """Return the path of the log that a reader means.

    Args:
        test: which test.
        steps: its steps.
        step: the log of this step; empty for the test's own: the one it named, else that of the
            step that ended last, else its script's output.

    Raises:
        UserError: the test has not run, has no such step, or the step has no log.
    """
    if not test.shortdir and test.attempt and test.state in ENDED:
        raise UserError(f"the run directory of {test.test_id} was removed, and its log with it")
    if not test.shortdir:
        raise UserError(f"{test.test_id} has no run directory yet: it is {test.state}")
    if step:
        named = [s.logfile for s in steps if s.stepname == step and s.logfile]
        path = inside(test.shortdir, named[-1] if named else f"{step}.log")
        if os.path.isfile(path):
            return path
        known = ", ".join(dict.fromkeys(s.stepname for s in steps)) or "none"
        raise UserError(f"{test.test_id} has no log of a step {step!r}", hint=f"its steps: {known}")
    candidates = [test.final_logf, *(s.logfile for s in reversed(steps) if s.logfile), JOB_LOG]
    for name in candidates:
        path = inside(test.shortdir, name)
        if os.path.isfile(path):
            return path
    return os.path.join(test.shortdir, JOB_LOG)


def text_of(path: str) -> str:
    """Return the log that a page of log rules is about, which stands beside it; else the path itself."""
    stem, extension = os.path.splitext(path)
    text = f"{stem}.log"
    return text if extension == ".html" and os.path.isfile(text) else path


def inside(run_dir: str, name: str) -> str:
    """Return the path of a file of a run directory.

    Raises:
        UserError: the name leads out of it.
    """
    path = os.path.normpath(os.path.join(run_dir, name))
    if not path.startswith(run_dir.rstrip("/") + "/"):
        raise UserError(f"log {name!r} lies outside the run directory {run_dir}")
    return path


def tail(path: str, lines: int) -> list[str]:
    """Return the last lines of a file; of a very long last part only what fits in 64 KiB."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            data = file.read()
    except OSError:
        return []
    return data.decode("utf-8", "replace").splitlines()[-lines:]


def read(path: str) -> Iterator[bytes]:
    """Yield a file's content in blocks.

    Raises:
        EnvironmentFault: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 16):
                yield block
    except OSError as error:
        raise EnvironmentFault(f"cannot read {path}: {error.strerror}") from error


def follow(path: str, is_over: Callable[[], bool]) -> Iterator[bytes]:
    """Yield what is appended to a file until the test is over and all of it was read.

    Args:
        path: it may not exist yet.
        is_over: whether nothing more will be written; asked a few times a second.
    """
    offset = 0
    while True:
        over = is_over()
        try:
            with open(path, "rb") as file:
                file.seek(offset)
                while block := file.read(1 << 16):
                    offset += len(block)
                    yield block
        except FileNotFoundError:
            pass
        if over:
            return
        time.sleep(_LOOK_EVERY_S)
