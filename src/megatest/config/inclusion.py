"""What ``[include]`` and ``[scriptinc]`` bring in."""

from __future__ import annotations

import os

from megatest.config.shell import run_shell
from megatest.config.source import Line, Source, Unreadable, parse
from megatest.config.surroundings import Surroundings
from megatest.model.error import Severity


def included_file(line: Line, directory: str, around: Surroundings) -> Source | None:
    """Return the file of ``[include FILE]``; None, after a finding, if it cannot be read.

    Args:
        line: as evaluated; the name is all of `first`, blanks included.
        directory: what a relative name refers to: that of the including file.
        around: the reading.
    """
    path = _shortened(os.path.join(directory, line.first))
    try:
        return around.request.cache.read(path)
    except FileNotFoundError:
        # A name that is put together is the idiom for a file that not every user or host has.
        severity = Severity.WARNING if line is around.line else Severity.NOTE
        around.report(severity, f"there is no file {path!r} to include", 0, len(around.line.text))
    except Unreadable as problem:
        around.warn(f"{path!r} is not included: {problem}", line.offset, len(line.first))
    return None


def _shortened(path: str) -> str:
    """Return the path without ``..``, if that is the same file (it is not beyond some links)."""
    short = os.path.normpath(path)
    if short == path:
        return path
    try:
        return short if os.path.samefile(short, path) else path
    except (OSError, ValueError):
        return path


def script_output(line: Line, around: Surroundings) -> Source | None:
    """Return what the script of ``[scriptinc SCRIPT ARGS]`` prints; None, after a finding, without a script.

    The script sees the values of ``default`` and of the current section in its environment.  If it
    fails, what it printed counts.
    """
    cwd = around.cwd
    whole = len(around.line.text)
    path = os.path.join(cwd, line.first)
    if "\0" in path or not (os.path.isfile(path) and os.access(path, os.X_OK)):
        around.warn(f"there is no executable file {line.first!r} in {cwd}", 0, whole)
        return None
    around.opaque = True
    command = line.first + line.second
    outcome = run_shell(command, cwd=cwd, env={**around.env, **around.section_environment()})
    if outcome.code:
        how = outcome.problem or f"it ended with exit status {outcome.code}; what it printed is used"
        around.warn(f"{command}: {how}", 0, whole)
    source = parse(os.fsencode(outcome.output), f"output of {command}", cwd)
    return source._replace(identity=object())
