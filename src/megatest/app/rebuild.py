"""``megatest rebuild``: make the database again from what lies on disk.

Each run's own journal in the link tree says what was committed; a run directory whose run has
no journal any more still says in its marker and its journal which test it is and how it ended.
Rows get the numbers that they had.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from megatest.app import wiring
from megatest.app.attend import Desk, living_holder, settle_left
from megatest.app.meta import read_meta, record_meta
from megatest.app.runlogs import RunLogs, run_logs
from megatest.app.session import Session
from megatest.engine.measure import judged, tally
from megatest.engine.settle import verdict
from megatest.model.attempt import Ended, Entry, Started, StatusSaid, ValueSaid
from megatest.model.error import EnvironmentFault, MegatestError
from megatest.model.ids import Target, TestId
from megatest.model.job import ChangeKind, JobChange
from megatest.model.record import AttemptRecord, EditRecord, RunRecord, StepRecord, TestRecord, ValueRecord
from megatest.model.rollup import RollUp
from megatest.model.slotted import dataclass, replace
from megatest.model.spec import Area
from megatest.store.rebuild import import_rows
from megatest.workarea.findings import with_findings
from megatest.workarea.former import was_here
from megatest.workarea.journal import read_journal
from megatest.workarea.linktree import at_home, bring_home
from megatest.workarea.marker import Owner
from megatest.workarea.runlog import RunHistory, read_run_log
from megatest.workarea.survey import find_run_dirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuilt database holds.

    Attributes:
        runs, tests: how many.
        from_directories: tests that only their run directory knew.
        torn: lines of run journals that could not be read.
        renumbered: runs whose numbers were taken by another run.
        alive: tests that are still running.
        former: where the area was before it was moved or copied, as far as that was read.
        others: how many runs of other areas the link tree has, by their path.
        before: how many runs the old database had; None if it could not be read.
        kept: where the old database is; empty if there was none.
    """

    runs: int
    tests: int
    from_directories: int
    torn: int
    renumbered: Sequence[str]
    alive: int
    former: Sequence[str]
    others: Mapping[str, int]
    before: int | None
    kept: str


def rebuild(session: Session) -> Rebuilt:
    """Make the area's database again; the old file is kept beside it.

    Raises:
        EnvironmentFault: an engine is at work, nothing was found of the runs that the old one has, or
            the new file cannot be written; the old one is untouched then.
    """
    before = _runs_before(session)
    area = session.area
    logs = run_logs(area)
    histories, former = _read(logs, area)
    torn = sum(history.torn for history in histories)
    renumbered = _renumber(histories)
    from_directories = _add_from_directories(session, histories, former)
    if not histories and before != 0:
        raise _nothing_found(session, before)
    kept = import_rows(
        session.database,
        area.fields,
        runs=[h.run for h in histories if h.run is not None],
        tests=_tests(histories),
        steps=_steps(histories),
        values=_values(histories),
        attempts=_attempts(histories),
        edits=_edits(histories),
        clock=wiring.SystemClock(),
    )
    return Rebuilt(
        runs=len(histories),
        tests=sum(len(h.tests) for h in histories),
        from_directories=from_directories,
        torn=torn,
        renumbered=renumbered,
        alive=_settle(session),
        former=sorted(former),
        others=logs.others,
        before=before,
        kept=kept,
    )


def _runs_before(session: Session) -> int | None:
    """Return how many runs the present database has; None if it cannot be read.

    Raises:
        EnvironmentFault: a living process holds one of them, and would lose the database.
    """
    try:
        records = wiring.open_records_if_any(session)
        if records is None:
            return 0
        try:
            runs = records.runs(None)
            held = [(run, holder) for run in runs if (holder := living_holder(records, run)) is not None]
        finally:
            records.close()
    except MegatestError:
        return None  # so no engine can be at work with it either
    for run, holder in held:
        raise EnvironmentFault(
            f"run {run.name} is held by process {holder.pid} on {holder.host}",
            hint="rebuild when it has ended; end it with kill, and its tests go on for the next run",
        )
    return len(runs)


def _nothing_found(session: Session, before: int | None) -> EnvironmentFault:
    area = session.area
    had = "which cannot be read" if before is None else f"which has {before}"
    return EnvironmentFault(
        f"no runs were found on disk; {session.database}, {had}, stays as it is",
        hint=f"check that {area.linktree} is the link tree and {'/'.join(area.field_names)} the fields; "
        "to begin anew, move the file away",
    )


