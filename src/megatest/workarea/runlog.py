"""The run's own journal: what makes the database an index that can be made again.

``LINKTREE/T1/T2/RUNNAME/.run.journal`` has one JSON object a line, appended before the same
thing is committed to the database:

* ``run``: who and what the run is, written by whoever takes it; the latest one counts;
* ``rows``: rows of the database and the tests that they stand for, ``[id, test, item, parent]``;
* ``changes``: one commit of the engine that held the lease `token`;
* ``gone``: rows that were removed;
* ``edits``: changes by hand: who made them, when and why;
* ``stand``: rows as the database has them, whatever was said of them before: after changes by hand,
  and when a command takes a run whose last commits may not have been made (see `runtail`).

A commit of an engine that had lost its lease may stand in it: lines under an older token than
an earlier line's are passed over.  A line cut short by a crash is ignored and counted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from megatest.failpoint import reach
from megatest.model.change import AttemptKept, Change, StepChange, TestChange
from megatest.model.error import EnvironmentFault
from megatest.model.ids import Target, TestId
from megatest.model.record import (
    AttemptRecord,
    EditRecord,
    RunRecord,
    StepRecord,
    TestRecord,
    ValueRecord,
    attempt_of,
)
from megatest.model.slotted import dataclass, field, field_names, replace
from megatest.model.status import ACTIVE, State

RUN_LOG: Final = ".run.journal"
VERSION: Final = 1

_TEST: Final = tuple(name for name in field_names(TestRecord) if name != "test_id")
_STEP: Final = field_names(StepRecord)
_VALUE: Final = field_names(ValueRecord)
_EDIT: Final = field_names(EditRecord)

_TEXT: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_RUN_LINE: Final = b'{"k":"run",'


def run_log_path(linktree: str, target: Target, runname: str) -> str:
    """Return where the journal of a run is."""
    return os.path.join(linktree, *target.values, runname, RUN_LOG)


class RunLog:
    """Appends to one run's journal; each call is one write.

    Every method raises EnvironmentFault where the line cannot be written; a part that was written
    is then a torn line.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def run(self, run: RunRecord, field_names: Sequence[str], area: str, token: int) -> None:
        """Record who and what the run is; from here on only this token or a later one counts."""
        self._append(
            {
                "k": "run",
                "v": VERSION,
                "token": token,
                "area": area,
                "fields": list(field_names),
                "target": list(run.target.values),
                "id": run.id,
                "runname": run.runname,
                "state": run.state,
                "status": run.status,
                "owner": run.owner,
                "time": run.event_time,
                "comment": run.comment,
                "fail_count": run.fail_count,
                "pass_count": run.pass_count,
            }
        )

    def rows(self, records: Iterable[TestRecord]) -> None:
        """Record which rows stand for which tests."""
        rows = [[r.id, r.test_id.test, r.test_id.item, r.is_parent, r.event_time] for r in records]
        if rows:
            self._append({"k": "rows", "rows": rows})

    def changes(self, changes: Sequence[Change], token: int) -> None:
        """Record one commit."""
        self._append({"k": "changes", "token": token, "changes": [_packed(change) for change in changes]})

    def edits(self, edits: Iterable[EditRecord]) -> None:
        """Record changes by hand; what they changed is for `stand` to say."""
        packed = [[getattr(edit, name) for name in _EDIT] for edit in edits]
        if packed:
            self._append({"k": "edits", "edits": packed})

    def gone(self, rows: Iterable[int]) -> None:
        """Record that rows were removed."""
        self._append({"k": "gone", "rows": list(rows)})

    def stand(
        self, tests: Iterable[TestRecord], steps: Iterable[StepRecord], gone: Iterable[int] = ()
    ) -> None:
        """Record how rows stand in the database now.

        Args:
            tests: the rows.
            steps: all steps of these rows.
            gone: rows that the database does not have.
        """
        packed = [[[*t.test_id], *(getattr(t, name) for name in _TEST)] for t in tests]
        missing = list(gone)
        if packed or missing:
            self._append(
                {
                    "k": "stand",
                    "columns": _TEST,
                    "tests": packed,
                    "steps": [[getattr(step, name) for name in _STEP] for step in steps],
                    "gone": missing,
                }
            )

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, record: Mapping[str, Any]) -> None:
        line = _TEXT(record).encode() + b"\n"
        try:
            if self._fd < 0:
                os.makedirs(os.path.dirname(self.path), exist_ok=True)
                self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
                reach("run log opened")
                line = self._fresh_line() + line
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError as error:
            self.close()  # what was written of the line is ended when the file is opened again
            raise EnvironmentFault(
                f"cannot write {self.path}: {error.strerror}",
                hint="make room or mend the permissions; nothing is lost meanwhile",
            ) from error

    def _fresh_line(self) -> bytes:
        """Return the newline that ends a line which a crash cut short; empty if there is none."""
        size = os.fstat(self._fd).st_size
        if not size:
            return b""
        with open(self.path, "rb") as file:
            file.seek(size - 1)
            return b"" if file.read(1) == b"\n" else b"\n"


