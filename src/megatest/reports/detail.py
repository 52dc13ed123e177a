"""One test as ``megatest show`` shows it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from megatest.model.record import AttemptRecord, EditRecord, RunRecord, StepRecord, TestRecord, ValueRecord
from megatest.model.slotted import dataclass
from megatest.model.spec import TestMeta
from megatest.model.status import ENDED
from megatest.reports import listing, verdict
from megatest.reports.table import columns, printable
from megatest.reports.values import value_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What is shown of a test.

    Attributes:
        run, test: the records.
        steps, values, edits: what belongs to the test.
        items: the items of a parent.
        log_path: the log a reader should open; empty without.
        log_tail: its last lines.
        script: the job script to run it by hand; empty without.
        earlier: run directories of earlier attempts, as far as they were kept.
        attempts: how earlier attempts came out.
        note: a sentence about how fresh this is; empty without.
        meta: what the test's file says of it.
    """

    run: RunRecord
    test: TestRecord
    steps: Sequence[StepRecord] = ()
    values: Sequence[ValueRecord] = ()
    edits: Sequence[EditRecord] = ()
    items: Sequence[TestRecord] = ()
    log_path: str = ""
    log_tail: Sequence[str] = ()
    script: str = ""
    earlier: Sequence[str] = ()
    attempts: Sequence[AttemptRecord] = ()
    note: str = ""
    meta: TestMeta = TestMeta()


def detail_lines(detail: Detail) -> list[str]:
    """Return the page of a test as lines."""
    test = detail.test
    lines = [f"{test.test_id}  {verdict.word(test.state, test.status)}{' (flaky)' if test.flaky else ''}"]
    if test.comment:
        lines.append(f"  {printable(test.comment)}")
    lines += [f"  {line}" for line in columns(_facts(detail))]
    if test.failure:
        lines += ["", f"Failure {test.signature}", *(f"  {printable(t)}" for t in test.failure.splitlines())]
    lines += _section("Earlier attempts", [_ATTEMPT_HEADS, *attempt_rows(detail)])
    lines += _section("Steps", [("STEP", "RESULT", "TIME", "LOG", "COMMENT"), *step_rows(detail.steps)])
    lines += _section("Values", [_VALUE_HEADS, *(_value_row(v) for v in detail.values)])
    lines += _section("Changed by hand", [("WHEN", "WHO", "CHANGE", "WHY"), *map(_edit_row, detail.edits)])
    if detail.items:
        lines += ["", "Items", *(f"  {line}" for line in listing.test_lines(detail.items))]
    if detail.log_tail:
        lines += ["", f"Last lines of {detail.log_path}", *(f"  {printable(t)}" for t in detail.log_tail)]
    if detail.script and not test.is_parent:
        lines += ["", "By hand", f"  sh {shlex.quote(detail.script)} --again"]
    if detail.note:
        lines += ["", detail.note]
    return lines


def _facts(detail: Detail) -> list[tuple[str, str]]:
    test, run = detail.test, detail.run
    facts = [*_about(detail.meta), ("run", run.name), ("state", f"{test.state} / {test.status}")]
    if test.is_parent:
        facts.append(("items", f"{test.pass_count} passed, {test.fail_count} failed"))
        return facts
    if not test.attempt:
        return facts
    facts += [
        ("attempt", str(test.attempt)),
        ("changed", listing.moment(test.event_time)),
        ("took", listing.duration(test.run_duration_s)),
        ("host", f"{test.host} ({test.uname})" if test.uname != "n/a" else test.host),
        ("load, disk", f"{test.cpuload:.2f}, {_size(test.diskfree_kib)} free"),
    ]
    if test.shortdir:
        facts += [("directory", test.rundir), ("really", test.shortdir)]
    elif test.state in ENDED:
        facts.append(("directory", "removed; the result stays"))
    if test.executor:
        facts.append(("executor", test.executor))
    return facts


