"""What is wrong with log rules, found without a log."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from megatest.config.entry import Entry
from megatest.logpro.host import Host
from megatest.logpro.load import RuleText, load_rules
from megatest.model.error import ConfigError, Diagnostic, Severity
from megatest.model.slotted import replace

_REACHING_OUT: Final = ("getenv", "get-environment-variable", "file-exists?", "system", "load", "include")
"""What rules may ask that has another answer where the test runs."""


def check_rule_text(entry: Entry, path: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with the rules that a line of ``[logpro]`` has.

    Args:
        entry: the line.
        path: the rule file that it stands for.
    """
    for finding in _faults_of(entry.value, path):
        line = f" (line {finding.location.line} of them)" if finding.location else ""
        message = f"the log rules of step {entry.key!r}: {finding.message}{line}"
        yield entry.finding(finding.severity, message, hint=finding.hint)


def check_rule_file(path: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with a rule file, at its places."""
    try:
        text = Path(path).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        message = f"log rules cannot be read: {path}: {error.strerror}"
        yield Diagnostic(severity=Severity.ERROR, message=message)
        return
    yield from _faults_of(text, path)


def _faults_of(text: str, path: str) -> Iterator[Diagnostic]:
    """Yield the errors of a rule file; nothing that its rules would run is run."""
    directory = os.path.dirname(path)
    host = Host(
        read_file=lambda name: Path(directory, name).read_bytes(),
        exists=lambda name: os.path.exists(os.path.join(directory, name)),
        run_shell=lambda _line: 0,
    )
    try:
        load_rules([RuleText(file=path, text=text)], datetime.date.today(), host)
    except ConfigError as error:
        doubtful = any(word in text for word in _REACHING_OUT)
        for finding in error.diagnostics():
            if finding.severity is Severity.ERROR:
                yield replace(finding, severity=Severity.WARNING) if doubtful else finding