def _read(logs: RunLogs, area: Area) -> tuple[list[RunHistory], set[str]]:
    """Return what the area's journals say, as it is now, and where the area was before."""
    histories: list[RunHistory] = []
    former: set[str] = set()
    for path in logs.own:
        history = read_run_log(path)
        if history.run is None:
            continue
        histories.append(history)
        for place in history.areas - {area.home}:
            if was_here(place, area.home, area.linktree):
                bring_home(os.path.dirname(path), place, area.home)
                _bring_home(history, place, area.home)
                former.add(place)
    return histories, former


def _bring_home(history: RunHistory, former: str, home: str) -> None:
    """Let rows name the directories that came along when the area was moved or copied."""

    def now(path: str) -> str:
        there = at_home(path, former, home)
        return there if os.path.isdir(there) else path

    for row, test in history.tests.items():
        history.tests[row] = replace(test, rundir=now(test.rundir), shortdir=now(test.shortdir))


def _tests(histories: Iterable[RunHistory]) -> Iterator[TestRecord]:
    for history in histories:
        yield from sorted(history.tests.values(), key=lambda test: test.id)


def _steps(histories: Iterable[RunHistory]) -> Iterator[StepRecord]:
    for history in histories:
        for row in sorted(history.steps):
            yield from history.steps[row].values()


def _values(histories: Iterable[RunHistory]) -> Iterator[ValueRecord]:
    for history in histories:
        for row in sorted(history.values):
            yield from history.values[row].values()


def _attempts(histories: Iterable[RunHistory]) -> Iterator[AttemptRecord]:
    for history in histories:
        for row in sorted(history.attempts):
            yield from history.attempts[row].values()


def _edits(histories: Iterable[RunHistory]) -> Iterator[EditRecord]:
    for history in histories:
        for row in sorted(history.edits):
            yield from history.edits[row]


def _settle(session: Session) -> int:
    """Settle what ended since the journals were written; return how many tests still run."""
    store = wiring.open_records(session)
    try:
        record_meta(store, read_meta(session)[0])
        desk = Desk(session=session, records=store, clock=wiring.SystemClock())
        return sum(settle_left(desk, run) for run in store.runs(None))
    finally:
        store.close()


def _renumber(histories: Sequence[RunHistory]) -> list[str]:
    """Give fresh numbers to runs and rows that collide, as after a directory was copied."""
    runs: set[int] = set()
    rows: set[int] = set()
    changed = []
    for history in histories:
        run = history.run
        assert run is not None, "histories without a run were left out"
        if run.id not in runs and rows.isdisjoint(history.tests):
            runs.add(run.id)
            rows.update(history.tests)
            continue
        _shift(history, max(runs, default=0) + 1, max(rows, default=0) + 1)
        changed.append(run.name)
        assert history.run is not None
        runs.add(history.run.id)
        rows.update(history.tests)
    return changed


def _shift(history: RunHistory, run_id: int, first_row: int) -> None:
    assert history.run is not None
    history.run = replace(history.run, id=run_id)
    fresh = {old: first_row + number for number, old in enumerate(sorted(history.tests))}
    history.tests = {
        fresh[old]: replace(test, id=fresh[old], run_id=run_id) for old, test in history.tests.items()
    }
    history.steps = {
        fresh[old]: {key: replace(step, test_row=fresh[old]) for key, step in steps.items()}
        for old, steps in history.steps.items()
        if old in fresh
    }
    history.values = {
        fresh[old]: {key: replace(value, test_row=fresh[old]) for key, value in values.items()}
        for old, values in history.values.items()
        if old in fresh
    }
    history.attempts = {
        fresh[old]: {number: replace(kept, test_row=fresh[old]) for number, kept in attempts.items()}
        for old, attempts in history.attempts.items()
        if old in fresh
    }
    history.edits = {
        fresh[old]: [replace(edit, test_row=fresh[old]) for edit in edits]
        for old, edits in history.edits.items()
        if old in fresh
    }


# -- run directories that no journal of a run knows ------------------------------------------------


