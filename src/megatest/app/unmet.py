"""What tests ask for that their batch system has no words for: said before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from megatest.app import wiring
from megatest.app.launcher import choose
from megatest.app.session import Session
from megatest.model.error import Diagnostic, Severity
from megatest.model.ids import TestId
from megatest.model.job import Resources
from megatest.model.spec import Requirements, TestSpec

_NO_WISHES: Final = Requirements().resources
"""One object for all tests without wishes, which are most: to compare takes ten times as long."""

_HINT: Final = (
    "say it in the batch system's own words in [requirements] options, or count what is scarce in [pools]"
)


def check_wishes(session: Session, specs: Mapping[str, TestSpec], asked: str) -> list[Diagnostic]:
    """Return a warning for each wish that an executor cannot pass on, with the tests that have it.

    Args:
        session: the opened area.
        specs: the tests that take part, by name.
        asked: the executor that the user asked for; empty for the area's choice.
    """
    unmet: dict[tuple[str, Resources], Sequence[str]] = {}
    tests: dict[tuple[str, str], list[str]] = {}
    for name, spec in specs.items():
        resources = spec.requirements.resources
        if resources is _NO_WISHES:
            continue
        executor = choose(session.area, TestId(name), session.environ, asked).executor
        if (executor, resources) not in unmet:
            unmet[executor, resources] = wiring.unmet_wishes(session.area, executor, resources)
        for wish in unmet[executor, resources]:
            tests.setdefault((executor, wish), []).append(name)
    return [_finding(executor, wish, names) for (executor, wish), names in tests.items()]


def _finding(executor: str, wish: str, names: Sequence[str]) -> Diagnostic:
    first = min(names)
    who = f"{first} is" if len(names) == 1 else f"{first} and {len(names) - 1} more are"
    message = f"executor {executor} has no words for {wish!r} in [requirements]: {who} submitted without it"
    return Diagnostic(severity=Severity.WARNING, message=message, hint=_HINT)
