"""What is odd about how results are judged: retries that never happen, waivers that are of no use."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterator, Mapping

from megatest.config.entry import Document
from megatest.config.nearest import did_you_mean
from megatest.config.source import ParseCache
from megatest.config.values import words
from megatest.config.waivers import load_waivers
from megatest.model.error import Diagnostic, Severity
from megatest.model.status import Status
from megatest.model.waiver import Waiver

_FORMS = ("signature:", "log:")


def check_retries(document: Document) -> Iterator[Diagnostic]:
    """Yield words of ``retry-on`` that no failure can fit."""
    entry = document.sections.get("requirements", {}).get("retry-on")
    if entry is None or entry.pending is not None:
        return
    known = [status.value for status in Status]
    for word in words(entry.value.replace(",", " ")):
        if not word.isdigit() and not word.startswith(_FORMS) and word.upper() not in known:
            hint = did_you_mean(word.upper(), known) or "a status, an exit code, log:TEXT or signature:TEXT"
            message = f"retry-on: no status is called {word!r}"
            yield entry.finding(Severity.WARNING, message, word=word, hint=hint)


def check_waivers(home: str, tests: Mapping[str, str], cache: ParseCache) -> Iterator[Diagnostic]:
    """Yield what is wrong with an area's waivers, and which are of no use.

    Args:
        home: absolute path of the area.
        tests: the area's tests, by name.
        cache: parsed files.
    """
    waivers = load_waivers(home, cache)
    yield from waivers.findings
    today = datetime.datetime.now(datetime.UTC).astimezone().date()
    for waiver in waivers.value:
        if waiver.test_id.test not in tests:
            hint = did_you_mean(waiver.test_id.test, tests)
            yield _about(waiver, f"there is no test {waiver.test_id.test!r} to waive", hint)
        elif waiver.is_expired(today):
            message = f"the waiver of {waiver.test_id} by {waiver.owner} expired on {waiver.expires}"
            yield _about(
                waiver, message, f"remove it with: megatest waive --remove {shlex.quote(str(waiver.test_id))}"
            )


def _about(waiver: Waiver, message: str, hint: str | None) -> Diagnostic:
    return Diagnostic(severity=Severity.WARNING, message=message, location=waiver.location, hint=hint)