def _packed(change: Change) -> list[Any]:
    if isinstance(change, TestChange):
        return ["test", change.row, change.values]
    if isinstance(change, StepChange):
        return [
            "step", change.row, change.stepname, change.state, change.status, change.time, change.comment,
            change.logfile,
        ]  # fmt: skip
    if isinstance(change, ValueRecord):
        return ["value", *(getattr(change, name) for name in _VALUE)]
    if isinstance(change, AttemptKept):
        return ["kept", change.row]
    return ["cleared", change.row]


@dataclass(slots=True, kw_only=True)
class RunHistory:
    """A run as its journal tells it.

    Attributes:
        run: the run's record; None if the journal does not say.
        areas: absolute paths of the areas that took it: one, or several places of one.
        field_names: the area's fields then.
        tests: by row.
        steps: by row, then by step and state, in the order in which they were first heard of.
        values: by row, then by category and variable, likewise.
        attempts: by row, then by number: how earlier attempts came out.
        edits: by row: changes by hand, in order.
        torn: lines that could not be read.
    """

    run: RunRecord | None = None
    areas: set[str] = field(default_factory=set)
    field_names: tuple[str, ...] = ()
    tests: dict[int, TestRecord] = field(default_factory=dict)
    steps: dict[int, dict[tuple[str, str], StepRecord]] = field(default_factory=dict)
    values: dict[int, dict[tuple[str, str], ValueRecord]] = field(default_factory=dict)
    attempts: dict[int, dict[int, AttemptRecord]] = field(default_factory=dict)
    edits: dict[int, list[EditRecord]] = field(default_factory=dict)
    torn: int = 0
    _token: int = 0

    def forget(self, row: int) -> None:
        """Drop all that was said of a row."""
        for by_row in (self.tests, self.steps, self.values, self.attempts, self.edits):
            by_row.pop(row, None)


def read_run_log(path: str) -> RunHistory:
    """Return what a run's journal says; an empty history where there is none.

    Cost: linear in the journal's length, streaming.
    """
    history = RunHistory()
    try:
        with open(path, "rb") as file:
            for line in file:
                _replay_line(line, history)
    except OSError:
        return history
    return history


def _replay_line(line: bytes, history: RunHistory) -> None:
    try:
        record = json.loads(line)
        _REPLAY[record["k"]](record, history)
    except (ValueError, KeyError, TypeError, IndexError):
        history.torn += 1


def _replay_run(record: Mapping[str, Any], history: RunHistory) -> None:
    history._token = max(history._token, record.get("token", 0))
    history.areas.add(record["area"])
    history.field_names = tuple(record["fields"])
    history.run = RunRecord(
        id=record["id"],
        target=Target(tuple(record["target"])),
        runname=record["runname"],
        state=record["state"],
        status=record["status"],
        owner=record["owner"],
        event_time=record["time"],
        comment=record["comment"],
        fail_count=record["fail_count"],
        pass_count=record["pass_count"],
    )


