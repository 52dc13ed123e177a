"""The store against a model of dictionaries: whatever is done, both answer the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from fakes.store import FakeStore
from megatest.model.change import Change, StepChange, StepsCleared, TestChange
from megatest.model.error import EnvironmentFault
from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder, Lease, LeaseLost
from megatest.model.record import ValueRecord
from megatest.model.spec import Field
from megatest.model.status import State, Status
from megatest.store.fault import IllegalChange
from megatest.store.port import FullStore
from megatest.store.rows import bindable, text_from_bytes
from megatest.store.sqlite import open_store

FIELDS = (Field(name="a"), Field(name="b"))

any_text = st.text(max_size=8)
texts = st.one_of(st.sampled_from(["", "x", "%", "'", "ü"]), any_text)
targets = st.sampled_from([Target(("a", "b")), Target(("a", "c")), Target(("ab", ""))])
test_ids = st.builds(TestId, st.sampled_from(["t", "u", "T", "ü"]), st.sampled_from(["", "1", "10", "2/x"]))
states = st.sampled_from([*State, "BOZZLEBLONKED"]).map(str)
statuses = st.sampled_from([*Status, "odd"]).map(str)
# Rows and runs of which few exist, so that rules meet.
rows = st.integers(1, 12)
run_ids = st.integers(1, 4)
seconds = st.integers(0, 2**40)
holders = st.builds(Holder, host=st.sampled_from(["h", "i"]), pid=st.integers(1, 2), user=texts, time=seconds)

test_changes = st.builds(
    TestChange,
    row=rows,
    expected_state=states,
    state=st.none() | states,
    status=st.none() | statuses,
    time=st.none() | seconds,
    attempt=st.none() | st.integers(1, 9),
    comment=st.none() | texts,
    run_duration_s=st.none() | st.floats(0, 1e6),
    handle=st.none() | texts,
    flaky=st.none() | st.booleans(),
)
step_changes = st.builds(
    StepChange,
    row=rows,
    stepname=st.sampled_from(["s", "r"]),
    state=st.sampled_from(["start", "end"]),
    status=texts,
    time=seconds,
    comment=texts,
    logfile=texts,
)
changes = st.one_of(test_changes, step_changes, st.builds(StepsCleared, row=rows))


class StoppedClock:
    def now(self) -> float:
        return 0.0


def outcome(action: Callable[[FullStore], object], store: FullStore) -> object:
    """Return an action's answer, or the kind of its refusal."""
    try:
        return action(store)
    except (LeaseLost, IllegalChange, EnvironmentFault) as refusal:
        return type(refusal)


