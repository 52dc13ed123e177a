"""Later attempts of a test with a run inside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from area_kit import AreaKit, make_area, wait_for_file

RUN = ("-t", "ubuntu/nfs", "-n", "w1")


@pytest.fixture
def inner(tmp_path: Path) -> AreaKit:
    """An area with a good test, and one that fails until it is mended; both count how often they ran."""
    kit = make_area(tmp_path / "inner")
    kit.add_test("good", 'echo ran >> "$MT_RUN_AREA_HOME/good.count"')
    kit.add_test("bad", 'echo ran >> "$MT_RUN_AREA_HOME/bad.count"; [ -e "$MT_RUN_AREA_HOME/mended" ]')
    return kit


@pytest.fixture
def outer(tmp_path: Path, inner: AreaKit) -> AreaKit:
    """An area with a test that has run two tests of the inner one, one of which failed."""
    kit = make_area(tmp_path / "area")
    kit.add_test("outer", "exit 0", "[subrun]\nrun-area ../inner\ntest-patt good,bad\nrun-name sub\n")
    assert kit.megatest("run", "outer", *RUN).code == 1
    return kit


def statuses(kit: AreaKit) -> dict[str, str]:
    tests = json.loads(kit.good("list", "--json"))["tests"]
    return {test["test"]: f"{test['state']}/{test['status']}" for test in tests}


def count(kit: AreaKit, test: str) -> int:
    return len((kit.home / f"{test}.count").read_text().splitlines())


def test_a_later_attempt_runs_again_only_what_is_bad_inside(outer: AreaKit, inner: AreaKit) -> None:
    (inner.home / "mended").touch()
    outer.good("run", "outer", "--failed", *RUN)
    assert statuses(outer) == {"outer": "COMPLETED/PASS"}
    assert (count(inner, "good"), count(inner, "bad")) == (1, 2)


def test_a_later_attempt_runs_again_what_was_cut_off_inside(tmp_path: Path) -> None:
    inner, kit = make_area(tmp_path / "inner"), make_area(tmp_path / "area")
    inner.add_test("told", "touch begun; while [ ! -e $MT_RUN_AREA_HOME/enough ]; do sleep 0.1; done")
    kit.add_test("outer", "exit 0", "[subrun]\nrun-area ../inner\n")
    engine = kit.start("run", "outer", *RUN)
    wait_for_file(inner.home / "runs/ubuntu/nfs/w1/told/begun")
    kit.good("kill", "outer", *RUN)
    engine.communicate(timeout=60)
    assert statuses(inner) == {"told": "INCOMPLETE/KILLED"}  # its run was ended, nobody meant this test
    (inner.home / "enough").touch()
    kit.good("run", "outer", "--failed", *RUN)
    assert statuses(inner) == {"told": "COMPLETED/PASS"}