def _replay_rows(record: Mapping[str, Any], history: RunHistory) -> None:
    run_id = history.run.id if history.run is not None else 0
    for row, test, item, parent, time in record["rows"]:
        known = history.tests.get(row)
        if known is None:
            history.tests[row] = TestRecord(
                id=row,
                run_id=run_id,
                test_id=TestId(test, item),
                state="NOT_STARTED",
                status="n/a",
                is_parent=parent,
                event_time=time,
            )
        elif known.is_parent != parent:
            history.tests[row] = replace(known, is_parent=parent)


def _replay_changes(record: Mapping[str, Any], history: RunHistory) -> None:
    token = record["token"]
    if token < history._token:
        return
    history._token = token
    for kind, row, *rest in record["changes"]:
        if row not in history.tests:
            continue
        if kind == "test":
            history.tests[row] = _changed(history.tests[row], rest[0])
        elif kind == "step":
            name, state, status, time, comment, log = rest
            history.steps.setdefault(row, {})[name, state] = StepRecord(
                test_row=row,
                stepname=name,
                state=state,
                status=status,
                event_time=time,
                comment=comment,
                logfile=log,
            )
        elif kind == "value":
            value = ValueRecord(**dict(zip(_VALUE, (row, *rest), strict=True)))
            history.values.setdefault(row, {})[value.category, value.variable] = value
        elif kind == "cleared":
            history.steps.pop(row, None)
            history.values.pop(row, None)
        elif kind == "kept":
            _keep_attempt(history, row)


def _keep_attempt(history: RunHistory, row: int) -> None:
    test = history.tests[row]
    if test.attempt and test.state != State.NOT_STARTED and test.state not in ACTIVE:
        history.attempts.setdefault(row, {})[test.attempt] = attempt_of(test)


def _changed(test: TestRecord, values: Mapping[str, Any]) -> TestRecord:
    columns = dict(values)
    if "time" in columns:
        columns["event_time"] = columns.pop("time")
    return replace(test, **columns)


def _replay_edits(record: Mapping[str, Any], history: RunHistory) -> None:
    for values in record["edits"]:
        edit = EditRecord(**dict(zip(_EDIT, values, strict=True)))
        if edit.test_row in history.tests:
            history.edits.setdefault(edit.test_row, []).append(edit)


def _replay_gone(record: Mapping[str, Any], history: RunHistory) -> None:
    for row in record["rows"]:
        history.forget(row)


def _replay_stand(record: Mapping[str, Any], history: RunHistory) -> None:
    for (test, item), *values in record["tests"]:
        known = dict(zip(record["columns"], values, strict=True))
        columns = {name: known[name] for name in _TEST if name in known}
        row = columns["id"]
        history.tests[row] = TestRecord(test_id=TestId(test, item), **columns)
        history.steps.pop(row, None)
    for values in record["steps"]:
        step = StepRecord(**dict(zip(_STEP, values, strict=True)))
        history.steps.setdefault(step.test_row, {})[step.stepname, step.state] = step
    for row in record["gone"]:
        history.forget(row)


_REPLAY: Final = {
    "run": _replay_run,
    "rows": _replay_rows,
    "changes": _replay_changes,
    "edits": _replay_edits,
    "gone": _replay_gone,
    "stand": _replay_stand,
}


def area_of_run_log(path: str) -> str:
    """Return the absolute path of the area that was the last to take a run; empty if its journal has none.

    Cost: reads the file once, and understands one line of it.
    """
    latest = b""
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.startswith(_RUN_LINE):
                    latest = line
        area = json.loads(latest)["area"]
    except (OSError, ValueError, KeyError):
        return ""
    return area if isinstance(area, str) else ""


def find_run_logs(linktree: str, depth: int) -> Iterator[str]:
    """Yield the journals of all runs in a link tree.

    Args:
        linktree: its top.
        depth: number of fields: the levels between the top and a run's directory, less one.
    """
    level = [linktree]
    for _ in range(depth + 1):
        below = []
        for directory in level:
            try:
                with os.scandir(directory) as entries:
                    below += [e.path for e in entries if e.is_dir(follow_symlinks=False)]
            except OSError:
                continue
        level = sorted(below)
    for directory in level:
        path = os.path.join(directory, RUN_LOG)
        if os.path.isfile(path):
            yield path