def _about(meta: TestMeta) -> list[tuple[str, str]]:
    said = (
        ("about", meta.description),
        ("owner", meta.owner),
        ("author", meta.author if meta.author != meta.owner else ""),
        ("tags", ", ".join(meta.tags)),
    )
    return [(name, text) for name, text in said if text]


def step_rows(steps: Sequence[StepRecord]) -> list[tuple[str, str, str, str, str]]:
    """Return a row for each step: its end if it has one, else what was heard last."""
    starts = {s.stepname: s for s in steps if s.state == "start"}
    ends = {s.stepname: s for s in steps if s.state == "end"}
    rows = []
    for name in dict.fromkeys(s.stepname for s in steps):
        start, end = starts.get(name), ends.get(name)
        last = end or [s for s in steps if s.stepname == name][-1]
        took = listing.duration(end.event_time - start.event_time) if start and end else ""
        result = last.status if end else f"{last.state} {last.status}".strip()
        rows.append((name, result, took, last.logfile, last.comment))
    return rows


_ATTEMPT_HEADS = ("TRY", "RESULT", "ENDED", "TIME", "FAILURE", "DIRECTORY", "COMMENT")


def attempt_rows(detail: Detail) -> list[tuple[str, ...]]:
    """Return a row for each earlier attempt that is recorded or whose directory was kept, oldest first."""
    directories = {path.rpartition(".")[2]: path for path in detail.earlier}
    rows: dict[str, tuple[str, ...]] = {
        number: (number, "", "", "", "", path, "") for number, path in directories.items()
    }
    for attempt in detail.attempts:
        number = str(attempt.attempt)
        rows[number] = (
            number,
            verdict.word(attempt.state, attempt.status),
            listing.moment(attempt.event_time),
            listing.duration(attempt.run_duration_s),
            attempt.signature,
            directories.get(number, ""),
            attempt.comment,
        )
    return [rows[number] for number in sorted(rows, key=lambda number: (len(number), number))]


def attempt_json(attempt: AttemptRecord) -> dict[str, object]:
    """Return an earlier attempt as a JSON object."""
    return {
        "attempt": attempt.attempt,
        "state": attempt.state,
        "status": attempt.status,
        "comment": attempt.comment,
        "host": attempt.host,
        "ended": listing.iso(attempt.event_time),
        "duration_s": attempt.run_duration_s,
        "signature": attempt.signature,
        "failure": attempt.failure,
    }


_VALUE_HEADS = ("CATEGORY", "VARIABLE", "VALUE", "EXPECTED", "TOLERANCE", "UNITS", "STATUS", "COMMENT")


def _value_row(value: ValueRecord) -> tuple[str, ...]:
    return (
        value.category, value.variable, value.value, value.expected, value.tol, value.units, value.status,
        value.comment,
    )  # fmt: skip


def _edit_row(edit: EditRecord) -> tuple[str, str, str, str]:
    change = f"{edit.old_state}/{edit.old_status} -> {edit.new_state}/{edit.new_status}"
    return (listing.moment(edit.time), edit.user, change, edit.reason)


def _section(title: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a titled table; nothing if it has only its heading."""
    return ["", title, *(f"  {line}" for line in columns(rows))] if len(rows) > 1 else []


def _size(kib: int) -> str:
    if kib < 0:
        return "unknown"
    size: float = kib
    for unit in ("KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"


def detail_json(detail: Detail) -> dict[str, object]:
    """Return a test's page as a JSON object."""
    return {
        "run": listing.run_json(detail.run),
        **listing.test_json(detail.test),
        **listing.meta_json(detail.meta),
        "steps": [listing.step_json(s) for s in detail.steps],
        "values": [value_json(v) for v in detail.values],
        "edits": [
            {
                "time": listing.iso(e.time),
                "user": e.user,
                "reason": e.reason,
                "from": [e.old_state, e.old_status],
                "to": [e.new_state, e.new_status],
            }
            for e in detail.edits
        ],
        "items": [listing.test_json(t) for t in detail.items],
        "log": detail.log_path,
        "script": detail.script,
        "attempts": [attempt_json(a) for a in detail.attempts],
        "earlier_attempts": list(detail.earlier),
    }
