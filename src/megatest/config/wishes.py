"""What a test takes of the area's pools; loaded where there are any."""

from __future__ import annotations

from collections.abc import Iterator

from megatest.config.entry import Entry
from megatest.config.kind import Kind
from megatest.config.line import BLANKS
from megatest.config.nearest import nearest
from megatest.config.values import Values, wrong_value
from megatest.model.error import Diagnostic, Severity
from megatest.model.spec import Area, PoolWish


def wishes_from(values: Values, area: Area) -> tuple[PoolWish, ...]:
    """Return what a test takes of the area's pools; a name that was meant to be one of them is an error."""
    wishes = []
    for entry in values.entries("requirements"):
        if entry.key in area.pools:
            finding = wrong_value(entry, Kind.COUNT)
            if finding is None:
                wishes.append(_wish(entry))
            else:
                values.findings.append(finding)
        elif not values.knows("requirements", entry.key):
            values.findings.extend(_misspelt(entry, area))
    return tuple(wishes)


def _wish(entry: Entry) -> PoolWish:
    text = entry.value.strip(BLANKS)
    line, offset = entry.find(text)
    location = line.place(entry.origin.file, offset)
    return PoolWish(
        name=entry.key, amount=int(text), location=location, source=line.physical(offset), length=len(text)
    )


def _misspelt(entry: Entry, area: Area) -> Iterator[Diagnostic]:
    meant = nearest(entry.key, area.pools)
    if meant is not None:
        message = f"[requirements] knows no {entry.key!r}, and no pool has this name"
        yield entry.key_finding(Severity.ERROR, message, hint=f"did you mean {meant!r}?")
