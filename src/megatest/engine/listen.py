"""Take in what a test's journal says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from megatest.engine.attempt import Attempt
from megatest.engine.ledger import Ledger
from megatest.engine.measure import judged
from megatest.engine.settle import status_from_report
from megatest.model.attempt import (
    Ended,
    Entry,
    JournalPart,
    LogSaid,
    Started,
    StatusSaid,
    StepSaid,
    ValueSaid,
)
from megatest.model.change import StepChange
from megatest.model.status import State

_LATEST: Final = 253_370_764_800
"""The beginning of the year 9999: the last that every calendar can show."""

WallTime = Callable[[float], int]
"""Turns a journal's uptime into seconds since the epoch."""


def take_in(attempt: Attempt, part: JournalPart, ledger: Ledger, wall_time: WallTime) -> None:
    """Record everything that a newly read part of a journal says."""
    attempt.offset = part.offset
    attempt.torn += part.torn
    attempt.trouble = part.trouble
    for entry in part.entries:
        _take_in_entry(attempt, entry, ledger, wall_time)


def _take_in_entry(attempt: Attempt, entry: Entry, ledger: Ledger, wall_time: WallTime) -> None:
    if isinstance(entry, StepSaid):
        _take_in_step(attempt, entry, ledger, wall_time)
    elif isinstance(entry, StatusSaid):
        _take_in_status(attempt, entry, ledger)
    elif isinstance(entry, Started):
        _take_in_start(attempt, entry, ledger)
    elif isinstance(entry, Ended):
        attempt.ended = entry
    elif isinstance(entry, ValueSaid):
        _take_in_value(attempt, entry, ledger)
    elif isinstance(entry, LogSaid):
        row = ledger.parent(attempt.row.test_id) if entry.top else attempt.row
        if row is not None:
            ledger.change(row, final_logf=entry.log)


def _take_in_start(attempt: Attempt, entry: Started, ledger: Ledger) -> None:
    attempt.started = entry
    values: dict[str, object] = {}
    if entry.uname:
        values["uname"] = entry.uname
        values["host"] = entry.host
        values["cpuload"] = entry.cpuload
    if not attempt.ending:
        # A kill request stays visible until the kill is done.
        values["state"] = State.RUNNING
    if values:
        ledger.change(attempt.row, **values)


def _take_in_step(attempt: Attempt, entry: StepSaid, ledger: Ledger, wall_time: WallTime) -> None:
    ledger.step(
        StepChange(
            row=attempt.row.id,
            stepname=entry.step,
            state=entry.state,
            status=entry.status,
            time=_time_of(attempt.started, entry.uptime_s, wall_time),
            comment=entry.comment,
            logfile=entry.log,
        )
    )


def _time_of(started: Started | None, uptime_s: float, wall_time: WallTime) -> int:
    """Return seconds since the epoch; a journal of another host brings that host's own clock.

    A test may have written any number: what is no time of day is the nearest that is one.
    """
    if started is not None and started.time:
        time_s = started.time + int(uptime_s - started.uptime_s)
    else:
        time_s = wall_time(uptime_s)
    return min(max(time_s, 0), _LATEST)


def _take_in_value(attempt: Attempt, entry: ValueSaid, ledger: Ledger) -> None:
    value = judged(entry, attempt.row.id)
    attempt.values[value.category, value.variable] = value.status
    attempt.measured_since = True
    ledger.step(value)


def _take_in_status(attempt: Attempt, entry: StatusSaid, ledger: Ledger) -> None:
    attempt.said = entry
    attempt.measured_since = False
    values: dict[str, object] = {}
    if entry.comment:
        values["comment"] = entry.comment
    # The end is the engine's to write, once the process has ended too.  Until then the row's state says
    # that there is a process, whatever word a test has for it: kill, removal and recovery go by that.
    if entry.state != State.COMPLETED and not attempt.ending:
        values["status"] = status_from_report(entry.status)
    if values:
        ledger.change(attempt.row, **values)


def wall_time_on_this_host(now: float) -> WallTime:
    """Return the conversion for journals of this host.

    Args:
        now: seconds since the epoch, at this moment.
    """
    booted = now - time.clock_gettime(time.CLOCK_BOOTTIME)
    return lambda uptime_s: int(booted + uptime_s)
