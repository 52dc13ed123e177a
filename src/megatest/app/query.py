"""What users ask about runs and tests: find them, list them, look at one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from megatest.model.error import UserError
from megatest.model.ids import TestId
from megatest.model.record import EditRecord, Glance, RunRecord, StepRecord, TestRecord, ValueRecord
from megatest.model.slotted import dataclass, replace
from megatest.reports import verdict

if TYPE_CHECKING:
    from megatest.app.session import Session
    from megatest.app.wiring import Records
    from megatest.model.pattern import Pattern

_MANY = frozenset("%*?[,~")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are meant.

    Attributes:
        target: a pattern per field, joined by ``/``; empty for all.
        runname: a pattern; empty for all.
    """

    target: str = ""
    runname: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFilter:
    """Which tests of them are meant; empty means all."""

    pattern: str = ""
    states: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestView:
    """Everything recorded about one test of one run."""

    run: RunRecord
    test: TestRecord
    steps: Sequence[StepRecord]
    values: Sequence[ValueRecord]
    edits: Sequence[EditRecord]
    items: Sequence[TestRecord]


def find_runs(records: Records, fields: Sequence[str], which: RunFilter) -> list[RunRecord]:
    """Return the runs that a filter means, by start time.

    Raises:
        UserError: a pattern cannot be read, or has another number of parts than the target.
    """
    wanted = _run_predicate(fields, which)
    return sorted(records.runs(wanted), key=lambda run: (run.event_time, run.id))


def with_counts(records: Records, runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Return runs that tell how many of their tests passed and failed.

    The columns of the runs themselves say nothing of it: what their tests say now is the only truth.
    """
    from megatest.model.rollup import failed, passed  # a list of tests does without

    counts = records.counts([run.id for run in runs])
    of_run = ((run, counts.get(run.id, {})) for run in runs)
    return [replace(run, pass_count=passed(pairs), fail_count=failed(pairs)) for run, pairs in of_run]


def _run_predicate(fields: Sequence[str], which: RunFilter) -> Callable[[RunRecord], bool]:
    if not which.runname and not which.target:
        return lambda run: True
    from megatest.model.pattern import parse_words

    name = parse_words(which.runname) if which.runname else None
    parts = which.target.split("/") if which.target else []
    if parts and len(parts) != len(fields):
        raise UserError(
            f"target {which.target!r} has {len(parts)} parts, this area has {len(fields)} fields",
            hint=f"give a value or pattern for each: {'/'.join(fields)}",
        )
    patterns = [parse_words(part) for part in parts]

    def wanted(run: RunRecord) -> bool:
        if name is not None and not name.matches(run.runname):
            return False
        return all(p.matches(v) for p, v in zip(patterns, run.target.values, strict=False))

    return wanted


def one_run(records: Records, session: Session, target: str, runname: str) -> RunRecord:
    """Return the run that a command without patterns means: the named one, else the newest.

    Raises:
        UserError: there is none, with the runs that exist.
    """
    fields = session.area.field_names
    runs = find_runs(records, fields, RunFilter(target=target, runname=runname))
    if runs:
        return runs[-1]
    every = records.runs(None)
    if not every:
        raise UserError("nothing has run in this area yet", hint="start with: megatest run")
    asked = "/".join(part for part in (target, runname) if part)
    known = ", ".join(run.name for run in every[-5:])
    raise UserError(f"there is no run {asked!r}", hint=f"the latest are: {known}")


def find_tests(records: Records, run: RunRecord, which: TestFilter) -> list[TestRecord]:
    """Return the tests of a run that a filter means, by name, parents before their items.

    Raises:
        UserError: the pattern cannot be read.
    """
    predicate = pattern_predicate(which)
    return list(records.tests(run.id, predicate, states=which.states, statuses=which.statuses))


def find_glances(records: Records, run: RunRecord, which: TestFilter) -> list[Glance]:
    """Return what a list shows of the tests that a filter means, in the order of `find_tests`.

    Raises:
        UserError: the pattern cannot be read.
    """
    predicate = pattern_predicate(which)
    found: Iterable[Glance] = records.glances(run.id)
    if which.states:
        found = (test for test in found if test.state in which.states)
    if which.statuses:
        found = (test for test in found if test.status in which.statuses)
    return [test for test in found if predicate is None or predicate(test)]


def no_match(run: RunRecord, pattern: str) -> UserError:
    """Return the error that no test of a run matches a pattern."""
    return UserError(
        f"no test of run {run.name} matches {pattern!r}", hint=f"see which there are: {_list_of(run)}"
    )


def _list_of(run: RunRecord) -> str:
    """Return the command that lists a run's tests."""
    import shlex  # only messages show commands

    return f"megatest list -n {shlex.quote(run.runname)}"


def pattern_predicate(which: TestFilter) -> Callable[[TestRecord | Glance], bool] | None:
    """Return what tells whether a test matches a filter's pattern; None if all do.

    Raises:
        UserError: the pattern cannot be read.
    """
    if not which.pattern:
        return None
    from megatest.model.pattern import parse_pattern

    return _matches(parse_pattern(which.pattern))


def _matches(pattern: Pattern) -> Callable[[TestRecord | Glance], bool]:
    return lambda test: pattern.matches(test.test_id.test, test.test_id.item)


def counts_by_run(records: Records, runs: Collection[RunRecord]) -> Mapping[int, Mapping[str, int]]:
    """Return for each run how many of its tests stand how, by verdict."""
    raw = records.counts([run.id for run in runs])
    flaky = records.flaky_counts()
    out: dict[int, Mapping[str, int]] = {}
    for run in runs:
        counter: Counter[str] = Counter()
        for (state, status), number in raw.get(run.id, {}).items():
            counter[verdict.word(state, status)] += number
        if flaky.get(run.id):
            counter["flaky"] = flaky[run.id]
        out[run.id] = counter
    return out


def one_test(records: Records, run: RunRecord, name: str) -> TestRecord:
    """Return the test ``TEST`` or ``TEST/ITEM`` of a run.

    Raises:
        UserError: it is not there, with the nearest that is.
    """
    test, _, item = name.partition("/")
    record = records.test(run.id, TestId(test, item))
    if record is not None:
        return record
    import difflib

    names = [str(t.test_id) for t in records.tests(run.id)]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"see: {_list_of(run)}"
    raise UserError(f"run {run.name} has no test {name!r}", hint=hint)


def view(records: Records, run: RunRecord, test: TestRecord) -> TestView:
    """Return everything recorded about a test."""
    items: Sequence[TestRecord] = ()
    if test.is_parent:
        items = [row for row in records.rows_of(run.id, test.test_id.test) if row.test_id.item]
    return TestView(
        run=run,
        test=test,
        steps=records.steps(test.id),
        values=records.values(test.id),
        edits=records.edits(test.id),
        items=items,
    )


def is_many(name: str) -> bool:
    """Return whether a word is a pattern rather than the name of one test."""
    return not _MANY.isdisjoint(name)


def default_runname(now: float) -> str:
    """Return the name of a run that the user did not name: today's date, in local time."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(now, UTC).astimezone().strftime("%Y-%m-%d")
