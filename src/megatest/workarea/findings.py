"""What log rules found, brought into the journal as the engine reads it.

The log-rule tool leaves ``STEP.dat`` beside a step's log: the measured values and the verdict.  The
job script cannot read that, and need not: the file lies in the run directory as the journal does,
so whoever reads the one reads the other, and every reader of the journal sees the same.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from megatest.typed import TYPE_CHECKING, Final

from megatest.model.attempt import Ended, Entry, JournalPart, StepSaid, ValueSaid
from megatest.model.slotted import replace

if TYPE_CHECKING:
    from megatest.logpro.dat import Sections

MOST_BYTES: Final = 1 << 20
"""Of a ``.dat``; what stands behind is not read."""

_FINAL: Final = "final"
_NONE: Final = "n/a"


def with_findings(run_dir: str, part: JournalPart) -> JournalPart:
    """Return a part of a journal with what the log rules of its steps found.

    Before the end of a step (any word of it but ``start``) come the values of its ``.dat``, and its
    comment is the message there, as is that of an exit that rules decided.

    Cost: an attempt to open one file for each end of a step; none for a journal without steps.
    """
    if not any(_may_have_findings(entry) for entry in part.entries):
        return part
    entries = (found for entry in part.entries for found in _with_findings(run_dir, entry))
    return replace(part, entries=tuple(entries))


def _may_have_findings(entry: Entry) -> bool:
    if isinstance(entry, StepSaid):
        return entry.state != "start"
    return isinstance(entry, Ended) and entry.judged


def _with_findings(run_dir: str, entry: Entry) -> Iterator[Entry]:
    if isinstance(entry, StepSaid | Ended) and _may_have_findings(entry):
        sections = _read(run_dir, entry.step)
        if isinstance(entry, StepSaid):
            yield from _values(entry, sections)
            message = _message(sections)
        else:
            message = sections.get(_FINAL, {}).get("message", "")
        yield replace(entry, comment=message) if message else entry
    else:
        yield entry


def _read(run_dir: str, step: str) -> Sections:
    """Return what a step's ``.dat`` says; nothing where there is none that can be read."""
    if not step or "/" in step or "\0" in step:
        return {}
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(f"{run_dir}/{step}.dat", flags)
    except OSError:
        return {}
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return {}
        data = os.read(descriptor, MOST_BYTES)
    except OSError:
        return {}
    finally:
        os.close(descriptor)
    from megatest.logpro.dat import sections_from_dat  # few tests have log rules

    return sections_from_dat(data.decode("utf-8", "backslashreplace").replace("\0", "\\x00"))


def _values(step: StepSaid, sections: Sections) -> Iterator[ValueSaid]:
    for name, keys in sections.items():
        value = _verdict_value(keys) if name == _FINAL else _measured_value(keys)
        yield replace(value, category=step.step, variable=name, uptime_s=step.uptime_s)


def _measured_value(keys: dict[str, str]) -> ValueSaid:
    return ValueSaid(
        value=keys.get("measured", _NONE),
        expected=keys.get("expected", _NONE),
        tol=keys.get("tolerance", _NONE),
        units=_NONE,
        comment=keys.get("comment") or keys.get("desc", _NONE),
        status=keys.get("status", _NONE),
        type=keys.get("type", _NONE),
    )


def _verdict_value(keys: dict[str, str]) -> ValueSaid:
    return ValueSaid(
        value=keys.get("exit-code", _NONE),
        expected="0",
        tol="0",
        units=_NONE,
        comment=keys.get("message", _NONE),
        status=keys.get("exit-status", _NONE),
        type="logpro",
    )


def _message(sections: Sections) -> str:
    """Return ``STATUS: message``; empty if all is well."""
    final = sections.get(_FINAL, {})
    status, message = final.get("exit-status", ""), final.get("message", "")
    if status in ("", "PASS"):
        return ""
    return f"{status}: {message}" if message else status
