"""Two processes on one database: no update is lost, and a holder that was fenced off hears of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder, Lease
from megatest.model.spec import Field
from megatest.store.sqlite import SqliteStore, open_store

FIELDS = (Field(name="sysname"),)
ROWS = 400

PRELUDE = """
import sys, time
from megatest.model.change import TestChange
from megatest.model.lease import Lease, LeaseLost
from megatest.model.spec import Field
from megatest.store.sqlite import open_store

path, name = sys.argv[1:3]
fields = [Field(name="sysname")]
store = open_store(path, fields, create=True, network=NETWORK, clock=time_source(), busy_timeout_s=60)
"""

CLOCK = """
class time_source:
    def now(self):
        return 1.0
"""

LAUNCH_ALL = """
won = 0
for test in store.tests(1):
    change = TestChange(row=test.id, expected_state="NOT_STARTED", state="LAUNCHED", host=name)
    won += not store.commit([change], None)
print(won)
"""

COMMIT_UNTIL_LOST = """
lease = Lease(run_id=1, token=int(name))
number = 0
print("ready", flush=True)
while number < 20000:
    store.tests(1)  # leaves the lock alone for a moment, as the work of an engine does
    try:
        store.commit([TestChange(row=1, expected_state="NOT_STARTED", comment=str(number))], lease)
    except LeaseLost:
        break
    number += 1
print(number)
"""


class StoppedClock:
    def now(self) -> float:
        return 1.0


@contextmanager
def process(path: Path, name: str, body: str, *, network: bool) -> Iterator[subprocess.Popen[str]]:
    """Start Python on a body that finds `store` and `name`; it does not outlive the test."""
    script = CLOCK + PRELUDE.replace("NETWORK", str(network)) + body
    command = [sys.executable, "-c", script, str(path), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def answers(path: Path, names: Sequence[str], body: str, *, network: bool) -> list[str]:
    """Return what processes that run at the same time have printed."""
    with ExitStack() as stack:
        processes = [stack.enter_context(process(path, name, body, network=network)) for name in names]
        return [started.communicate(timeout=300)[0] for started in processes]


def comment_of_the_first(store: SqliteStore) -> str:
    test = store.test_by_id(1)
    assert test is not None
    return test.comment


@pytest.fixture(params=[False, True], ids=["local", "network"])
def network(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "megatest.db"


@pytest.fixture
def store(path: Path, network: bool) -> Iterator[SqliteStore]:
    with closing(
        open_store(str(path), FIELDS, create=True, network=network, clock=StoppedClock(), busy_timeout_s=60)
    ) as store:
        run = store.register_run(Target(("u",)), "w1", owner="me", time=1)
        store.register_tests(run.id, [(TestId(f"t{n:03}"), False) for n in range(ROWS)], 1, None)
        yield store


def test_of_two_processes_that_want_the_same_rows_each_row_goes_to_one(
    store: SqliteStore, path: Path, network: bool
) -> None:
    names = ("first", "second")
    said = answers(path, names, LAUNCH_ALL, network=network)
    won = {name: int(answer) for name, answer in zip(names, said, strict=True)}
    hosts = [test.host for test in store.tests(1, states={"LAUNCHED"})]
    assert len(hosts) == ROWS
    assert {name: hosts.count(name) for name in names} == won


def test_a_holder_that_was_taken_over_in_the_middle_of_its_work_writes_nothing_more(
    store: SqliteStore, path: Path, network: bool
) -> None:
    lease = store.acquire_lease(1, Holder(host="h", pid=1))
    assert isinstance(lease, Lease)
    with process(path, str(lease.token), COMMIT_UNTIL_LOST, network=network) as old:
        assert old.stdout is not None
        assert old.stdout.readline() == "ready\n"
        while not comment_of_the_first(store):
            pass
        heir = store.take_over(1, lease.token, Holder(host="h", pid=2))
        after = comment_of_the_first(store)
        written = int(old.stdout.read())
        assert old.wait(timeout=60) == 0
    assert after == str(written - 1)
    assert comment_of_the_first(store) == after
    assert store.commit([], heir) == []


def test_two_processes_may_make_the_same_database_at_once(path: Path, network: bool) -> None:
    said = answers(path, ("a", "b", "c"), "print(store.runs())", network=network)
    assert said == ["[]\n"] * 3
