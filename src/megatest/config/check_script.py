"""What is wrong with what a test runs: its script, its steps, the area of its subrun."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from megatest.config.entry import Entry, Loaded
from megatest.config.nearest import did_you_mean
from megatest.model.error import Diagnostic, Severity
from megatest.model.spec import Area, TestSpec

_PLAIN: Final = re.compile(r"[\w\-:,./%+@]+")
"""A runscript's first word that is a file's name, and no shell line."""


def check_script(test: Loaded[TestSpec], area: Area, env: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Yield what is wrong with what a test runs.

    Args:
        test: its file.
        area: its area.
        env: the environment; PATH counts.
    """
    sections = test.document.sections
    spec = test.value
    entry = sections.get("setup", {}).get("runscript")
    if entry is not None and spec.runscript:
        yield from _check_runscript(spec, entry, area, env)
    elif not spec.steps and not spec.subrun:
        message = f"{spec.config_file}: test {spec.name!r} has nothing to run"
        hint = "add [setup] runscript, or steps in [ezsteps]"
        yield Diagnostic(severity=Severity.WARNING, message=message, hint=hint)
    yield from _check_steps(test)
    subrun = sections.get("subrun", {}).get("run-area")
    if subrun is not None and subrun.pending is None and subrun.value:
        yield from _check_subrun(spec, subrun, area)


def _check_runscript(
    spec: TestSpec, entry: Entry, area: Area, env: Mapping[str, str]
) -> Iterator[Diagnostic]:
    name = spec.runscript.partition(" ")[0]
    if _PLAIN.fullmatch(name) is None:
        return
    path = os.path.join(spec.directory, name)
    if os.path.isfile(path):
        yield from _check_first_line(path, name, entry, area)
    elif os.path.lexists(path):
        what = "a directory" if os.path.isdir(path) else "no regular file"
        yield entry.finding(Severity.ERROR, f"runscript {name!r} is {what}", word=name)
    elif not _is_on_path(name, env):
        message = f"there is no runscript {name!r} in {spec.directory}"
        yield entry.finding(Severity.ERROR, message, word=name)


def _is_on_path(name: str, env: Mapping[str, str]) -> bool:
    places = env.get("PATH", "").split(":") if "/" not in name else ()
    return any(os.path.isfile(os.path.join(place, name)) for place in places)


def _check_first_line(path: str, name: str, entry: Entry, area: Area) -> Iterator[Diagnostic]:
    """Yield it if the kernel cannot start a script because of its ``#!`` line."""
    try:
        with open(path, "rb") as file:
            line = file.readline(256)
    except OSError as error:
        message = f"runscript {name!r} cannot be read: {error.strerror}"
        yield entry.finding(Severity.ERROR, message, word=name)
        return
    words = line[2:].decode(errors="replace").split()
    if not line.startswith(b"#!") or not words:
        return
    if line.endswith(b"\r\n"):
        message = f"the #! line of runscript {name!r} ends with CR LF, so nothing can run it"
        hint = "save it with LF at the ends of lines"
        yield entry.finding(Severity.ERROR, message, word=name, hint=hint)
    elif words[0].startswith("/") and not os.path.exists(words[0]):
        message = f"runscript {name!r} begins with #!{words[0]}, and there is no such file here"
        yield entry.finding(_severity_here(area), message, word=name)


def _severity_here(area: Area) -> Severity:
    """What is not on this machine may be where tests run, if that is elsewhere."""
    elsewhere = area.launcher or area.executor or area.hosts or area.executors or area.host_types
    return Severity.WARNING if elsewhere else Severity.ERROR


def _check_steps(test: Loaded[TestSpec]) -> Iterator[Diagnostic]:
    """Yield steps that do nothing, and log rules of steps that do not exist."""
    commands = {step.name: step.command for step in test.value.steps}
    for entry in test.document.sections.get("ezsteps", {}).values():
        if entry.pending is None and not commands.get(entry.key):
            message = f"step {entry.key!r} has no command, so it passes without doing anything"
            yield entry.key_finding(Severity.WARNING, message, hint="write the command behind the name")
    for entry in test.document.sections.get("logpro", {}).values():
        # A runscript may have steps of its own.
        if entry.key not in commands and not test.value.runscript:
            hint = did_you_mean(entry.key, commands)
            yield entry.key_finding(Severity.WARNING, f"[ezsteps] has no step {entry.key!r}", hint=hint)


def _check_subrun(spec: TestSpec, entry: Entry, area: Area) -> Iterator[Diagnostic]:
    """Yield it if there is no area for a subrun; a test that waits for others may find one that they made."""
    path = os.path.join(area.home, os.path.expanduser(entry.value))
    if not os.path.isdir(path):
        severity = Severity.WARNING if spec.requirements.waitons else Severity.ERROR
        message = f"[subrun] run-area: there is no directory {os.path.normpath(path)}"
        yield entry.finding(severity, message)
