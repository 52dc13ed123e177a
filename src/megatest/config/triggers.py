"""``[triggers]``: which state or status starts which command."""

from __future__ import annotations

from collections.abc import Iterable
from megatest.typed import Final

from megatest.config.entry import Entry
from megatest.config.line import BLANKS
from megatest.config.nearest import did_you_mean
from megatest.model.error import Diagnostic, Severity
from megatest.model.spec import Trigger
from megatest.model.status import State, Status

_STATES: Final = frozenset(str(state) for state in State)
_STATUSES: Final = frozenset(str(status) for status in Status)


def triggers_from(entries: Iterable[Entry], findings: list[Diagnostic]) -> tuple[Trigger, ...]:
    """Return triggers in order; keys that can never fire are reported."""
    return tuple(_trigger(entry, findings) for entry in entries)


def _trigger(entry: Entry, findings: list[Diagnostic]) -> Trigger:
    state, slash, status = entry.key.partition("/")
    if not slash:
        hint = "write STATE/STATUS, STATE/ or /STATUS"
        findings.append(entry.key_finding(Severity.WARNING, f"trigger {entry.key!r} never fires", hint=hint))
    elif state and not status and state in _STATUSES - _STATES:
        findings.append(
            entry.key_finding(
                Severity.WARNING,
                f"{state} is a status, not a state; read as /{state}",
                hint=f"write /{state}",
            )
        )
        state, status = "", state
    elif state and state not in _STATES:
        # A test may report states of its own, so only what looks like a slip is worth a word.
        near = did_you_mean(state, _STATES)
        if near:
            message = f"trigger {entry.key!r}: no state is called {state!r}"
            findings.append(entry.key_finding(Severity.WARNING, message, hint=near))
    # The command keeps its blanks: one that ends in "-- " means it.
    return Trigger(
        state=state, status=status, command=entry.value.lstrip(BLANKS), location=entry.key_location
    )