class StoreAndModel(RuleBasedStateMachine):
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="store-model-"))
        self.store = self.opened()
        self.model = FakeStore()

    def opened(self) -> FullStore:
        path = str(self.directory / "megatest.db")
        return open_store(path, FIELDS, create=True, clock=StoppedClock())

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)

    def both(self, action: Callable[[FullStore], object]) -> object:
        answer = outcome(action, self.store)
        assert answer == outcome(action, self.model)
        return answer

    def with_true_state(self, change: Change) -> Change:
        if not isinstance(change, TestChange):
            return change
        test = self.model.records.tests.get(change.row)
        present = "LAUNCHED" if test is None else test.state
        return TestChange(row=change.row, expected_state=present, **change.values)

    @initialize()
    def some_records(self) -> None:
        named = [(TestId("t"), True), (TestId("t", "1"), False), (TestId("u"), False)]
        for number, value in enumerate("bc", start=1):
            self.register_run(Target(("a", value)), "w", comment="", time=1)
            self.register_tests(number, named, None, time=2)

    @rule(of=targets, runname=st.sampled_from(["w", "v"]), comment=texts, time=seconds)
    def register_run(self, of: Target, runname: str, comment: str, time: int) -> None:
        self.both(lambda s: s.register_run(of, runname, owner="me", comment=comment, time=time))

    @rule(
        run_id=run_ids,
        state=st.sampled_from([None, "new", "deleted"]),
        status=st.none() | texts,
        count=st.none() | seconds,
    )
    def set_run(self, run_id: int, state: str | None, status: str | None, count: int | None) -> None:
        self.both(lambda s: s.set_run(run_id, state=state, status=status, pass_count=count))

    @rule(
        run_id=st.integers(1, 2),
        named=st.lists(st.tuples(test_ids, st.booleans()), max_size=6),
        lease=st.none() | leases,
        time=seconds,
    )
    def register_tests(
        self, run_id: int, named: list[tuple[TestId, bool]], lease: Lease | None, time: int
    ) -> None:
        self.both(lambda s: s.register_tests(run_id, named, time, lease))

    @rule(batch=st.lists(changes, max_size=5), true_states=st.booleans(), lease=st.none() | leases)
    def commit(self, batch: list[Change], true_states: bool, lease: Lease | None) -> None:
        if true_states:
            batch = [self.with_true_state(change) for change in batch]
        self.both(lambda s: s.commit(batch, lease))

    @rule(wanted=st.lists(rows, max_size=4), state=st.none() | states, status=st.none() | statuses, why=texts)
    def set_state_status(self, wanted: list[int], state: str | None, status: str | None, why: str) -> None:
        self.both(
            lambda s: s.set_state_status(
                wanted,
                state=state,
                status=status,
                user="me",
                reason=why,
                time=7,
                only_if=lambda test: test.id % 3 > 0,
            )
        )

    @rule(wanted=st.lists(rows, max_size=4), held=st.booleans())
    def request_kill(self, wanted: list[int], held: bool) -> None:
        self.both(lambda s: s.request_kill(wanted, held=held, user="me", reason="", time=8))

    @rule(wanted=st.lists(rows, max_size=2))
    def delete_tests(self, wanted: list[int]) -> None:
        self.both(lambda s: s.delete_tests(wanted))

    @rule(run_id=run_ids)
    def delete_run(self, run_id: int) -> None:
        self.both(lambda s: s.delete_run(run_id))

    @rule(row=rows, variable=st.sampled_from(["v", "w"]), value=st.sampled_from(["", "x", "1.5", "-3"]))
    def put_value(self, row: int, variable: str, value: str) -> None:
        record = ValueRecord(test_row=row, category="", variable=variable, value=value)
        self.both(lambda s: s.commit([record], None))

    @rule(target=leases, run_id=run_ids, holder=holders)
    def acquire_lease(self, run_id: int, holder: Holder) -> object:
        answer = self.both(lambda s: s.acquire_lease(run_id, holder))
        return answer if isinstance(answer, Lease) else multiple()

    @rule(target=leases, lease=leases, holder=holders)
    def take_over(self, lease: Lease, holder: Holder) -> object:
        answer = self.both(lambda s: s.take_over(lease.run_id, lease.token, holder))
        return answer if isinstance(answer, Lease) else multiple()

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        self.both(lambda s: s.release(lease))

    @rule(run_id=run_ids, payload=texts)
    def add_request(self, run_id: int, payload: str) -> None:
        self.both(lambda s: s.add_request(run_id, "k", payload, time=3))

    @rule(run_id=run_ids, lease=st.none() | leases)
    def take_requests(self, run_id: int, lease: Lease | None) -> None:
        self.both(lambda s: list(s.take_requests(run_id, lease)))

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = self.opened()

    @invariant()
    def both_read_the_same(self) -> None:
        self.both(lambda s: s.runs())
        self.both(lambda s: s.counts())
        self.both(lambda s: s.past_durations(["t", "u"]))
        for run_id in (1, 2):
            self.both(partial(everything_of_run, run_id))
        for row in range(1, 8):
            self.both(partial(everything_of_test, row))


def everything_of_run(run_id: int, store: FullStore) -> object:
    return (
        store.tests(run_id),
        store.kill_requests(run_id),
        store.active_elsewhere(run_id),
        store.holder(run_id),
        store.tests_since(run_id, 3)[1],
    )


def everything_of_test(row: int, store: FullStore) -> object:
    return store.test_by_id(row), store.steps(row), store.values(row), store.edits(row)


# Shrinking takes minutes, because every step is a transaction; a failure shows its steps without it.
StoreAndModel.TestCase.settings = settings(
    phases=(Phase.explicit, Phase.generate),
    max_examples=40,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
)
test_the_store_answers_as_the_model_does = StoreAndModel.TestCase


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_bound_as_something_that_sqlite_takes(text: str) -> None:
    bound = bindable(text)
    assert isinstance(bound, str | bytes)
    if isinstance(bound, str):
        assert bound == text
        bound.encode()


@given(st.binary())
def test_any_bytes_come_back_as_they_were(data: bytes) -> None:
    text = text_from_bytes(data)
    bound = bindable(text)
    assert (bound.encode() if isinstance(bound, str) else bound) == data
