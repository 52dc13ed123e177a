"""The one place where rows become records and changes become columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from megatest.model.change import StepChange, TestChange
from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder
from megatest.model.record import (
    AttemptRecord,
    EditRecord,
    RequestRecord,
    RunRecord,
    StepRecord,
    TestRecord,
    ValueRecord,
)
from megatest.model.slotted import field_names
from megatest.model.spec import TestMeta
from megatest.model.status import State, Status

Row = Sequence[Any]
"""What SQLite hands over for one row: the order is that of the statement's columns."""

Bound = str | bytes | int | float | None
"""What may be bound to a statement."""

# Surrogates that do not stand for a byte.
_FOREIGN: Final = "[\ud800-\udc7f\udd00-\udfff]"


def bindable(value: Bound) -> Bound:
    """Return a value as it is bound: text that is not UTF-8 as its bytes.

    The bytes of a file's name come as text with lone surrogates, which SQLite's module refuses.
    """
    if not isinstance(value, str):
        return value
    text = str(value)  # a member of an enum costs SQLite's module a search for an adapter
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass" if re.search(_FOREIGN, text) else "surrogateescape")
    return text


def text_from_bytes(data: bytes) -> str:
    """Return a column's text, whatever its bytes are; the counterpart of `bindable`."""
    return data.decode("utf-8", "surrogateescape")


_RUN_TAIL: Final = (
    "runname",
    "state",
    "status",
    "owner",
    "event_time",
    "comment",
    "fail_count",
    "pass_count",
)

_ATTEMPT_OF: Final = attrgetter(*field_names(AttemptRecord))
_VALUES_OF: Final = attrgetter(*(name for name in field_names(ValueRecord) if name != "test_row"))


class _Unfrozen:
    """A TestRecord that can still be filled.

    A run is listed often, and the __init__ of a frozen record takes 2.5 times as long as this
    (100 against 37 ms for 10,000 records): it must go round its own guard for each field.
    """

    __slots__ = TestRecord.__slots__


def test_from_row(row: Row) -> TestRecord:
    """Return the record of a row with the columns of the fragment `test_columns`."""
    record: Any = _Unfrozen()
    record.test_id = TestId(row[0], row[1])
    record.is_parent = row[2] == 1
    record.flaky = row[3] == 1
    record.id = row[4]
    record.run_id = row[5]
    record.state = row[6]
    record.status = row[7]
    record.attempt = row[8]
    record.host = row[9]
    record.uname = row[10]
    record.cpuload = row[11]
    record.diskfree_kib = row[12]
    record.rundir = row[13]
    record.shortdir = row[14]
    record.final_logf = row[15]
    record.run_duration_s = row[16]
    record.comment = row[17]
    record.event_time = row[18]
    record.fail_count = row[19]
    record.pass_count = row[20]
    record.executor = row[21]
    record.handle = row[22]
    record.retries = row[23]
    record.signature = row[24]
    record.failure = row[25]
    record.__class__ = TestRecord
    return record  # type: ignore[no-any-return]


def row_from_test(record: TestRecord) -> list[Bound]:
    """Return the values of the fragment `test_columns`, in its order."""
    values: tuple[Bound, ...] = (
        *record.test_id,
        int(record.is_parent),
        int(record.flaky),
        record.id,
        record.run_id,
        record.state,
        record.status,
        record.attempt,
        record.host,
        record.uname,
        record.cpuload,
        record.diskfree_kib,
        record.rundir,
        record.shortdir,
        record.final_logf,
        record.run_duration_s,
        record.comment,
        record.event_time,
        record.fail_count,
        record.pass_count,
        record.executor,
        record.handle,
        record.retries,
        record.signature,
        record.failure,
    )
    return [bindable(value) for value in values]


_AS_NEW: Final = tuple(
    row_from_test(TestRecord(id=0, run_id=0, test_id=TestId(""), state=State.NOT_STARTED, status=Status.NA))
)


def test_as_registered(test_id: TestId, is_parent: bool, row: int, run_id: int, time: int) -> TestRecord:
    """Return the record of a row that the statement `register_test` has just inserted."""
    return test_from_row((*test_id, is_parent, 0, row, run_id, *_AS_NEW[6:18], time, *_AS_NEW[19:]))


