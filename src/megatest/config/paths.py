"""Paths in settings: disks, directories of tests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

from megatest.config.entry import Entry
from megatest.config.expand import expand_home
from megatest.config.line import BLANKS
from megatest.model.error import Diagnostic, Severity
from megatest.model.spec import Disk

WAIVERS_NAME: Final = "waivers.config"
"""The file of an area's known failures; few areas have one."""


def path_in(home: str, text: str, env: Mapping[str, str]) -> str:
    """Return an absolute path; a relative one is relative to the area, ``~`` is expanded."""
    return os.path.normpath(os.path.join(home, expand_home(text.strip(BLANKS), env)))


def disks_from(
    entries: Iterable[Entry], home: str, env: Mapping[str, str], findings: list[Diagnostic]
) -> tuple[Disk, ...]:
    """Return ``[disks]``; lines without a path are reported and left out."""
    disks = []
    for entry in entries:
        if entry.value.strip(BLANKS):
            path = path_in(home, entry.value, env)
            disks.append(Disk(name=entry.key, path=path, location=entry.location))
        else:
            findings.append(entry.key_finding(Severity.WARNING, f"disk {entry.key!r} has no path"))
    return tuple(disks)
