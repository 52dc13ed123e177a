"""Changes by hand: parents follow their items, however large the run is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pytest

from fakes.store import FakeStore
from megatest.app.edit import Author, roll_up_parents
from megatest.app.query import view
from megatest.model.ids import Target, TestId
from megatest.model.record import RunRecord, TestRecord
from megatest.workarea.runlog import RunLog, read_run_log

_AUTHOR = Author(user="me", time=9)


class StoreOfALargeRun(FakeStore):
    """A store in which nobody may look through a run's tests for one of them."""

    def tests(
        self,
        run_id: int,
        predicate: Callable[[TestRecord], bool] | None = None,
        *,
        states: Collection[str] = (),
        statuses: Collection[str] = (),
    ) -> Sequence[TestRecord]:
        raise AssertionError("all tests of the run are read for the sake of one")


@pytest.fixture
def store() -> StoreOfALargeRun:
    return StoreOfALargeRun()


@pytest.fixture
def run(store: StoreOfALargeRun) -> RunRecord:
    """A run of two tests with two items each, all of which passed."""
    run = store.register_run(Target(("ubuntu",)), "w1", owner="me", time=1)
    ids = [(TestId(test, item), not item) for test in ("a", "b") for item in ("", "x", "y")]
    rows = store.register_tests(run.id, ids, 1, None).values()
    store.set_state_status(
        [row.id for row in rows], state="COMPLETED", status="PASS", user="me", reason="", time=2
    )
    return run


def _row(store: FakeStore, run: RunRecord, *test_id: str) -> TestRecord:
    found = store.test(run.id, TestId(*test_id))
    assert found is not None
    return found


def test_a_parent_follows_its_items_without_a_look_at_the_rest_of_the_run(
    store: StoreOfALargeRun, run: RunRecord, tmp_path: Path
) -> None:
    failed = _row(store, run, "a", "y")
    store.set_state_status([failed.id], status="FAIL", user="me", reason="", time=3)
    log = RunLog(str(tmp_path / "journal"))
    log.run(run, ["os"], "/area", token=1)
    log.rows(store.rows_of(run.id, "a"))
    roll_up_parents(store, run, {"a", "b"}, _AUTHOR, log)
    log.close()
    parents = [_row(store, run, name) for name in ("a", "b")]
    assert [(parent.status, parent.fail_count) for parent in parents] == [("FAIL", 1), ("PASS", 0)]
    assert read_run_log(log.path).tests[parents[0].id] == parents[0]


def test_the_view_of_a_test_has_its_items_without_a_look_at_the_rest_of_the_run(
    store: StoreOfALargeRun, run: RunRecord
) -> None:
    seen = view(store, run, _row(store, run, "a"))
    assert [str(item.test_id) for item in seen.items] == ["a/x", "a/y"]
