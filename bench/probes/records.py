"""W6: a store with many results, and the queries of list, show and the dashboards.

`python -m bench.probes.records make DATABASE RUNS TESTS` fills a fresh database;
`python -m bench.probes.records ask DATABASE` prints milliseconds, the best of several each.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from megatest.model.ids import Target, TestId
from megatest.model.record import RunRecord, TestRecord
from megatest.model.spec import Field
from megatest.store.sqlite import SqliteStore, open_store

FIELDS: Final = (Field(name="PLACE"),)
_OUTCOMES: Final = (
    *(("COMPLETED", "PASS"),) * 17,
    ("COMPLETED", "FAIL"),
    ("COMPLETED", "WARN"),
    ("KILLED", "FAIL"),
)
_START: Final = 1_700_000_000
_DAY_S: Final = 86_400
_TURNS: Final = 5


class _Clock:
    def now(self) -> float:
        return time.time()


def make(path: str, runs: int, tests: int) -> None:
    """Fill a fresh database with `runs` runs of `tests` results each; half of them are items."""
    store = open_store(path, FIELDS, create=True, clock=_Clock())
    for run_id in range(1, runs + 1):
        # A transaction a run: memory stays that of one run.
        store.import_records([_run(run_id)], _tests(run_id, tests), (), ())
    store.close()


def _run(run_id: int) -> RunRecord:
    return RunRecord(
        id=run_id,
        target=Target(("here",)),
        runname=f"r{run_id:04d}",
        state="new",
        status="n/a",
        owner="bench",
        event_time=_START + run_id * _DAY_S,
        comment="",
        fail_count=0,
        pass_count=0,
    )


def _tests(run_id: int, count: int) -> Iterator[TestRecord]:
    for index in range(count):
        name, item = (f"test_{index // 2:05d}", "") if index % 2 else ("sweep", f"corner/{index:05d}")
        state, status = _OUTCOMES[(index * 7 + run_id) % len(_OUTCOMES)]
        place = f"here/r{run_id:04d}/{name}/{item}"
        yield TestRecord(
            id=(run_id - 1) * count + index + 1,
            run_id=run_id,
            test_id=TestId(name, item),
            state=state,
            status=status,
            attempt=1,
            host="host.example.org",
            rundir=f"/area/linktree/{place}",
            shortdir=f"/area/runs/{place}",
            final_logf="mt_launch.log",
            run_duration_s=index % 600,
            event_time=_START + run_id * _DAY_S + index,
            comment="exit status 1" if status == "FAIL" else "",
            executor="local",
        )


def ask(path: str) -> None:
    """Print how long each query takes, in milliseconds."""
    store = open_store(path, FIELDS, create=False, read_only=True, clock=_Clock())
    run = store.runs()[-1]
    test_id = TestId("sweep", "corner/00000")
    questions: dict[str, Callable[[], object]] = {
        "all runs": store.runs,
        "tests of a run": lambda: store.glances(run.id),
        "records of the tests of a run": lambda: store.tests(run.id),
        "failed tests of a run": lambda: store.tests(run.id, statuses=("FAIL",)),
        "one test": lambda: store.test(run.id, test_id),
        "history of a test": lambda: store.history(test_id),
        "counts of a run": lambda: store.counts([run.id]),
        "counts of ten runs": lambda: store.counts(_last_ids(store, 10)),
    }
    print(json.dumps({name: _best_ms(question) for name, question in questions.items()}))
    store.close()


def _last_ids(store: SqliteStore, count: int) -> list[int]:
    return [run.id for run in store.runs()[-count:]]


def _best_ms(question: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_TURNS):
        start = time.perf_counter()
        question()
        best = min(best, time.perf_counter() - start)
    return best * 1000


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        ask(sys.argv[2])
