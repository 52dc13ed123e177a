"""A fake store: dictionaries with the store's behaviour, trusted because its contract suite runs on it.

Several `FakeStore`s on the same `FakeRecords` are several connections to one database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from megatest.model.change import AttemptKept, Change, StepChange, StepsCleared, TestChange
from megatest.model.claim import Claim, Holding, Share, Want, grant
from megatest.model.error import EnvironmentFault
from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder, Lease, LeaseLost
from megatest.model.record import (
    AttemptRecord,
    EditRecord,
    Glance,
    RequestRecord,
    RunRecord,
    StepRecord,
    TestRecord,
    ValueRecord,
    attempt_of,
)
from megatest.model.spec import TestMeta
from megatest.model.status import ACTIVE, State, Status, legal_change
from megatest.store.fault import IllegalChange, run_removed


def _sort_key(text: str) -> tuple[bool, bytes]:
    """Return what SQLite compares: text that is not UTF-8 is bytes to it, and bytes come last."""
    data = text.encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "replace") != text, data


@dataclass(slots=True)
class FakeRecords:
    """What all connections share.

    `broken`, if set, is raised by every write in place of writing.
    """

    runs: dict[int, RunRecord] = field(default_factory=dict)
    tests: dict[int, TestRecord] = field(default_factory=dict)
    changed_at: dict[int, int] = field(default_factory=dict)
    steps: dict[tuple[int, str, str], StepRecord] = field(default_factory=dict)
    values: dict[tuple[int, str, str], ValueRecord] = field(default_factory=dict)
    meta: dict[str, TestMeta] = field(default_factory=dict)
    edits: list[EditRecord] = field(default_factory=list)
    attempts: dict[tuple[int, int], AttemptRecord] = field(default_factory=dict)
    requests: list[RequestRecord] = field(default_factory=list)
    tokens: dict[int, int] = field(default_factory=dict)
    holders: dict[int, Holder] = field(default_factory=dict)
    claims: dict[tuple[int, str, str], tuple[Holding, int]] = field(default_factory=dict)
    wants: dict[tuple[int, str, str], tuple[Want, int]] = field(default_factory=dict)
    next_id: dict[str, int] = field(default_factory=dict)
    seq: int = 0
    broken: EnvironmentFault | None = None

    def new_id(self, table: str) -> int:
        """Return an id that was never used in this table."""
        self.next_id[table] = self.next_id.get(table, 0) + 1
        return self.next_id[table]


class FakeStore:
    """One connection; satisfies `megatest.store.port.FullStore`."""

    def __init__(self, records: FakeRecords | None = None) -> None:
        self.records = FakeRecords() if records is None else records
        self._own_writes = 0

    # -- transactions --------------------------------------------------------------------------

    def _check_right(self, lease: Lease | None) -> None:
        if self.records.broken is not None:
            raise self.records.broken
        if lease is not None:
            holder = self.records.holders.get(lease.run_id)
            if holder is None or holder.token != lease.token:
                raise LeaseLost(f"another engine holds run {lease.run_id} now")

    def _begin(self, lease: Lease | None = None) -> None:
        self._check_right(lease)
        self._own_writes += 1
        self.records.seq += 1

    def _put(self, record: TestRecord) -> None:
        self.records.tests[record.id] = record
        self.records.changed_at[record.id] = self.records.seq

    def data_version(self) -> int:
        return self.records.seq - self._own_writes

    # -- reading -------------------------------------------------------------------------------

    def runs(self, predicate: Callable[[RunRecord], bool] | None = None) -> Sequence[RunRecord]:
        found = sorted(self.records.runs.values(), key=lambda run: run.id)
        return [r for r in found if r.state != "deleted" and (predicate is None or predicate(r))]

    def run(self, target: Target, runname: str) -> RunRecord | None:
        found = self.runs(lambda run: run.target == target and run.runname == runname)
        return found[0] if found else None

    def run_by_id(self, run_id: int) -> RunRecord | None:
        return self.records.runs.get(run_id)

    def tests(
        self,
        run_id: int,
        predicate: Callable[[TestRecord], bool] | None = None,
        *,
        states: Collection[str] = (),
        statuses: Collection[str] = (),
    ) -> Sequence[TestRecord]:
        return [
            test
            for test in self._all_of(run_id)
            if (not states or test.state in states)
            and (not statuses or test.status in statuses)
            and (predicate is None or predicate(test))
        ]

    def _all_of(self, run_id: int) -> list[TestRecord]:
        mine = (t for t in self.records.tests.values() if t.run_id == run_id and t.state != State.DELETED)
        return sorted(mine, key=lambda t: tuple(map(_sort_key, t.test_id)))

    def glances(self, run_id: int) -> Sequence[Glance]:
        return [
            Glance(
                test=test.test_id.test,
                item=test.test_id.item,
                state=test.state,
                status=test.status,
                attempt=test.attempt,
                host=test.host,
                run_duration_s=test.run_duration_s,
                comment=test.comment,
                event_time=test.event_time,
                is_parent=test.is_parent,
                flaky=test.flaky,
            )
            for test in self._all_of(run_id)
        ]

    def tests_since(self, run_id: int, seq: int) -> tuple[int, Sequence[TestRecord]]:
        changed_at = self.records.changed_at
        found = [test for test in self._all_of(run_id) if changed_at[test.id] > seq]
        return self.records.seq, sorted(found, key=lambda test: (changed_at[test.id], test.id))

    def test(self, run_id: int, test_id: TestId) -> TestRecord | None:
        return next((test for test in self._all_of(run_id) if test.test_id == test_id), None)

    def test_by_id(self, row: int) -> TestRecord | None:
        return self.records.tests.get(row)

    def history(self, test_id: TestId) -> Sequence[TestRecord]:
        found = (self.test(run_id, test_id) for run_id in sorted(self.records.runs, reverse=True))
        return [test for test in found if test is not None]

    def steps(self, row: int) -> Sequence[StepRecord]:
        return [step for step in self.records.steps.values() if step.test_row == row]

    def values(self, row: int) -> Sequence[ValueRecord]:
        return [value for value in self.records.values.values() if value.test_row == row]

    def attempts(self, row: int) -> Sequence[AttemptRecord]:
        mine = [attempt for attempt in self.records.attempts.values() if attempt.test_row == row]
        return sorted(mine, key=lambda attempt: attempt.attempt)

    def values_of_run(self, run_id: int) -> Sequence[tuple[TestId, ValueRecord]]:
        return [(test.test_id, value) for test in self._all_of(run_id) for value in self.values(test.id)]

    def meta(self) -> Mapping[str, TestMeta]:
        return dict(self.records.meta)

    def rows_of(self, run_id: int, test: str) -> Sequence[TestRecord]:
        return [record for record in self._all_of(run_id) if record.test_id.test == test]

    def edits(self, row: int) -> Sequence[EditRecord]:
        return [edit for edit in self.records.edits if edit.test_row == row]

    def counts(self, run_ids: Iterable[int] | None = None) -> Mapping[int, Mapping[tuple[str, str], int]]:
        wanted = set(self.records.runs) if run_ids is None else set(run_ids)
        found: dict[int, dict[tuple[str, str], int]] = {}
        for run_id in wanted:
            for test in self._all_of(run_id):
                if not test.is_parent:
                    of_run = found.setdefault(run_id, {})
                    of_run[test.state, test.status] = of_run.get((test.state, test.status), 0) + 1
        return found

    def flaky_counts(self) -> Mapping[int, int]:
        counts = {run_id: sum(test.flaky for test in self._all_of(run_id)) for run_id in self.records.runs}
        return {run_id: count for run_id, count in counts.items() if count}

    def failures(self, run_id: int) -> Sequence[TestRecord]:
        found = [test for test in self._all_of(run_id) if test.signature]
        return sorted(found, key=lambda test: (test.signature, test.id))

    def holder(self, run_id: int) -> Holder | None:
        return self.records.holders.get(run_id)

    # -- editing -------------------------------------------------------------------------------

    def register_run(
        self, target: Target, runname: str, *, owner: str, comment: str = "", time: int
    ) -> RunRecord:
        self._begin()
        known = next(
            (r for r in self.records.runs.values() if (r.target, r.runname) == (target, runname)), None
        )
        if known is None:
            record = RunRecord(
                id=self.records.new_id("runs"),
                target=target,
                runname=runname,
                state="new",
                status="n/a",
                owner=owner,
                event_time=time,
                comment=comment,
                fail_count=0,
                pass_count=0,
            )
        else:
            state = "new" if known.state == "deleted" else known.state
            record = replace(known, state=state, comment=comment or known.comment)
        self.records.runs[record.id] = record
        return record

    def set_run(
        self,
        run_id: int,
        *,
        state: str | None = None,
        status: str | None = None,
        comment: str | None = None,
        fail_count: int | None = None,
        pass_count: int | None = None,
    ) -> RunRecord | None:
        self._begin()
        record = self.records.runs.get(run_id)
        if record is None:
            return None
        given = {
            "state": state,
            "status": status,
            "comment": comment,
            "fail_count": fail_count,
            "pass_count": pass_count,
        }
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        self.records.runs[run_id] = replace(record, **changes)
        return self.records.runs[run_id]

    def lock_run(self, run_id: int, *, locked: bool, user: str, time: int) -> RunRecord | None:
        return self.set_run(run_id, state="locked" if locked else "unlocked")

    def set_state_status(
        self,
        rows: Iterable[int],
        *,
        state: str | None = None,
        status: str | None = None,
        comment: str | None = None,
        user: str,
        reason: str,
        time: int,
        only_if: Callable[[TestRecord], bool] | None = None,
    ) -> Sequence[TestRecord]:
        self._begin()
        changed = []
        for row in rows:
            old = self.records.tests.get(row)
            if old is None or (only_if is not None and not only_if(old)):
                continue
            new = replace(
                old,
                state=old.state if state is None else state,
                status=old.status if status is None else status,
                comment=old.comment if comment is None else comment,
                event_time=time,
                retries=0,
            )
            self._put(new)
            self.records.edits.append(
                EditRecord(
                    test_row=row,
                    time=time,
                    user=user,
                    reason=reason,
                    old_state=old.state,
                    old_status=old.status,
                    new_state=new.state,
                    new_status=new.status,
                    comment=new.comment,
                )
            )
            changed.append(row)
        return [self.records.tests[row] for row in changed]

    def request_kill(
        self, rows: Iterable[int], *, held: bool = False, user: str, reason: str, time: int
    ) -> Sequence[TestRecord]:
        return self.set_state_status(
            rows,
            state=State.KILLREQ,
            user=user,
            reason=reason,
            time=time,
            only_if=lambda record: record.is_under_way(held=held),
        )

    def delete_tests(self, rows: Iterable[int]) -> int:
        self._begin()
        gone = {row for row in rows if self.records.tests.pop(row, None) is not None}
        self._forget(gone)
        return len(gone)

    def _forget(self, rows: Collection[int]) -> None:
        records = self.records
        records.steps = {key: step for key, step in records.steps.items() if key[0] not in rows}
        records.values = {key: value for key, value in records.values.items() if key[0] not in rows}
        records.attempts = {key: a for key, a in records.attempts.items() if key[0] not in rows}
        records.edits = [edit for edit in records.edits if edit.test_row not in rows]

    def delete_run(self, run_id: int) -> None:
        self._begin()
        gone = {row for row, test in self.records.tests.items() if test.run_id == run_id}
        for row in gone:
            del self.records.tests[row]
        self._forget(gone)
        self.records.requests = [r for r in self.records.requests if r.run_id != run_id]
        self.records.holders.pop(run_id, None)
        if run_id in self.records.tokens:
            self.records.tokens[run_id] += 1
        self.records.runs.pop(run_id, None)

    def _put_value(self, value: ValueRecord) -> None:
        if value.test_row in self.records.tests:
            self.records.values[value.test_row, value.category, value.variable] = value

    def put_meta(self, metas: Mapping[str, TestMeta]) -> None:
        self._begin()
        self.records.meta.update(metas)

    def add_request(self, run_id: int, kind: str, payload: str, *, time: int) -> int:
        self._begin()
        row = self.records.new_id("requests")
        request = RequestRecord(id=row, run_id=run_id, kind=kind, payload=payload, time=time)
        self.records.requests.append(request)
        return row

    # -- the engine ----------------------------------------------------------------------------

    def register_tests(
        self, run_id: int, tests: Iterable[tuple[TestId, bool]], time: int, lease: Lease | None
    ) -> Mapping[TestId, TestRecord]:
        self._begin(lease)
        if run_id not in self.records.runs:
            raise run_removed(run_id)
        named = dict(tests)
        known = {test.test_id: test for test in self.records.tests.values() if test.run_id == run_id}
        for test_id, is_parent in named.items():
            old = known.get(test_id)
            row = self.records.new_id("tests")  # used up for an existing row too, as in SQLite
            if old is None:
                old = TestRecord(
                    id=row,
                    run_id=run_id,
                    test_id=test_id,
                    state=State.NOT_STARTED,
                    status=Status.NA,
                    event_time=time,
                    is_parent=is_parent,
                )
            elif old.state == State.DELETED:
                old = replace(old, state=State.NOT_STARTED, status=Status.NA, comment="", event_time=time)
            new = replace(old, is_parent=is_parent)
            if new != known.get(test_id):
                self._put(new)
            known[test_id] = new
        return {test_id: known[test_id] for test_id in named}

    def commit(self, changes: Sequence[Change], lease: Lease | None) -> Sequence[TestRecord]:
        self._check_right(lease)  # before anybody looks at what was to be written
        for change in changes:
            if isinstance(change, TestChange):
                self._check_legal(change)
        self._begin(lease)
        moved: dict[int, None] = {}
        for change in changes:
            if isinstance(change, TestChange):
                if not self._update(change):
                    moved[change.row] = None
            elif isinstance(change, StepChange):
                self._put_step(change)
            elif isinstance(change, ValueRecord):
                self._put_value(change)
            elif isinstance(change, AttemptKept):
                self._keep_attempt(change.row)
            elif isinstance(change, StepsCleared):
                steps, values = self.records.steps, self.records.values
                self.records.steps = {key: step for key, step in steps.items() if key[0] != change.row}
                self.records.values = {key: value for key, value in values.items() if key[0] != change.row}
        return [self._present(row, lease) for row in moved]

    def _keep_attempt(self, row: int) -> None:
        test = self.records.tests.get(row)
        if test is None or test.is_parent or not test.attempt:
            return
        if test.state != State.NOT_STARTED and test.state not in ACTIVE:
            self.records.attempts[row, test.attempt] = attempt_of(test)

    def _check_legal(self, change: TestChange) -> None:
        record = self.records.tests.get(change.row)
        if record is None or record.is_parent or change.state is None:
            return
        if not legal_change(change.expected_state, change.state):
            raise IllegalChange(f"{change.state} may not follow {change.expected_state}")

    def _update(self, change: TestChange) -> bool:
        record = self.records.tests.get(change.row)
        if record is None or record.state != change.expected_state:
            return False
        changes = dict(change.values)
        if "time" in changes:
            changes["event_time"] = changes.pop("time")
        self._put(replace(record, **changes))  # also where nothing is set: the row was written
        return True

    def _put_step(self, change: StepChange) -> None:
        if change.row in self.records.tests:
            self.records.steps[change.row, change.stepname, change.state] = StepRecord(
                test_row=change.row,
                stepname=change.stepname,
                state=change.state,
                status=change.status,
                event_time=change.time,
                comment=change.comment,
                logfile=change.logfile,
            )

    def _present(self, row: int, lease: Lease | None) -> TestRecord:
        record = self.records.tests.get(row)
        if record is not None:
            return record
        run_id = 0 if lease is None else lease.run_id
        return TestRecord(id=row, run_id=run_id, test_id=TestId(""), state=State.DELETED, status=Status.NA)

    def kill_requests(self, run_id: int) -> Sequence[int]:
        return sorted(test.id for test in self._all_of(run_id) if test.state == State.KILLREQ)

    def active_elsewhere(self, run_id: int) -> Sequence[TestRecord]:
        return sorted(
            (
                test
                for test in self.records.tests.values()
                if test.run_id != run_id and test.state in ACTIVE and not test.is_parent
            ),
            key=lambda test: test.id,
        )

    # -- claims --------------------------------------------------------------------------------

    def holdings(self) -> Sequence[Holding]:
        found = [held for held, token in self.records.claims.values() if self._is_in_force(held, token)]
        return sorted(found, key=lambda held: (held.time, held.row, held.share.key))

    def _is_in_force(self, held: Holding, token: int) -> bool:
        test = self.records.tests.get(held.row)
        if test is None:
            return False
        if test.attempt == held.attempt:
            return test.state in ACTIVE
        return test.attempt < held.attempt and self._token(test.run_id) == token

    def _token(self, run_id: int) -> int | None:
        holder = self.records.holders.get(run_id)
        return None if holder is None else holder.token

    def claim(
        self, claims: Sequence[Claim], *, is_live: Callable[[int], bool], time: int, lease: Lease
    ) -> Sequence[Holding] | None:
        self._begin(lease)
        held = [h for h in self.holdings() if h.run_id != lease.run_id or is_live(h.row)]
        kept = {(h.row, *h.share.key) for h in held}
        self.records.claims = {key: value for key, value in self.records.claims.items() if key in kept}
        granted = grant(claims, held)
        for claim, units in granted or ():
            self._put_claim(claim, units, time, lease)
        rows = {claim.row for claim in claims}
        return None if granted is None else [h for h in self.holdings() if h.row in rows]

    def _put_claim(self, claim: Claim, units: tuple[str, ...], time: int, lease: Lease) -> None:
        test = self.records.tests[claim.row]
        held = Holding(
            run_id=test.run_id,
            row=claim.row,
            test_id=test.test_id,
            attempt=claim.attempt,
            share=claim.share,
            units=units,
            time=time,
        )
        self.records.claims[claim.row, claim.share.kind, claim.share.name] = (held, lease.token)

    def keep_claims(self, claims: Iterable[Claim], *, time: int, lease: Lease) -> None:
        known = {(held.row, held.share.key) for held in self.holdings()}
        new = [claim for claim in claims if (claim.row, claim.share.key) not in known]
        if new:
            self._begin(lease)
        for claim in new:
            self._put_claim(claim, (), time, lease)

    def drop_claims(self, rows: Iterable[int], *, lease: Lease) -> None:
        self._begin(lease)
        gone = set(rows)
        self.records.claims = {key: v for key, v in self.records.claims.items() if key[0] not in gone}

    def wants(self) -> Sequence[Want]:
        found = [
            replace(want, renewed=self.records.holders[want.run_id].time)
            for want, token in self.records.wants.values()
            if self._token(want.run_id) == token
        ]
        return sorted(found, key=lambda want: (want.ticket, want.share.key))

    def set_wants(
        self, shares: Iterable[Share], *, anew: Collection[tuple[str, str]], lease: Lease
    ) -> Sequence[Want]:
        self._begin(lease)
        mine = {want.share.key: want.ticket for want in self.wants() if want.run_id == lease.run_id}
        everyone = self.records.wants
        self.records.wants = {key: value for key, value in everyone.items() if key[0] != lease.run_id}
        for share in shares:
            earlier = None if share.key in anew else mine.get(share.key)
            ticket = self.records.seq if earlier is None else earlier
            want = Want(run_id=lease.run_id, share=share, ticket=ticket)
            self.records.wants[lease.run_id, *share.key] = (want, lease.token)
        return [want for want in self.wants() if want.run_id == lease.run_id]

    def past_durations(self, tests: Iterable[str]) -> Mapping[TestId, float]:
        durations: dict[TestId, list[float]] = {}
        for name in set(tests):
            passes = [
                test
                for test in self.records.tests.values()
                if test.test_id.test == name
                and not test.is_parent
                and (test.state, test.status) == (State.COMPLETED, Status.PASS)
            ]
            newest = sorted({test.run_id for test in passes}, reverse=True)[:5]
            for test in passes:
                if test.run_id in newest:
                    durations.setdefault(test.test_id, []).append(test.run_duration_s)
        return {test_id: median(found) for test_id, found in durations.items()}

    def acquire_lease(self, run_id: int, holder: Holder) -> Lease | Holder:
        self._begin()
        present = self.records.holders.get(run_id)
        if present is not None and replace(present, token=0, time=0, user="") != replace(
            holder, token=0, time=0, user=""
        ):
            return present
        return self._take(run_id, holder)

    def take_over(self, run_id: int, old_token: int, holder: Holder) -> Lease:
        self._begin(Lease(run_id=run_id, token=old_token))
        return self._take(run_id, holder)

    def _take(self, run_id: int, holder: Holder) -> Lease:
        token = self.records.tokens.get(run_id, 0) + 1
        self.records.tokens[run_id] = token
        self.records.holders[run_id] = replace(holder, token=token)
        return Lease(run_id=run_id, token=token)

    def renew(self, lease: Lease, time: int) -> None:
        self._begin(lease)
        self.records.holders[lease.run_id] = replace(self.records.holders[lease.run_id], time=time)

    def release(self, lease: Lease) -> None:
        self._begin()
        holder = self.records.holders.get(lease.run_id)
        if holder is not None and holder.token == lease.token:
            del self.records.holders[lease.run_id]

    def take_requests(self, run_id: int, lease: Lease | None = None) -> Sequence[RequestRecord]:
        mine = [request for request in self.records.requests if request.run_id == run_id]
        if mine:
            self._begin(lease)
            self.records.requests = [r for r in self.records.requests if r.run_id != run_id]
        return mine

    def close(self) -> None:
        """Give the connection up."""
