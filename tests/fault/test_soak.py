"""Engines killed at random for a long time, in a crowd of writers and readers: the same results."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_area import CONFIG, FaultArea
from fault_stable import Stable

from megatest.app.wiring import SystemClock
from megatest.model.ids import Target, TestId
from megatest.model.spec import Field
from megatest.store.sqlite import SqliteStore, open_store

SEED = 20110714
CROWD = 8


def random_tests(count: int, chance: random.Random) -> dict[str, tuple[str, str]]:
    """Return tests that wait on up to three earlier ones; a few fail."""
    tests: dict[str, tuple[str, str]] = {}
    names: list[str] = []
    for number in range(count):
        name = f"t{number:04}"
        upstream = chance.sample(names[-50:], min(len(names), chance.choice([0, 1, 1, 2, 3])))
        waiton = f"[requirements]\nwaiton {' '.join(upstream)}\n" if upstream else ""
        tests[name] = (waiton, "exit 1\n" if chance.random() < 0.01 else "")
        names.append(name)
    return tests


def expected(tests: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the results of an undisturbed run: what the graph and the scripts say."""
    results: dict[str, str] = {}
    for name, (waiton, last) in tests.items():
        upstream = waiton.partition("waiton ")[2].split()
        if any(results[each] != "COMPLETED/PASS" for each in upstream):
            results[name] = "NOT_STARTED/PREQ_FAIL"
        else:
            results[name] = "COMPLETED/FAIL" if last else "COMPLETED/PASS"
    return results


def opened(area: FaultArea) -> SqliteStore:
    path = str(area.home / "megatest.db")
    return open_store(path, (Field(name="SYSTEM"),), create=True, clock=SystemClock())


@contextmanager
def crowd(area: FaultArea) -> Iterator[dict[int, int]]:
    """Let writers and readers work on rows of a run of their own; yield how often each row was written."""
    store = opened(area)
    run = store.register_run(Target(("linux",)), "crowd", owner="w", time=0)
    named = [(TestId(f"w{number}"), False) for number in range(CROWD)]
    rows = [record.id for record in store.register_tests(run.id, named, 0, None).values()]
    store.close()
    path = str(area.home / "megatest.db")
    program = str(Path(__file__).with_name("fault_crowd.py"))
    members = [
        subprocess.Popen(
            [sys.executable, program, role, path, str(row)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for role in ("write", "read")
        for row in rows
    ]
    written: dict[int, int] = {}
    try:
        yield written
    finally:
        Path(f"{path}.stop").touch()
        for number, member in enumerate(members):
            said, complaint = member.communicate(timeout=60)
            assert member.returncode == 0, complaint
            if number < CROWD:
                written[rows[number]] = int(said)


def soak(room: Path, stable: Stable, *, tests: int, kills: int, longest_s: float) -> None:
    chance = random.Random(SEED)
    area = FaultArea(room=room, stable=stable)
    made = random_tests(tests, chance)
    area.make(made, CONFIG.replace("jobs 1", "jobs 4"))
    with crowd(area) as written:
        for _ in range(kills):
            area.killed_after(chance.uniform(0, longest_s), "run", "-n", "r")
        done = area.megatest("run", "-n", "r")
        assert done.code == 1, done.said[-2000:]
    _judge_crowd(area, written)
    _judge_run(area, made)


def _judge_run(area: FaultArea, made: Mapping[str, tuple[str, str]]) -> None:
    results = {name: result for name, result in area.results().items() if name in made}
    assert results == expected(made)
    area.check_starts()
    passed = {name for name, result in results.items() if result == "COMPLETED/PASS"}
    starts = [line.partition("/")[0] for line, count in area.started().items() for _ in range(count)]
    assert sorted(name for name in starts if name in passed) == sorted(passed), "a result was thrown away"
    area.check_histories()
    area.check_that_nothing_lives()


def _judge_crowd(area: FaultArea, written: Mapping[int, int]) -> None:
    """Nothing that a writer wrote is missing."""
    store = opened(area)
    try:
        for row, count in written.items():
            record = store.test_by_id(row)
            assert record is not None
            assert (record.status, record.comment) == (f"W{count}", str(count))
            assert [edit.new_status for edit in store.edits(row)] == [f"W{n + 1}" for n in range(count)]
        assert sum(written.values()) > CROWD
    finally:
        store.close()


@pytest.fixture
def stable(tmp_path: Path) -> Iterator[Stable]:
    with Stable(tmp_path) as stable:
        yield stable


def test_twenty_kills_in_a_crowd_change_no_result(tmp_path: Path, stable: Stable) -> None:
    soak(tmp_path, stable, tests=100, kills=20, longest_s=0.6)


@pytest.mark.soak
def test_two_hundred_kills_in_a_crowd_change_no_result(tmp_path: Path, stable: Stable) -> None:
    soak(tmp_path, stable, tests=1000, kills=200, longest_s=3)
