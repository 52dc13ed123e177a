"""Tests on disk: directories with a testconfig."""

from __future__ import annotations

import os
import sys

from megatest.config.entry import Loaded
from megatest.model.error import Diagnostic, Severity, UserError
from megatest.model.ids import check_name
from megatest.model.spec import Area

TESTCONFIG_NAME = "testconfig"


def discover_tests(area: Area) -> Loaded[dict[str, str]]:
    """Return the directory of every test of an area, by name, sorted by name.

    The area's `tests_paths` are searched in order, and the first directory of a name counts.  Links to
    directories are followed.  Directories whose names cannot be tests' are reported and left out.

    Cost: one listing for each path, one ``stat`` for each directory in it.
    """
    tests: dict[str, str] = {}
    findings: list[Diagnostic] = []
    for path in area.tests_paths:
        for name in _names(path, findings):
            _add(tests, name, os.path.join(path, name), findings)
    return Loaded(value=dict(sorted(tests.items())), findings=tuple(findings))


def _names(path: str, findings: list[Diagnostic]) -> list[str]:
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        # An area may be without tests yet; what is there and cannot be read may hold all of them.
        severity = Severity.WARNING if isinstance(error, FileNotFoundError) else Severity.ERROR
        message = f"no tests are read from {path}: {error.strerror}"
        findings.append(Diagnostic(severity=severity, message=message))
        return []
    return [sys.intern(name) for name in names if _is_test(f"{path}/{name}/{TESTCONFIG_NAME}", findings)]


def _is_test(testconfig: str, findings: list[Diagnostic]) -> bool:
    if os.path.isfile(testconfig):
        return True
    if os.path.isdir(testconfig):
        message = f"{testconfig} is a directory, so {os.path.dirname(testconfig)} is no test"
        findings.append(Diagnostic(severity=Severity.WARNING, message=message))
    return False


def _add(tests: dict[str, str], name: str, directory: str, findings: list[Diagnostic]) -> None:
    try:
        check_name(name, "test")
    except UserError as error:
        message = f"{directory} is no test: {error.message}"
        findings.append(Diagnostic(severity=Severity.WARNING, message=message, hint=error.hint))
        return
    if name in tests:
        message = f"{directory} is not used: {tests[name]} comes first"
        findings.append(Diagnostic(severity=Severity.NOTE, message=message))
        return
    tests[name] = directory