def run_from_row(row: Row) -> RunRecord:
    """Return the record of a row with the columns of the fragment `run_columns`."""
    values = dict(zip(_RUN_TAIL, row[-len(_RUN_TAIL) :], strict=True))
    return RunRecord(id=row[0], target=Target(tuple(row[1 : -len(_RUN_TAIL)])), **values)


def row_from_run(record: RunRecord) -> list[Bound]:
    """Return the values of the fragment `run_columns`, in its order."""
    tail = (getattr(record, name) for name in _RUN_TAIL)
    return [bindable(value) for value in (record.id, *record.target.values, *tail)]


def step_from_row(row: Row) -> StepRecord:
    """Return the record of a row of the statement `steps`."""
    return StepRecord(
        test_row=row[0],
        stepname=row[1],
        state=row[2],
        status=row[3],
        event_time=row[4],
        comment=row[5],
        logfile=row[6],
    )


def step_from_change(change: StepChange) -> StepRecord:
    """Return what a change makes of a step."""
    return StepRecord(
        test_row=change.row,
        stepname=change.stepname,
        state=change.state,
        status=change.status,
        event_time=change.time,
        comment=change.comment,
        logfile=change.logfile,
    )


def meta_from_row(row: Row) -> TestMeta:
    """Return the record of a row of the statement `meta`."""
    return TestMeta(
        author=row[1],
        owner=row[2],
        description=row[3],
        reviewed=row[4],
        tags=tuple(row[5].split(",")) if row[5] else (),
        jobgroup=row[6],
    )


def value_from_row(row: Row) -> ValueRecord:
    """Return the record of a row of the statement `values`."""
    return ValueRecord(
        test_row=row[0],
        category=row[1],
        variable=row[2],
        value=row[3],
        expected=row[4],
        tol=row[5],
        units=row[6],
        comment=row[7],
        status=row[8],
        type=row[9],
    )


def attempt_from_row(row: Row) -> AttemptRecord:
    """Return the record of a row of the statement `attempts`."""
    return AttemptRecord(
        test_row=row[0],
        attempt=row[1],
        state=row[2],
        status=row[3],
        comment=row[4],
        host=row[5],
        event_time=row[6],
        run_duration_s=row[7],
        signature=row[8],
        failure=row[9],
    )


def row_from_attempt(record: AttemptRecord) -> list[Bound]:
    """Return the values of the statement `import_attempt`, in its order."""
    return [bindable(value) for value in _ATTEMPT_OF(record)]


def row_from_value(record: ValueRecord) -> list[Bound]:
    """Return the values of the statement `put_value` up to the type, in its order."""
    return [bindable(value) for value in _VALUES_OF(record)]


def request_from_row(row: Row) -> RequestRecord:
    """Return the record of a row of the statement `requests`."""
    return RequestRecord(id=row[0], run_id=row[1], kind=row[2], payload=row[3], time=row[4])


def edit_from_row(row: Row) -> EditRecord:
    """Return the record of a row of the statement `edits`."""
    return EditRecord(
        test_row=row[0],
        time=row[1],
        user=row[2],
        reason=row[3],
        old_state=row[4],
        old_status=row[5],
        new_state=row[6],
        new_status=row[7],
        comment=row[8],
    )


def holder_from_row(row: Row) -> Holder:
    """Return the record of a row of the statement `holder`."""
    return Holder(
        host=row[0],
        pid=row[1],
        pid_started=row[2],
        boot_id=row[3],
        user=row[4],
        time=row[5],
        token=row[6],
    )


# -- what is written ---------------------------------------------------------------------------------

_COLUMN: Final = {"time": "event_time", "diskfree_kib": "diskfree", "run_duration_s": "run_duration"}


_WORDS: Final = ("state", "status")
"""Members of enums, mostly; each costs SQLite's module a search for an adapter."""


@lru_cache(maxsize=256)
def _columns(names: tuple[str, ...]) -> tuple[str, ...]:
    columns = tuple(_COLUMN.get(name, name) for name in names)
    return (*columns, "attemptnum") if "attempt" in names else columns  # the name that scripts know


def columns_from_change(change: TestChange) -> tuple[tuple[str, ...], list[Bound]]:
    """Return the columns that a change sets, and their values; see `bindable` for text that is not UTF-8."""
    given = change.values
    for name in _WORDS:
        word = given.get(name)
        if word is not None and word.__class__ is not str:
            given = {**given, name: str(word)}
    values: list[Any] = [*given.values()]
    if "attempt" in given:
        values.append(given["attempt"])
    return _columns(tuple(given)), values
