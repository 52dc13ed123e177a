"""The one word for how a test stands, and its colour, the same on every screen."""

from __future__ import annotations

from megatest.model.status import GOOD, State, Status

_REASONS = frozenset({Status.PREQ_FAIL, Status.PREQ_DISCARDED, Status.ZERO_ITEMS})

COLOURS: dict[str, str] = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.WAIVED: "yellow",
    Status.CHECK: "yellow",
    Status.SKIP: "cyan",
    Status.FAIL: "red",
    Status.ABORT: "magenta",
    Status.PREQ_FAIL: "red",
    Status.ZERO_ITEMS: "red",
    State.RUNNING: "blue",
    State.REMOTEHOSTSTART: "blue",
    State.LAUNCHED: "blue",
    State.KILLREQ: "magenta",
    State.KILLED: "magenta",
    State.INCOMPLETE: "red",
}
"""Terminal colour of a verdict; words that are not here have none."""


def word(state: str, status: str) -> str:
    """Return the status of what ended, the reason of what cannot run, else the state."""
    if state == State.COMPLETED or (state == State.NOT_STARTED and status in _REASONS):
        return status
    return state


def is_good(state: str, status: str) -> bool:
    """Return whether a reader needs no more than a glance at this result."""
    return state == State.COMPLETED and status in GOOD


def needs_attention(state: str, status: str) -> bool:
    """Return whether a result is bad: neither good, nor still on its way."""
    if state == State.COMPLETED:
        return status not in GOOD
    if state == State.NOT_STARTED:
        return status in _REASONS
    return state in (State.KILLED, State.INCOMPLETE, State.STUCK, State.FAILEDKILL)
