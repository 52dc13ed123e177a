"""``waivers.config``: the area's known failures, one section each."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable
from typing import Final

from megatest.config.entry import Document, Entry, Loaded
from megatest.config.line import BLANKS
from megatest.config.nearest import did_you_mean
from megatest.config.paths import WAIVERS_NAME
from megatest.config.reader import read
from megatest.config.request import Commands, Request
from megatest.config.schema_waivers import SECTION, WAIVERS
from megatest.config.source import ParseCache
from megatest.model.error import Diagnostic, Severity
from megatest.model.ids import TestId
from megatest.model.waiver import Waiver

_SIGNATURE: Final = r"[0-9a-f]{12}"


def load_waivers(home: str, cache: ParseCache, *, path: str = "") -> Loaded[tuple[Waiver, ...]]:
    """Read an area's waivers; those that are wrong are among the findings, and left out.

    Args:
        home: absolute path of the area.
        cache: parsed files; a file that did not change costs one ``stat`` and its lines.
        path: of another file than the area's.
    """
    request = Request(cwd=home, home=home, env={}, cache=cache, commands=Commands.FORBID)
    try:
        document = read(path or os.path.join(home, WAIVERS_NAME), request)
    except FileNotFoundError:
        return Loaded(value=())
    findings = list(document.findings)
    found = [_waiver(name, document, findings) for name in document.sections]
    return Loaded(
        value=tuple(waiver for waiver in found if waiver is not None),
        findings=tuple(findings),
        document=document,
    )


def _waiver(name: str, document: Document, findings: list[Diagnostic]) -> Waiver | None:
    """Return the waiver of a section; None if it is wrong, and then there is a finding that says how."""
    entries = document.sections[name]
    first = next(iter(entries.values()), None)
    test, _, signature = name.rpartition(" ")
    if first is None:
        message = f"[{name}] says nothing: a waiver has a reason and an owner"
        findings.append(Diagnostic(severity=Severity.ERROR, message=f"{WAIVERS_NAME}: {message}"))
        return None
    if not test or not re.fullmatch(_SIGNATURE, signature):
        message = f"[{name}] is no waiver: a section is a test, a blank, and a signature of 12 digits"
        hint = "megatest show TEST prints the signature; megatest waive TEST writes the section"
        findings.append(first.key_finding(Severity.ERROR, message, hint=hint))
        return None
    _note_unknown(name, entries.values(), findings)
    missing = [key for key in ("reason", "owner") if not _text(entries.get(key))]
    findings += [first.key_finding(Severity.ERROR, f"the waiver [{name}] has no {key}") for key in missing]
    dates = {key: _date(entries.get(key), findings) for key in ("expires", "since")}
    if missing or (_text(entries.get("expires")) and dates["expires"] is None):
        return None
    owner_test, _, item = test.strip().partition("/")
    return Waiver(
        test_id=TestId(owner_test, item),
        signature=signature,
        reason=_text(entries.get("reason")),
        owner=_text(entries.get("owner")),
        expires=dates["expires"],
        since=dates["since"],
        targets=tuple(_text(entries.get("target")).split()),
        failure=_text(entries.get("failure")),
        location=first.key_location,
    )


def _note_unknown(name: str, entries: Iterable[Entry], findings: list[Diagnostic]) -> None:
    known = WAIVERS.sections[SECTION]
    for entry in entries:
        if WAIVERS.setting(SECTION, entry.key) is None:
            hint = did_you_mean(entry.key, known.names())
            findings.append(
                entry.key_finding(Severity.WARNING, f"[{name}] knows no {entry.key!r}", hint=hint)
            )


def _text(entry: Entry | None) -> str:
    return "" if entry is None or entry.pending is not None else entry.value.strip(BLANKS)


def _date(entry: Entry | None, findings: list[Diagnostic]) -> datetime.date | None:
    text = _text(entry)
    if entry is None or not text:
        return None
    day = parse_day(text)
    if day is None:
        message = f"{entry.key}: {text!r} is no day"
        findings.append(entry.finding(Severity.ERROR, message, hint="write it as YYYY-MM-DD"))
    return day


def parse_day(text: str) -> datetime.date | None:
    """Return the day that ``YYYY-MM-DD`` means; None if it means none."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def waiver_text(waiver: Waiver) -> str:
    """Return the section of a waiver, as it is written to the file."""
    lines = [f"[{waiver.name}]", f"reason   {waiver.reason}", f"owner    {waiver.owner}"]
    if waiver.since is not None:
        lines.append(f"since    {waiver.since.isoformat()}")
    if waiver.expires is not None:
        lines.append(f"expires  {waiver.expires.isoformat()}")
    if waiver.targets:
        lines.append(f"target   {' '.join(waiver.targets)}")
    if waiver.failure:
        first, *rest = [_plain(line) for line in waiver.failure.splitlines()]
        lines += [f"failure  {first}", *(f"  {line}" for line in rest)]
    return "\n".join(lines) + "\n"


def _plain(line: str) -> str:
    """Return a line of a failure as text that means nothing to the language."""
    return line.replace("#{", "# {").rstrip("\\ ") or "-"