def _add_from_directories(session: Session, histories: list[RunHistory], former: set[str]) -> int:
    """Bring in tests that only their run directories know; return how many.

    Former places of the area that only directories name are added to those that are known.
    """
    area = session.area
    by_run = {(str(h.run.target), h.run.runname): h for h in histories if h.run is not None}
    known = {(name, test.test_id) for name, history in by_run.items() for test in history.tests.values()}
    found = 0
    touched: dict[tuple[str, str], RunHistory] = {}
    disks = [*(disk.path for disk in area.disks), os.path.join(area.home, "runs")]
    for run_dir, owner in find_run_dirs(disks, area.home, frozenset(former)):
        name = (owner.target, owner.runname)
        if (name, TestId(owner.test, owner.item)) in known:
            continue
        if name not in by_run:
            by_run[name] = _history_of(owner, histories, run_dir)
        _add_test(by_run[name], histories, run_dir, owner)
        touched[name] = by_run[name]
        found += 1
        if owner.area != area.home:
            former.add(owner.area)
    for history in touched.values():
        _add_parents(history, histories)
    return found


def _history_of(owner: Owner, histories: list[RunHistory], run_dir: str) -> RunHistory:
    numbers = {h.run.id for h in histories if h.run is not None}
    run = RunRecord(
        id=owner.run_id if owner.run_id not in numbers else max(numbers) + 1,
        target=Target(tuple(owner.target.split("/"))),
        runname=owner.runname,
        state="new",
        status="n/a",
        owner="",
        event_time=int(os.stat(run_dir).st_mtime),
        comment="made again from its run directories",
        fail_count=0,
        pass_count=0,
    )
    history = RunHistory(run=run)
    histories.append(history)
    return history


def _free_row(histories: Iterable[RunHistory], wanted: int) -> int:
    rows = {row for history in histories for row in history.tests}
    return wanted if wanted and wanted not in rows else max(rows, default=0) + 1


def _add_test(history: RunHistory, histories: Sequence[RunHistory], run_dir: str, owner: Owner) -> None:
    assert history.run is not None
    row = _free_row(histories, owner.row)
    entries = with_findings(run_dir, read_journal(run_dir, 0)).entries
    ended = next((e for e in entries if isinstance(e, Ended)), None)
    started = next((e for e in entries if isinstance(e, Started)), None)
    said = next((e for e in reversed(entries) if isinstance(e, StatusSaid)), None)
    kind = ChangeKind.ENDED if ended is not None else ChangeKind.LOST
    values = history.values[row] = _values_of(row, entries)
    outcome = verdict(
        ended=ended,
        change=JobChange(row=row, attempt=owner.attempt, kind=kind),
        said=said,
        ending="",
        values=tally(value.status for value in values.values()),
        measured_since=_measured_since(entries),
    )
    duration = ended.uptime_s - started.uptime_s if ended is not None and started is not None else 0.0
    history.tests[row] = TestRecord(
        id=row,
        run_id=history.run.id,
        test_id=TestId(owner.test, owner.item),
        state=outcome.state,
        status=outcome.status,
        attempt=owner.attempt,
        fail_count=outcome.fail_count or 0,
        pass_count=outcome.pass_count or 0,
        host=started.host if started is not None else "n/a",
        rundir=run_dir,
        shortdir=run_dir,
        run_duration_s=max(0.0, duration),
        comment=outcome.comment or (said.comment if said is not None else ""),
        event_time=int(os.stat(run_dir).st_mtime),
    )


def _measured_since(entries: Iterable[Entry]) -> bool:
    """Return whether a test measured something after its last word about itself."""
    latest = next((e for e in reversed(tuple(entries)) if isinstance(e, StatusSaid | ValueSaid)), None)
    return isinstance(latest, ValueSaid)


def _values_of(row: int, entries: Iterable[Entry]) -> dict[tuple[str, str], ValueRecord]:
    values = (judged(entry, row) for entry in entries if isinstance(entry, ValueSaid))
    return {(value.category, value.variable): value for value in values}


def _add_parents(history: RunHistory, histories: Sequence[RunHistory]) -> None:
    """Make the parents' rows of items that were found, and let them say what the items say."""
    assert history.run is not None
    roll_ups: dict[str, RollUp] = {}
    for test in history.tests.values():
        if test.test_id.item:
            roll_ups.setdefault(test.test_id.test, RollUp()).add(test.state, test.status)
    parents = {t.test_id.test: t for t in history.tests.values() if t.is_parent}
    for name, roll_up in roll_ups.items():
        top = roll_up.top()
        if top is None:
            continue
        row = parents[name].id if name in parents else _free_row(histories, 0)
        history.tests[row] = TestRecord(
            id=row,
            run_id=history.run.id,
            test_id=TestId(name),
            state=top[0],
            status=top[1],
            is_parent=True,
            event_time=history.run.event_time,
            pass_count=roll_up.pass_count,
            fail_count=roll_up.fail_count,
        )
