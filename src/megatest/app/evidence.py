"""What a run directory tells about a failure: which step, which rule, which lines of which log."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import Final

from megatest.engine.ports import Failure
from megatest.model.attempt import Entry, StepSaid
from megatest.model.rundir import JOB_LOG
from megatest.model.signature import Signature, signature_of
from megatest.model.slotted import dataclass
from megatest.model.status import GOOD, State

_TAIL_BYTES: Final = 64 * 1024
_WELL: Final = frozenset({"0", "pass", *(status.casefold() for status in GOOD), "n/a", "-", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a failure.

    Attributes:
        signature: what it has in common with its like.
        log: the last lines of the log that tells most.
        code: exit code that decided; None if nobody knows.
    """

    signature: Signature
    log: Sequence[str]
    code: int | None


def gather(failure: Failure, entries: Sequence[Entry], *, area: str) -> Evidence:
    """Return what a run directory tells about a failure.

    Args:
        failure: the attempt.
        entries: its journal.
        area: absolute path of the area.

    Cost: at most 64 KiB of one log are read.
    """
    step = _failing_step(failure, entries)
    log = _tail(failure.run_dir, step)
    code = failure.ended.code if failure.ended is not None else None
    signature = signature_of(
        _cause(failure, step, code),
        step.comment if step is not None and step.comment else _word(failure, step),
        log,
        places=((failure.run_dir, "<run>"), (area, "<area>")),
    )
    return Evidence(signature=signature, log=log, code=code)


def _failing_step(failure: Failure, entries: Sequence[Entry]) -> StepSaid | None:
    """Return the step that decided, else the first that a runscript reported as bad."""
    ends = [entry for entry in entries if isinstance(entry, StepSaid) and entry.state == "end"]
    decided = failure.ended.step if failure.ended is not None else ""
    if decided:
        unsaid = StepSaid(step=decided, state="end", status="")
        return next((end for end in reversed(ends) if end.step == decided), unsaid)
    return next((end for end in ends if end.status.casefold() not in _WELL), None)


def _cause(failure: Failure, step: StepSaid | None, code: int | None) -> str:
    if failure.state == State.KILLED:
        return "killed"
    if step is not None:
        how = f"exit {step.status}" if step.status.lstrip("-").isdigit() else step.status
        return f"{failure.status}: step {step.step}" + (f": {how}" if how else "")
    return failure.status if code is None or failure.said else f"{failure.status}: exit {code}"


def _word(failure: Failure, step: StepSaid | None) -> str:
    """Return the comment, unless it only says what the cause says."""
    if step is not None and not failure.said:
        return ""
    return failure.said or failure.comment


def _tail(run_dir: str, step: StepSaid | None) -> list[str]:
    names = [JOB_LOG]
    if step is not None:
        names = [f"{step.step}.log", *([step.log] if step.log else []), JOB_LOG]
    for name in names:
        path = os.path.normpath(os.path.join(run_dir, name))
        if not run_dir or not path.startswith(f"{run_dir}/") or name.endswith((".html", ".htm")):
            continue
        data = read_end(path, _TAIL_BYTES)
        if data is not None:
            return data.decode("utf-8", "replace").splitlines()
    return []


def read_end(path: str, most_bytes: int) -> bytes | None:
    """Return the end of a regular file; None if there is none.  A pipe in its place keeps nobody waiting."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        return os.pread(descriptor, most_bytes, max(0, status.st_size - most_bytes))
    except OSError:
        return None
    finally:
        os.close(descriptor)
