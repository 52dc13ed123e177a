"""What every store does: one suite, run on each implementation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.store import FakeRecords, FakeStore
from megatest.engine.ports import Store
from megatest.model.change import AttemptKept, Change, StepChange, StepsCleared, TestChange
from megatest.model.claim import GROUP, POOL, SLOTS, Claim, Share
from megatest.model.error import EnvironmentFault
from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder, Lease, LeaseLost
from megatest.model.record import RunRecord, TestRecord, ValueRecord
from megatest.model.spec import Field, TestMeta
from megatest.store.fault import IllegalChange
from megatest.store.port import FullStore
from megatest.store.sqlite import open_store

FIELDS = (Field(name="sysname"), Field(name="fsname"))
UBUNTU = Target(("ubuntu", "nfs"))
SUSE = Target(("suse", "afs"))
ME = Holder(host="here", pid=10, pid_started=77, boot_id="b1", user="me", time=5)
OTHER = Holder(host="there", pid=20, pid_started=88, boot_id="b2", user="other", time=6)


class StoppedClock:
    def now(self) -> float:
        return 1_700_000_000.0


Connect = Callable[[], FullStore]


@pytest.fixture(params=["sqlite", "sqlite on a network file system", "fake"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    """Return a function that gives a further connection to the same records."""
    with ExitStack() as stack:
        records = FakeRecords()

        def fake() -> FullStore:
            return FakeStore(records)

        def sqlite() -> FullStore:
            network = request.param != "sqlite"
            path = str(tmp_path / "megatest.db")
            store = open_store(path, FIELDS, create=True, network=network, clock=StoppedClock())
            return stack.enter_context(closing(store))

        yield fake if request.param == "fake" else sqlite


@pytest.fixture
def store(connect: Connect) -> FullStore:
    return connect()


@pytest.fixture
def run(store: FullStore) -> RunRecord:
    return store.register_run(UBUNTU, "w1", owner="me", time=100)


def register(store: FullStore, run: RunRecord, *names: str) -> list[TestRecord]:
    ids = [TestId(*name.split("/", 1)) for name in names]
    return list(store.register_tests(run.id, [(test_id, False) for test_id in ids], 200, None).values())


def move(
    store: FullStore, test: TestRecord, *states: str, status: str = "n/a", run_duration_s: float = 0
) -> None:
    """Take a test through states that may follow each other."""
    before = test.state
    for state in states:
        change = TestChange(
            row=test.id, expected_state=before, state=state, status=status, run_duration_s=run_duration_s
        )
        assert store.commit([change], None) == []
        before = state


def complete(store: FullStore, test: TestRecord, status: str = "PASS", run_duration_s: float = 0) -> None:
    move(store, test, "COMPLETED", status=status, run_duration_s=run_duration_s)


def test_a_store_fits_the_engines_port(store: FullStore) -> None:
    port: Store = store
    assert port is store


# -- runs ---------------------------------------------------------------------------------------


def test_a_registered_run_is_found_by_target_and_name(store: FullStore, run: RunRecord) -> None:
    assert (run.state, run.status, run.owner, run.event_time) == ("new", "n/a", "me", 100)
    assert store.run(UBUNTU, "w1") == run
    assert store.run_by_id(run.id) == run
    assert store.run(SUSE, "w1") is None


def test_registering_a_run_again_keeps_its_row_and_updates_a_comment_that_is_given(
    store: FullStore, run: RunRecord
) -> None:
    again = store.register_run(UBUNTU, "w1", owner="you", comment="weekly", time=900)
    assert (again.id, again.owner, again.event_time, again.comment) == (run.id, "me", 100, "weekly")
    assert store.register_run(UBUNTU, "w1", owner="you", time=900).comment == "weekly"


def test_runs_come_in_the_order_of_registration_and_only_those_that_are_wanted(store: FullStore) -> None:
    made = [
        store.register_run(target, name, owner="me", time=1)
        for target, name in ((UBUNTU, "b"), (SUSE, "c"), (UBUNTU, "a"))
    ]
    assert store.runs() == made
    assert store.runs(lambda run: run.target == UBUNTU) == [made[0], made[2]]


def test_a_runs_columns_are_set_one_by_one(store: FullStore, run: RunRecord) -> None:
    store.set_run(run.id, comment="odd; -- 'quoted'")
    changed = store.set_run(run.id, status="good", fail_count=1, pass_count=2)
    assert changed is not None
    assert (changed.comment, changed.status, changed.state) == ("odd; -- 'quoted'", "good", "new")
    assert (changed.fail_count, changed.pass_count) == (1, 2)
    assert store.set_run(99, comment="nobody") is None


def test_a_run_is_locked_and_unlocked(store: FullStore, run: RunRecord) -> None:
    locked = store.lock_run(run.id, locked=True, user="me", time=7)
    assert locked is not None
    assert locked.state == "locked"
    unlocked = store.lock_run(run.id, locked=False, user="me", time=8)
    assert unlocked is not None
    assert unlocked.state == "unlocked"


def test_a_run_that_is_marked_deleted_does_not_exist_until_it_is_registered_again(
    store: FullStore, run: RunRecord
) -> None:
    store.set_run(run.id, state="deleted")
    assert store.runs() == []
    assert store.run(UBUNTU, "w1") is None
    assert store.register_run(UBUNTU, "w1", owner="me", time=9).id == run.id
    assert [r.state for r in store.runs()] == ["new"]


# -- registering tests --------------------------------------------------------------------------


def test_registered_tests_are_returned_in_the_order_in_which_they_are_named(
    store: FullStore, run: RunRecord
) -> None:
    named = [(TestId("b", "x/1"), False), (TestId("b"), True), (TestId("a"), False)]
    records = store.register_tests(run.id, named, 200, None)
    assert list(records) == [test_id for test_id, _ in named]
    parent = records[TestId("b")]
    assert (parent.run_id, parent.state, parent.status) == (run.id, "NOT_STARTED", "n/a")
    assert (parent.is_parent, parent.event_time, parent.attempt) == (True, 200, 0)
    assert (parent.host, parent.rundir, parent.final_logf) == ("n/a", "n/a", "logs/final.log")


def test_what_registering_returns_is_what_reading_returns(store: FullStore, run: RunRecord) -> None:
    (record,) = register(store, run, "a")
    assert store.test(run.id, TestId("a")) == record
    assert store.test_by_id(record.id) == record


def test_a_test_that_exists_keeps_everything_when_it_is_registered_again(
    store: FullStore, run: RunRecord
) -> None:
    (first,) = register(store, run, "a")
    complete(store, first)
    again = store.register_tests(run.id, [(TestId("a"), False), (TestId("b"), False)], 999, None)
    kept = again[TestId("a")]
    assert (kept.id, kept.state, kept.status, kept.event_time) == (first.id, "COMPLETED", "PASS", 200)
    assert again[TestId("b")].state == "NOT_STARTED"


def test_a_few_tests_of_a_large_run_are_registered_again_alone(store: FullStore, run: RunRecord) -> None:
    many = register(store, run, *(f"t/{number}" for number in range(100)))
    assert register(store, run, "t/7", "t/93") == [many[7], many[93]]


def test_a_test_that_was_given_items_becomes_a_parent(store: FullStore, run: RunRecord) -> None:
    register(store, run, "a")
    again = store.register_tests(run.id, [(TestId("a"), True)], 300, None)
    assert again[TestId("a")].is_parent


def test_a_test_that_is_marked_deleted_does_not_exist_until_it_is_registered_again(
    store: FullStore, run: RunRecord
) -> None:
    (record,) = register(store, run, "a")
    store.set_state_status([record.id], state="DELETED", comment="x", user="me", reason="", time=1)
    assert store.tests(run.id) == []
    assert store.test(run.id, TestId("a")) is None
    assert store.counts() == {}
    (again,) = register(store, run, "a")
    assert (again.id, again.state, again.status, again.comment) == (record.id, "NOT_STARTED", "n/a", "")


def test_registering_no_test_is_no_work(store: FullStore, run: RunRecord) -> None:
    assert store.register_tests(run.id, [], 1, None) == {}


def test_no_test_is_registered_for_a_run_that_was_removed(store: FullStore, run: RunRecord) -> None:
    store.delete_run(run.id)
    with pytest.raises(EnvironmentFault, match="was removed"):
        register(store, run, "a")
    assert store.counts() == {}


# -- committing ---------------------------------------------------------------------------------


def test_a_change_writes_the_columns_that_it_names_and_no_others(store: FullStore, run: RunRecord) -> None:
    (record,) = register(store, run, "a")
    launched = TestChange(
        row=record.id,
        expected_state="NOT_STARTED",
        state="LAUNCHED",
        time=300,
        attempt=1,
        host="h",
        uname="Linux",
        cpuload=0.5,
        diskfree_kib=77,
        rundir="/lt/a",
        shortdir="/d/a",
        executor="local",
        handle="local:1:2",
    )
    assert store.commit([launched], None) == []
    ended = TestChange(
        row=record.id,
        expected_state="LAUNCHED",
        state="COMPLETED",
        status="FAIL",
        run_duration_s=1.5,
        comment="exit 1",
        final_logf="a.log",
        fail_count=1,
        pass_count=2,
        handle="",
        flaky=True,
    )
    assert store.commit([ended], None) == []
    assert store.test_by_id(record.id) == TestRecord(
        id=record.id,
        run_id=run.id,
        test_id=TestId("a"),
        state="COMPLETED",
        status="FAIL",
        attempt=1,
        host="h",
        uname="Linux",
        cpuload=0.5,
        diskfree_kib=77,
        rundir="/lt/a",
        shortdir="/d/a",
        final_logf="a.log",
        run_duration_s=1.5,
        comment="exit 1",
        event_time=300,
        fail_count=1,
        pass_count=2,
        executor="local",
        handle="",
        flaky=True,
    )


def test_a_row_in_another_state_is_left_alone_and_reported_while_other_rows_are_written(
    store: FullStore, connect: Connect, run: RunRecord
) -> None:
    first, second = register(store, run, "a", "b")
    move(store, first, "LAUNCHED", "RUNNING")
    connect().request_kill([first.id], user="you", reason="", time=1)
    conflicts = store.commit(
        [
            TestChange(row=first.id, expected_state="RUNNING", state="COMPLETED", status="PASS"),
            StepChange(row=first.id, stepname="s", state="end", status="0", time=5),
            TestChange(row=second.id, expected_state="NOT_STARTED", state="LAUNCHED"),
        ],
        None,
    )
    assert [(record.id, record.state) for record in conflicts] == [(first.id, "KILLREQ")]
    assert [step.stepname for step in store.steps(first.id)] == ["s"]
    assert store.tests(run.id, states={"LAUNCHED"})[0].id == second.id


def test_a_conflict_of_two_changes_to_one_row_is_reported_once(store: FullStore, run: RunRecord) -> None:
    (record,) = register(store, run, "a")
    change = TestChange(row=record.id, expected_state="RUNNING", comment="x")
    assert store.commit([change, change], None) == [record]


def test_changes_are_made_in_order_so_one_may_build_on_another(store: FullStore, run: RunRecord) -> None:
    (record,) = register(store, run, "a")
    chain = [
        TestChange(row=record.id, expected_state="NOT_STARTED", state="LAUNCHED"),
        TestChange(row=record.id, expected_state="LAUNCHED", state="RUNNING"),
    ]
    assert store.commit(chain, None) == []
    assert [test.state for test in store.tests(run.id)] == ["RUNNING"]


def test_a_row_that_is_gone_is_reported_as_deleted_and_leaves_no_steps(
    store: FullStore, run: RunRecord
) -> None:
    (record,) = register(store, run, "a")
    store.delete_tests([record.id])
    conflicts = store.commit(
        [
            TestChange(row=record.id, expected_state="NOT_STARTED", state="LAUNCHED"),
            StepChange(row=record.id, stepname="s", state="start", status="n/a", time=5),
        ],
        None,
    )
    assert [(c.id, c.state) for c in conflicts] == [(record.id, "DELETED")]
    assert store.steps(record.id) == []


def test_a_change_without_columns_only_compares_the_state(store: FullStore, run: RunRecord) -> None:
    (record,) = register(store, run, "a")
    assert store.commit([TestChange(row=record.id, expected_state="NOT_STARTED")], None) == []
    assert store.commit([TestChange(row=record.id, expected_state="RUNNING")], None) == [record]


def test_an_illegal_history_is_a_defect_and_nothing_of_its_commit_is_written(
    store: FullStore, run: RunRecord
) -> None:
    first, second = register(store, run, "a", "b")
    complete(store, second)
    with pytest.raises(IllegalChange, match="RUNNING may not follow COMPLETED"):
        store.commit(
            [
                TestChange(row=first.id, expected_state="NOT_STARTED", state="LAUNCHED"),
                TestChange(row=second.id, expected_state="COMPLETED", state="RUNNING"),
            ],
            None,
        )
    assert [test.state for test in store.tests(run.id)] == ["NOT_STARTED", "COMPLETED"]


def test_a_parent_may_go_from_any_state_to_any_other(store: FullStore, run: RunRecord) -> None:
    parent = store.register_tests(run.id, [(TestId("a"), True)], 1, None)[TestId("a")]
    move(store, parent, "COMPLETED", "RUNNING", "NOT_STARTED")
    assert [test.state for test in store.tests(run.id)] == ["NOT_STARTED"]


def test_a_step_replaces_what_the_same_test_step_and_state_said_before(
    store: FullStore, run: RunRecord
) -> None:
    first, second = register(store, run, "a", "b")

    def said(row: int, state: str, status: str) -> StepChange:
        return StepChange(
            row=row, stepname="s", state=state, status=status, time=5, comment="c", logfile="s.log"
        )

    store.commit(
        [said(first.id, "start", "n/a"), said(first.id, "end", "1"), said(second.id, "end", "2")], None
    )
    store.commit([said(first.id, "end", "0")], None)
    assert [(s.state, s.status) for s in store.steps(first.id)] == [("start", "n/a"), ("end", "0")]
    assert [(s.status, s.comment, s.logfile) for s in store.steps(second.id)] == [("2", "c", "s.log")]


def test_a_new_attempt_clears_the_steps_of_its_own_test_only(store: FullStore, run: RunRecord) -> None:
    first, second = register(store, run, "a", "b")
    step = StepChange(row=first.id, stepname="s", state="end", status="0", time=5)
    other = StepChange(row=second.id, stepname="s", state="end", status="0", time=5)
    store.commit([step, other], None)
    store.commit([StepsCleared(row=first.id)], None)
    assert store.steps(first.id) == []
    assert len(store.steps(second.id)) == 1


def test_another_connection_sees_a_commit_and_its_data_version_changes(
    store: FullStore, connect: Connect, run: RunRecord
) -> None:
    other = connect()
    before, mine = other.data_version(), store.data_version()
    register(store, run, "a")
    assert other.data_version() != before
    assert store.data_version() == mine
    assert len(other.tests(run.id)) == 1


@pytest.mark.parametrize(
    "text", ["", "ünï", "a'b\"c;--", "line\nline", "tab\t", "\x00nul", "r\udce9sum\udce9", "\U0001f600"]
)
def test_any_text_comes_back_as_it_was_given(store: FullStore, run: RunRecord, text: str) -> None:
    name = f"t{text}"
    record = store.register_tests(run.id, [(TestId(name, text), False)], 1, None)[TestId(name, text)]
    store.commit(
        [
            TestChange(row=record.id, expected_state="NOT_STARTED", comment=text, rundir=f"/d/{text}"),
            StepChange(row=record.id, stepname=name, state="start", status=text, time=1, comment=text),
        ],
        None,
    )
    found = store.test(run.id, TestId(name, text))
    assert found is not None
    assert (found.test_id, found.comment, found.rundir) == ((name, text), text, f"/d/{text}")
    assert [(s.stepname, s.status, s.comment) for s in store.steps(record.id)] == [(name, text, text)]
    assert store.register_tests(run.id, [(found.test_id, False)], 1, None) == {found.test_id: found}
    complete(store, found, run_duration_s=2)
    assert store.past_durations([name]) == {found.test_id: 2}


# -- queries ------------------------------------------------------------------------------------


def test_a_glance_shows_what_the_record_says(store: FullStore, run: RunRecord) -> None:
    store.register_tests(
        run.id, [(TestId("b"), True), (TestId("b", "y"), False), (TestId("a"), False)], 200, None
    )
    test = store.test(run.id, TestId("b", "y"))
    assert test is not None
    move(store, test, "LAUNCHED", "RUNNING", "COMPLETED", status="PASS", run_duration_s=1.5)

    glances, records = store.glances(run.id), store.tests(run.id)

    assert [glance.test_id for glance in glances] == [record.test_id for record in records]
    for glance, record in zip(glances, records, strict=True):
        shown = {name: value for name, value in glance._asdict().items() if name not in ("test", "item")}
        assert shown == {name: getattr(record, name) for name in shown}


def test_tests_come_ordered_by_name_and_item(store: FullStore, run: RunRecord) -> None:
    register(store, run, "b", "a/2", "a/10", "B", "a")
    assert [str(test.test_id) for test in store.tests(run.id)] == ["B", "a", "a/10", "a/2", "b"]


def test_tests_are_filtered_by_state_status_and_predicate(store: FullStore, run: RunRecord) -> None:
    first, second, third, _ = register(store, run, "a", "b", "c", "d")
    complete(store, first)
    complete(store, second, "FAIL")
    complete(store, third, "FAIL")

    def names(found: Sequence[TestRecord]) -> str:
        return "".join(test.test_id.test for test in found)

    assert names(store.tests(run.id, states={"COMPLETED"})) == "abc"
    assert names(store.tests(run.id, statuses={"FAIL", "n/a"})) == "bcd"
    assert names(store.tests(run.id, lambda test: test.id > second.id, statuses={"FAIL"})) == "c"


def test_what_changed_since_a_commit_is_told_in_the_order_of_the_changes(
    store: FullStore, run: RunRecord
) -> None:
    first, second, _ = register(store, run, "a", "b", "c")
    seq, everything = store.tests_since(run.id, 0)
    assert len(everything) == 3
    complete(store, second)
    complete(store, first)
    later, changed = store.tests_since(run.id, seq)
    assert [str(test.test_id) for test in changed] == ["b", "a"]
    assert store.tests_since(run.id, later) == (later, [])


def test_the_history_of_a_test_goes_back_over_all_runs(store: FullStore, run: RunRecord) -> None:
    newer = store.register_run(SUSE, "w2", owner="me", time=2)
    (old,) = register(store, run, "a/1")
    (new, _) = register(store, newer, "a/1", "a/2")
    assert store.history(TestId("a", "1")) == [new, old]
    assert store.history(TestId("a")) == []


def test_counts_leave_parents_out(store: FullStore, run: RunRecord) -> None:
    empty = store.register_run(SUSE, "w2", owner="me", time=2)
    store.register_tests(run.id, [(TestId("p"), True)], 1, None)
    first, _, _ = register(store, run, "p/1", "p/2", "q")
    complete(store, first)
    expected = {run.id: {("COMPLETED", "PASS"): 1, ("NOT_STARTED", "n/a"): 2}}
    assert store.counts() == expected
    assert store.counts([run.id, run.id]) == expected
    assert store.counts([empty.id]) == {}


def test_kill_requests_are_the_rows_of_this_run_that_somebody_wants_ended(
    store: FullStore, run: RunRecord
) -> None:
    other_run = store.register_run(SUSE, "w2", owner="me", time=2)
    first, second, third = register(store, run, "a", "b", "c")
    (elsewhere,) = register(store, other_run, "a")
    parent = store.register_tests(run.id, [(TestId("p"), True)], 1, None)[TestId("p")]
    for test in (first, second, elsewhere, parent):
        move(store, test, "LAUNCHED")
    rows = [first.id, third.id, elsewhere.id, parent.id, 999]
    asked = store.request_kill(rows, user="me", reason="slow", time=9)
    assert [test.id for test in asked] == [first.id, elsewhere.id]
    assert store.kill_requests(run.id) == [first.id]
    assert [edit.reason for edit in store.edits(first.id)] == ["slow"]


def test_where_an_engine_holds_the_run_a_kill_is_also_asked_of_what_has_not_started(
    store: FullStore, run: RunRecord
) -> None:
    running, waiting, unrunnable, ended = register(store, run, "a", "b", "c", "d")
    parent = store.register_tests(run.id, [(TestId("p"), True)], 1, None)[TestId("p")]
    move(store, running, "LAUNCHED")
    store.set_state_status([unrunnable.id], status="PREQ_FAIL", user="me", reason="", time=2)
    complete(store, ended)
    rows = [test.id for test in (running, waiting, unrunnable, ended, parent)]
    asked = store.request_kill(rows, held=True, user="me", reason="slow", time=9)
    assert [(test.test_id.test, test.state, test.status) for test in asked] == [
        ("a", "KILLREQ", "n/a"),
        ("b", "KILLREQ", "n/a"),
    ]


def test_active_elsewhere_are_the_tests_of_other_runs_that_may_have_a_process(
    store: FullStore, run: RunRecord
) -> None:
    other = store.register_run(SUSE, "w2", owner="me", time=2)
    (mine,) = register(store, run, "a")
    theirs = register(store, other, "a", "b", "c", "d")
    parent = store.register_tests(other.id, [(TestId("p"), True)], 1, None)[TestId("p")]
    for test in (mine, parent, theirs[0]):
        move(store, test, "LAUNCHED")
    move(store, theirs[1], "LAUNCHED", "RUNNING")
    move(store, theirs[2], "LAUNCHED", "COMPLETED")
    assert [test.test_id.test for test in store.active_elsewhere(run.id)] == ["a", "b"]


# -- claims -------------------------------------------------------------------------------------


def lease_of(store: FullStore, run: RunRecord, pid: int = 1) -> Lease:
    lease = store.acquire_lease(run.id, Holder(host="h", pid=pid, time=5))
    assert isinstance(lease, Lease)
    return lease


def claim_of(
    test: TestRecord, amount: int, *, size: int = 3, attempt: int = 1, units: tuple[str, ...] = ()
) -> Claim:
    share = Share(POOL, "lic", amount)
    return Claim(row=test.id, attempt=attempt, share=share, size=size, units=units)


def take(store: FullStore, lease: Lease, claim: Claim, live: Collection[int] = ()) -> tuple[str, ...] | None:
    """Claim; return the units, or None if there was too little."""
    held = store.claim([claim], is_live=lambda row: row in live, time=7, lease=lease)
    if held is None:
        return None
    (holding,) = held
    assert (holding.row, holding.share, holding.time) == (claim.row, claim.share, 7)
    return holding.units


def held_rows(store: FullStore) -> list[tuple[str, int]]:
    return [(str(held.test_id), held.share.amount) for held in store.holdings()]


def launch(store: FullStore, test: TestRecord, attempt: int = 1) -> None:
    change = TestChange(row=test.id, expected_state=test.state, state="LAUNCHED", attempt=attempt)
    assert store.commit([change], None) == []


def test_all_runs_together_never_hold_more_than_there_is(store: FullStore, run: RunRecord) -> None:
    other = store.register_run(SUSE, "w2", owner="me", time=2)
    mine, theirs = register(store, run, "a", "b"), register(store, other, "a", "b")
    my_lease, their_lease = lease_of(store, run), lease_of(store, other, 2)
    assert take(store, my_lease, claim_of(mine[0], 2)) == ()
    assert take(store, their_lease, claim_of(theirs[0], 2)) is None
    assert take(store, their_lease, claim_of(theirs[0], 1)) == ()
    assert take(store, my_lease, claim_of(mine[1], 1), live=[mine[0].id]) is None
    assert held_rows(store) == [("a", 2), ("a", 1)]
    assert {held.run_id for held in store.holdings()} == {run.id, other.id}


def test_what_an_attempt_holds_it_holds_until_its_end_is_recorded(store: FullStore, run: RunRecord) -> None:
    (test,) = register(store, run, "a/1")
    lease = lease_of(store, run)
    take(store, lease, claim_of(test, 2))
    launch(store, test)
    store.release(lease)
    assert held_rows(store) == [("a/1", 2)], "its engine may be dead, but it runs"
    store.commit([TestChange(row=test.id, expected_state="LAUNCHED", state="COMPLETED")], None)
    assert held_rows(store) == []


def test_a_claim_that_led_to_no_launch_ends_with_its_lease(store: FullStore, run: RunRecord) -> None:
    (test,) = register(store, run, "a")
    first = lease_of(store, run)
    take(store, first, claim_of(test, 3))
    assert held_rows(store) == [("a", 3)]
    second = store.take_over(run.id, first.token, Holder(host="h", pid=2))
    assert held_rows(store) == []
    assert take(store, second, claim_of(test, 3)) == ()
    store.release(second)
    assert held_rows(store) == []


def test_a_claim_may_be_dropped_and_a_row_that_does_not_live_gives_way(
    store: FullStore, run: RunRecord
) -> None:
    first, second = register(store, run, "a", "b")
    lease = lease_of(store, run)
    take(store, lease, claim_of(first, 3))
    store.drop_claims([first.id], lease=lease)
    assert held_rows(store) == []
    take(store, lease, claim_of(first, 3))
    launch(store, first)
    assert take(store, lease, claim_of(second, 3), live=[first.id]) is None
    assert take(store, lease, claim_of(second, 3)) == ()
    assert held_rows(store) == [("b", 3)]


def test_a_claim_of_several_things_is_granted_as_a_whole_or_not_at_all(
    store: FullStore, run: RunRecord
) -> None:
    (test,) = register(store, run, "a")
    lease = lease_of(store, run)
    group = Claim(row=test.id, attempt=1, share=Share(GROUP, "big", 1), size=0)
    claims = [claim_of(test, 1), group]
    assert store.claim(claims, is_live=lambda _: False, time=7, lease=lease) is None
    assert store.holdings() == []
    claims = [claim_of(test, 1), replace(group, size=1)]
    held = store.claim(claims, is_live=lambda _: False, time=7, lease=lease)
    assert held is not None
    assert {holding.share.key for holding in held} == {("group", "big"), ("pool", "lic")}


def test_named_units_are_given_to_one_holder_each(store: FullStore, run: RunRecord) -> None:
    first, second, third = register(store, run, "a", "b", "c")
    lease = lease_of(store, run)
    names = ("p1", "p2", "p3")
    assert take(store, lease, claim_of(first, 1, units=names)) == ("p1",)
    assert take(store, lease, claim_of(second, 2, units=names), live=[first.id]) == ("p2", "p3")
    both = [first.id, second.id]
    assert take(store, lease, claim_of(third, 2, units=names), live=both) is None
    assert take(store, lease, claim_of(third, 2, units=names)) == ("p1", "p2")


def test_no_named_unit_is_given_away_while_somebody_holds_one_that_is_not_known(
    store: FullStore, run: RunRecord
) -> None:
    """So after a rebuild of the database, while tests run that hold units."""
    first, second = register(store, run, "a", "b")
    lease = lease_of(store, run)
    launch(store, first)
    store.keep_claims([claim_of(first, 1)], time=9, lease=lease)
    store.keep_claims([claim_of(first, 1)], time=99, lease=lease)
    assert [(held.units, held.time) for held in store.holdings()] == [((), 9)]
    assert take(store, lease, claim_of(second, 1, units=("p1", "p2", "p3")), live=[first.id]) is None
    assert take(store, lease, claim_of(second, 1), live=[first.id]) == ()


def test_whoever_lost_the_run_claims_nothing(store: FullStore, run: RunRecord) -> None:
    (test,) = register(store, run, "a")
    lost = lease_of(store, run)
    store.take_over(run.id, lost.token, Holder(host="h", pid=2))
    with pytest.raises(LeaseLost):
        take(store, lost, claim_of(test, 1))
    with pytest.raises(LeaseLost):
        store.set_wants([Share(POOL, "lic", 1)], anew=(), lease=lost)
    assert store.holdings() == []


def test_a_want_keeps_its_ticket_until_it_is_drawn_anew(store: FullStore, run: RunRecord) -> None:
    other = store.register_run(SUSE, "w2", owner="me", time=2)
    mine, theirs = lease_of(store, run), lease_of(store, other, 2)
    lic, slot = Share(POOL, "lic", 2), Share(SLOTS, "local", 1)
    store.set_wants([lic], anew=(), lease=mine)
    store.set_wants([lic, slot], anew=(), lease=theirs)
    assert (store.wants()[0].run_id, store.wants()[0].share) == (run.id, lic)
    kept = store.set_wants([lic._replace(amount=1), slot], anew=(), lease=mine)
    assert [want.share.amount for want in kept] == [1, 1]
    assert store.wants()[0] == kept[0]
    store.set_wants([lic], anew=[lic.key], lease=mine)
    assert [want.run_id for want in store.wants()] == [other.id, other.id, run.id]
    store.release(theirs)
    assert [want.run_id for want in store.wants()] == [run.id], "nobody waits for who has gone"
    store.renew(mine, 77)
    assert store.wants()[0].renewed == 77
    store.set_wants([], anew=(), lease=mine)
    assert store.wants() == []


def test_past_durations_are_medians_of_passes_in_the_newest_runs(store: FullStore) -> None:
    for number, seconds in enumerate((900, 1, 2, 50, 3, 4), start=1):
        run = store.register_run(UBUNTU, f"w{number}", owner="me", time=number)
        item, plain, _ = register(store, run, "t/i", "u", "v")
        complete(store, item, run_duration_s=seconds)
        complete(store, plain, "PASS" if number == 2 else "FAIL", run_duration_s=seconds)
    assert store.past_durations(["t", "u", "v", "w"]) == {TestId("t", "i"): 3, TestId("u"): 1}


# -- edits --------------------------------------------------------------------------------------


def test_an_edit_by_hand_goes_to_any_state_and_is_written_down(store: FullStore, run: RunRecord) -> None:
    first, second = register(store, run, "a", "b")
    complete(store, first, "FAIL")
    changed = store.set_state_status(
        [first.id, second.id, 999],
        state="RUNNING",
        comment="known",
        user="me",
        reason="bug 7",
        time=50,
        only_if=lambda test: test.status == "FAIL",
    )
    assert [(t.id, t.state, t.status, t.comment, t.event_time) for t in changed] == [
        (first.id, "RUNNING", "FAIL", "known", 50)
    ]
    (edit,) = store.edits(first.id)
    assert (edit.user, edit.reason, edit.time) == ("me", "bug 7", 50)
    assert (edit.old_state, edit.old_status, edit.new_state, edit.new_status) == (
        "COMPLETED",
        "FAIL",
        "RUNNING",
        "FAIL",
    )
    assert store.edits(second.id) == []


def test_a_removed_test_takes_everything_of_its_own_with_it(store: FullStore, run: RunRecord) -> None:
    first, second = register(store, run, "a", "b")
    for test in (first, second):
        store.commit([StepChange(row=test.id, stepname="s", state="end", status="0", time=1)], None)
        store.commit([ValueRecord(test_row=test.id, category="c", variable="v", value="1")], None)
        store.set_state_status([test.id], status="WAIVED", user="me", reason="", time=1)
    assert store.delete_tests([first.id, 999]) == 1
    assert [test.id for test in store.tests(run.id)] == [second.id]
    assert (store.steps(first.id), store.values(first.id), store.edits(first.id)) == ([], [], [])
    assert [len(store.steps(second.id)), len(store.values(second.id)), len(store.edits(second.id))] == [
        1,
        1,
        1,
    ]


def test_the_row_of_a_removed_test_is_never_given_to_another(store: FullStore, run: RunRecord) -> None:
    first, second = register(store, run, "a", "b")
    store.delete_tests([second.id])
    (third,) = register(store, run, "c")
    assert third.id not in (first.id, second.id)


def test_a_removed_run_is_gone_and_its_holder_has_lost_it(store: FullStore, run: RunRecord) -> None:
    (test,) = register(store, run, "a")
    lease = store.acquire_lease(run.id, ME)
    assert isinstance(lease, Lease)
    store.delete_run(run.id)
    assert store.runs() == []
    assert store.test_by_id(test.id) is None
    with pytest.raises(LeaseLost):
        store.commit([], lease)


def test_a_measured_value_replaces_the_earlier_one_of_its_name(store: FullStore, run: RunRecord) -> None:
    (test,) = register(store, run, "a")

    def value(category: str, number: str) -> ValueRecord:
        return ValueRecord(
            test_row=test.id,
            category=category,
            variable="delay",
            value=number,
            expected="<=5",
            tol="2",
            units="ns",
            comment="c",
            status="pass",
            type="t",
        )

    store.commit([value("x", "1.5"), value("y", "2.5"), value("x", "3.5")], None)
    assert store.values(test.id) == [value("x", "3.5"), value("y", "2.5")]
    store.commit([ValueRecord(test_row=999, category="x", variable="v")], None)
    assert store.values(999) == []


def test_values_are_committed_with_the_change_that_they_belong_to(store: FullStore, run: RunRecord) -> None:
    first, second = register(store, run, "a", "b")
    earlier = ValueRecord(test_row=second.id, category="c", variable="old", value="1")
    store.commit([earlier], None)
    value = ValueRecord(test_row=first.id, category="c", variable="v", value="2", status="pass")
    lease = store.acquire_lease(run.id, ME)
    assert isinstance(lease, Lease)

    store.commit([value, replace(value, variable="w"), replace(value, value="3")], lease)

    assert store.values(first.id) == [replace(value, value="3"), replace(value, variable="w")]
    assert [test for test, _ in store.values_of_run(run.id)] == [first.test_id, first.test_id, second.test_id]
    store.commit([StepsCleared(row=first.id), replace(value, variable="x")], lease)
    assert store.values_of_run(run.id) == [
        (first.test_id, replace(value, variable="x")),
        (second.test_id, earlier),
    ]
    with pytest.raises(LeaseLost):
        store.commit([value], Lease(run_id=run.id, token=lease.token + 1))


def test_a_test_is_read_with_its_items(store: FullStore, run: RunRecord) -> None:
    ids = [TestId("a"), TestId("a", "y"), TestId("a", "x"), TestId("ab")]
    store.register_tests(run.id, [(test_id, False) for test_id in ids], 200, None)

    assert [test.test_id for test in store.rows_of(run.id, "a")] == [ids[0], ids[2], ids[1]]
    assert store.rows_of(run.id, "b") == []


def test_what_is_known_about_a_test_is_recorded_again_and_again(store: FullStore) -> None:
    first = TestMeta(author="x", tags=("p", "q"), jobgroup="big")
    store.put_meta({"a": first, "b": TestMeta(description="größe")})
    store.put_meta({"a": TestMeta(author="y")})

    assert store.meta() == {"a": TestMeta(author="y"), "b": TestMeta(description="größe")}
    store.put_meta({"a": first})
    assert store.meta()["a"] == first


# -- leases and requests ------------------------------------------------------------------------


def test_a_run_that_nobody_holds_is_taken(store: FullStore, run: RunRecord) -> None:
    assert store.holder(run.id) is None
    lease = store.acquire_lease(run.id, ME)
    assert isinstance(lease, Lease)
    holder = store.holder(run.id)
    assert holder is not None
    assert (holder.host, holder.pid, holder.pid_started, holder.boot_id) == ("here", 10, 77, "b1")
    assert (holder.user, holder.time, holder.token) == ("me", 5, lease.token)


def test_a_run_that_is_held_names_its_holder(store: FullStore, connect: Connect, run: RunRecord) -> None:
    store.acquire_lease(run.id, ME)
    answer = connect().acquire_lease(run.id, OTHER)
    assert answer == store.holder(run.id)


def test_each_run_has_a_lease_of_its_own(store: FullStore, run: RunRecord) -> None:
    second = store.register_run(SUSE, "w2", owner="me", time=2)
    assert isinstance(store.acquire_lease(run.id, ME), Lease)
    assert isinstance(store.acquire_lease(second.id, OTHER), Lease)


def test_a_released_run_is_free_and_tokens_grow(store: FullStore, run: RunRecord) -> None:
    first = store.acquire_lease(run.id, ME)
    assert isinstance(first, Lease)
    store.release(first)
    assert store.holder(run.id) is None
    second = store.acquire_lease(run.id, OTHER)
    assert isinstance(second, Lease)
    assert second.token > first.token
    store.release(first)
    assert store.holder(run.id) is not None


def test_the_same_process_takes_its_run_again_and_its_older_lease_ends(
    store: FullStore, run: RunRecord
) -> None:
    first = store.acquire_lease(run.id, ME)
    second = store.acquire_lease(run.id, ME)
    assert isinstance(first, Lease)
    assert isinstance(second, Lease)
    assert store.commit([], second) == []
    with pytest.raises(LeaseLost):
        store.commit([], first)


def test_after_a_take_over_the_old_holder_writes_nothing(
    store: FullStore, connect: Connect, run: RunRecord
) -> None:
    (test,) = register(store, run, "a")
    old = store.acquire_lease(run.id, ME)
    assert isinstance(old, Lease)
    heir = connect()
    new = heir.take_over(run.id, old.token, OTHER)
    assert new.token > old.token
    change = TestChange(row=test.id, expected_state="NOT_STARTED", state="LAUNCHED")
    with pytest.raises(LeaseLost):
        store.commit([change], old)
    with pytest.raises(LeaseLost):
        store.register_tests(run.id, [(TestId("b"), False)], 1, old)
    assert store.tests(run.id) == [test]
    assert heir.commit([change], new) == []


def test_a_holder_says_that_it_lives_until_it_has_lost_the_run(store: FullStore, run: RunRecord) -> None:
    old = store.acquire_lease(run.id, ME)
    assert isinstance(old, Lease)
    store.renew(old, 77)
    holder = store.holder(run.id)
    assert holder is not None
    assert (holder.time, holder.token, holder.user) == (77, old.token, "me")
    store.take_over(run.id, old.token, OTHER)
    with pytest.raises(LeaseLost):
        store.renew(old, 88)


def test_of_two_heirs_one_is_too_late(store: FullStore, connect: Connect, run: RunRecord) -> None:
    old = store.acquire_lease(run.id, ME)
    assert isinstance(old, Lease)
    connect().take_over(run.id, old.token, OTHER)
    with pytest.raises(LeaseLost):
        store.take_over(run.id, old.token, Holder(host="third", pid=3))


def test_requests_are_taken_once_and_in_order(store: FullStore, connect: Connect, run: RunRecord) -> None:
    second = store.register_run(SUSE, "w2", owner="me", time=2)
    asker = connect()
    first_id = asker.add_request(run.id, "tests", '["a"]', time=1)
    asker.add_request(second.id, "tests", '["z"]', time=1)
    second_id = asker.add_request(run.id, "tests", '["b"]', time=2)
    lease = store.acquire_lease(run.id, ME)
    assert isinstance(lease, Lease)
    taken = store.take_requests(run.id, lease)
    assert [(r.id, r.kind, r.payload, r.time) for r in taken] == [
        (first_id, "tests", '["a"]', 1),
        (second_id, "tests", '["b"]', 2),
    ]
    assert list(store.take_requests(run.id, lease)) == []
    assert len(store.take_requests(second.id)) == 1


def test_a_holder_that_lost_its_run_takes_no_requests(store: FullStore, run: RunRecord) -> None:
    old = store.acquire_lease(run.id, ME)
    assert isinstance(old, Lease)
    store.take_over(run.id, old.token, OTHER)
    store.add_request(run.id, "tests", "{}", time=1)
    with pytest.raises(LeaseLost):
        store.take_requests(run.id, old)
    assert len(store.take_requests(run.id)) == 1


# -- attempts and failures ---------------------------------------------------------------------------


def test_an_attempt_that_ended_is_kept_as_the_row_had_it(store: FullStore, run: RunRecord) -> None:
    first, second = register(store, run, "a", "b")
    ended: list[Change] = [
        TestChange(row=first.id, expected_state="NOT_STARTED", state="LAUNCHED", attempt=1),
        TestChange(
            row=first.id,
            expected_state="LAUNCHED",
            state="COMPLETED",
            status="FAIL",
            comment="why",
            host="h",
            run_duration_s=1.5,
            signature="abc",
            failure="it\nfails",
            time=77,
        ),
        AttemptKept(row=first.id),
        TestChange(row=first.id, expected_state="COMPLETED", state="NOT_STARTED", status="n/a", retries=1),
        AttemptKept(row=first.id),
        AttemptKept(row=second.id),
        AttemptKept(row=12345),
    ]
    assert store.commit(ended, None) == []
    (kept,) = store.attempts(first.id)
    assert (kept.attempt, kept.state, kept.status, kept.comment) == (1, "COMPLETED", "FAIL", "why")
    assert (kept.host, kept.event_time, kept.run_duration_s) == ("h", 77, 1.5)
    assert (kept.signature, kept.failure) == ("abc", "it\nfails")
    assert store.attempts(second.id) == []
    record = store.test_by_id(first.id)
    assert record is not None
    assert (record.state, record.retries) == ("NOT_STARTED", 1)


def test_attempts_go_with_their_test_and_their_run(store: FullStore, run: RunRecord) -> None:
    first, second = register(store, run, "a", "b")
    for row in (first.id, second.id):
        launched = TestChange(row=row, expected_state="NOT_STARTED", state="LAUNCHED", attempt=1)
        over = TestChange(row=row, expected_state="LAUNCHED", state="COMPLETED", status="PASS")
        store.commit([launched, over, AttemptKept(row=row)], None)
        assert len(store.attempts(row)) == 1
    store.delete_tests([first.id])
    assert store.attempts(first.id) == []
    store.delete_run(run.id)
    assert store.attempts(second.id) == []


def test_a_change_by_hand_ends_the_retries(store: FullStore, run: RunRecord) -> None:
    (first,) = register(store, run, "a")
    store.commit([TestChange(row=first.id, expected_state="NOT_STARTED", retries=2)], None)
    (changed,) = store.set_state_status([first.id], status="n/a", user="me", reason="r", time=1)
    assert changed.retries == 0


def test_failures_and_flaky_passes_are_found_by_run(store: FullStore, run: RunRecord) -> None:
    first, second = register(store, run, "a", "b")
    assert store.flaky_counts() == {}
    assert store.failures(run.id) == []
    store.commit(
        [
            TestChange(row=first.id, expected_state="NOT_STARTED", flaky=True),
            TestChange(row=second.id, expected_state="NOT_STARTED", signature="abc", failure="x"),
        ],
        None,
    )
    assert store.flaky_counts() == {run.id: 1}
    assert [test.id for test in store.failures(run.id)] == [second.id]
    assert store.failures(run.id + 1) == []
