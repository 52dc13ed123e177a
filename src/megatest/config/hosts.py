"""``[hosts]``: the lines that are ssh hosts with slots, typed."""

from __future__ import annotations

import re
from typing import Final

from megatest.config.line import BLANKS
from megatest.config.values import Values
from megatest.model.error import Severity
from megatest.model.spec import HostSlots

_SLOTS: Final = r"(?:slots\s+)?(\d{1,9})(?:\s+(\S+))?\Z"
_DIRECTORY: Final = r"(?:/[A-Za-z0-9_.+-]+)+\Z"


def hosts_from(values: Values) -> tuple[HostSlots, ...]:
    """Return the lines that are hosts with slots; all others are data for ``#{get}``."""
    hosts = []
    for entry in values.entries("hosts"):
        match = re.match(_SLOTS, entry.value.strip(BLANKS), re.ASCII)
        if match is None:
            continue
        directory = (match[2] or "").rstrip("/")
        if match[2] and re.match(_DIRECTORY, directory, re.ASCII) is None:
            message = f"work directory {match[2]!r} of host {entry.key!r} is not one that can be used"
            hint = "an absolute path of letters, digits and . _ - + / on that host, as /scratch/megatest"
            values.findings.append(entry.finding(Severity.ERROR, message, hint=hint))
            continue
        hosts.append(HostSlots(name=entry.key, slots=int(match[1]), directory=directory))
    return tuple(hosts)
