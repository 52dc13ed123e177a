"""Runs and tests as ``megatest list`` shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from megatest.model.record import Glance, RunRecord, StepRecord, TestRecord
from megatest.model.spec import TestMeta
from megatest.reports import verdict
from megatest.reports.table import columns

_ORDER = (
    "PASS", "WARN", "CHECK", "WAIVED", "SKIP", "FAIL", "ABORT", "PREQ_FAIL", "ZERO_ITEMS", "KILLED",
    "INCOMPLETE", "RUNNING", "LAUNCHED", "NOT_STARTED",
)  # fmt: skip


def counts(tests: Iterable[TestRecord | Glance]) -> dict[str, int]:
    """Return how many tests stand how; parents of items do not count."""
    shown = [test for test in tests if not test.is_parent]
    found = ordered(Counter(verdict.word(test.state, test.status) for test in shown))
    return with_flaky(found, sum(test.flaky for test in shown))


def with_flaky(counter: Mapping[str, int], flaky: int) -> dict[str, int]:
    """Return counts by verdict with how many of these passed only after a failure, if any did."""
    return {**counter, "flaky": flaky} if flaky else dict(counter)


def ordered(counter: Mapping[str, int]) -> dict[str, int]:
    """Return counts by verdict in the order in which people read them: good, bad, not yet."""
    rank = {word: position for position, word in enumerate(_ORDER)}
    return {word: counter[word] for word in sorted(counter, key=lambda w: (rank.get(w, 99), w))}


def counts_text(counter: Mapping[str, int]) -> str:
    """Return ``12 PASS  1 FAIL``."""
    return "  ".join(f"{number} {word}" for word, number in counter.items()) or "no tests"


def run_lines(runs: Sequence[tuple[RunRecord, Mapping[str, int]]]) -> list[str]:
    """Return a line for each run: name, when, who, how its tests stand."""
    rows = [("RUN", "STARTED", "OWNER", "TESTS", "COMMENT")]
    rows += [
        (run.name, moment(run.event_time), run.owner, counts_text(counter), _run_comment(run))
        for run, counter in runs
    ]
    return columns(rows)


def _run_comment(run: RunRecord) -> str:
    return " ".join(text for text in ("[locked]" if run.state == "locked" else "", run.comment) if text)


def test_lines(tests: Sequence[TestRecord | Glance]) -> list[str]:
    """Return a line for each test, items under their parent."""
    rows = [("TEST", "RESULT", "TIME", "TRY", "HOST", "COMMENT")]
    for test in tests:
        name = f"  {test.test_id.item}" if test.test_id.item else test.test_id.test
        rows.append(
            (
                name,
                verdict.word(test.state, test.status) + (" (flaky)" if test.flaky else ""),
                duration(test.run_duration_s) if test.attempt else "",
                str(test.attempt) if test.attempt else "",
                test.host if test.attempt else "",
                test.comment,
            )
        )
    return columns(rows, right=frozenset({2, 3}))


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``0.21s``, ``12.3s``, ``4m 5s``, ``3h 2m``, ``2d 3h``."""
    if seconds < 10:
        return f"{seconds:.2f}s"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h {minutes}m"
    return f"{hours // 24}d {hours % 24}h"


def moment(epoch_s: float) -> str:
    """Return a moment in local time, to the second."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(epoch_s, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def test_json(test: TestRecord) -> dict[str, object]:
    """Return one test as a JSON object; times are ISO 8601 in UTC, durations seconds."""
    return {
        "test": test.test_id.test,
        "item": test.test_id.item,
        "state": test.state,
        "status": test.status,
        "attempt": test.attempt,
        "parent": test.is_parent,
        "flaky": test.flaky,
        "retries": test.retries,
        "signature": test.signature,
        "failure": test.failure,
        "host": test.host,
        "uname": test.uname,
        "cpuload": test.cpuload,
        "diskfree_kib": test.diskfree_kib,
        "rundir": test.rundir,
        "real_rundir": test.shortdir,
        "final_log": test.final_logf,
        "duration_s": test.run_duration_s,
        "comment": test.comment,
        "changed": iso(test.event_time),
        "pass_count": test.pass_count,
        "fail_count": test.fail_count,
        "executor": test.executor,
    }


def meta_json(meta: TestMeta) -> dict[str, object]:
    """Return what the files say about a test for people as a JSON object."""
    return {
        "description": meta.description,
        "owner": meta.owner,
        "author": meta.author,
        "tags": list(meta.tags),
    }


def step_json(step: StepRecord) -> dict[str, object]:
    """Return one step's word as a JSON object."""
    return {
        "step": step.stepname,
        "state": step.state,
        "status": step.status,
        "time": iso(step.event_time),
        "comment": step.comment,
        "log": step.logfile,
    }


def run_json(run: RunRecord, tests: Mapping[str, int] | None = None) -> dict[str, object]:
    """Return one run as a JSON object, with its counts if given."""
    out: dict[str, object] = {
        "target": str(run.target),
        "run": run.runname,
        "state": run.state,
        "status": run.status,
        "owner": run.owner,
        "started": iso(run.event_time),
        "comment": run.comment,
        "pass_count": run.pass_count,
        "fail_count": run.fail_count,
    }
    if tests is not None:
        out["tests"] = dict(tests)
    return out


def iso(epoch_s: float) -> str:
    """Return a moment as ISO 8601 in UTC."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def dumps(value: object) -> str:
    """Return JSON for people and programs: indented, in our order, any text."""
    import json  # lists of lines are asked for far more often

    return json.dumps(value, indent=2, ensure_ascii=False)
