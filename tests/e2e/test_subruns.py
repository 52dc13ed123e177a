"""What is done to a test by hand is done to the run inside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from area_kit import W1, AreaKit, make_area, wait_for_file

RUN = ("-t", "ubuntu/nfs", "-n", "w1")
SET = ("set", "outer", "--reason", "look again", *RUN)


@pytest.fixture
def inner(tmp_path: Path) -> AreaKit:
    """An area with a good test, and one that fails until it is mended; both count how often they ran."""
    kit = make_area(tmp_path / "inner")
    kit.add_test("good", 'echo ran >> "$MT_RUN_AREA_HOME/good.count"')
    kit.add_test("bad", 'echo ran >> "$MT_RUN_AREA_HOME/bad.count"; [ -e "$MT_RUN_AREA_HOME/mended" ]')
    kit.add_test("other")
    return kit


@pytest.fixture
def outer(tmp_path: Path, inner: AreaKit) -> AreaKit:
    """An area with a test that has run two tests of the inner one, one of which failed."""
    kit = make_area(tmp_path / "area")
    kit.add_test("outer", "exit 0", "[subrun]\nrun-area ../inner\ntest-patt good,bad\nrun-name sub\n")
    assert kit.megatest("run", "outer", *RUN).code == 1
    inner.good("run", "other", "-t", "ubuntu/nfs", "-n", "sub")
    return kit


def statuses(kit: AreaKit) -> dict[str, str]:
    tests = json.loads(kit.good("list", "--json"))["tests"]
    return {test["test"]: f"{test['state']}/{test['status']}" for test in tests}


def count(kit: AreaKit, test: str) -> int:
    return len((kit.home / f"{test}.count").read_text().splitlines())


def test_what_ran_inside_is_removed_with_its_test(outer: AreaKit, inner: AreaKit) -> None:
    told = outer.good("rm", "%", *RUN, "--dry-run")
    assert f"would remove {inner.home}:ubuntu/nfs/sub/bad\n" in told
    assert set(statuses(inner)) == {"good", "bad", "other"}
    removed = outer.good("-remove-runs", *W1, "-testpatt", "%")
    assert f"removed {inner.home}:ubuntu/nfs/sub/good\n" in removed
    assert "removed ubuntu/nfs/w1\n" in removed
    assert set(statuses(inner)) == {"other"}  # the outer test did not run it
    assert sorted(path.name for path in (inner.home / "runs/ubuntu/nfs/sub").iterdir()) == ["other"]


def test_directories_alone_are_removed_inside_too(outer: AreaKit, inner: AreaKit) -> None:
    outer.good("rm", "%", *RUN, "-y", "--keep-records")
    assert statuses(inner)["good"] == "NOT_STARTED/n/a"
    assert not (inner.home / "runs/ubuntu/nfs/sub/good").exists()


def test_a_test_stays_as_long_as_what_ran_inside_has_to(outer: AreaKit, inner: AreaKit) -> None:
    inner.good("lock", "-n", "sub")
    done = outer.megatest("rm", "%", *RUN, "-y")
    assert done.code == 1
    assert f"ubuntu/nfs/w1/outer stays: {inner.home}:ubuntu/nfs/sub, which ran inside, stays" in done.err
    assert "outer" in statuses(outer)
    assert "bad" in statuses(inner)


def test_a_test_goes_though_the_area_of_what_ran_inside_is_gone(outer: AreaKit, inner: AreaKit) -> None:
    shutil.rmtree(inner.home)
    assert "removed ubuntu/nfs/w1\n" in outer.good("rm", "%", *RUN, "-y")


def test_a_sub_run_that_cannot_be_read_is_told_with_the_way_out(outer: AreaKit, inner: AreaKit) -> None:
    (inner.home / "megatest.config").write_text("[fields]\nother TEXT\n[setup]\nlinktree lt\n")
    done = outer.megatest("rm", "%", *RUN, "-y")
    assert done.code == 1
    assert "outer stays: its sub-run cannot be removed" in done.err
    record = outer.home / "runs/ubuntu/nfs/w1/outer/testconfig.subrun"
    assert f"(without {record} it is left alone)" in done.err
    record.unlink()
    outer.good("rm", "%", *RUN, "-y")


def test_the_original_sets_states_inside_too(outer: AreaKit, inner: AreaKit) -> None:
    outer.good("-set-state-status", "COMPLETED,WAIVED", *W1, "-testpatt", "outer")
    waived = "COMPLETED/WAIVED"
    assert statuses(outer) == {"outer": waived}
    assert statuses(inner) == {"good": waived, "bad": waived, "other": "COMPLETED/PASS"}


def test_a_test_set_to_run_again_does_so_inside_too(outer: AreaKit, inner: AreaKit) -> None:
    outer.good(*SET, "--state", "NOT_STARTED", "--status", "n/a")
    assert statuses(inner)["good"] == "NOT_STARTED/n/a"
    assert "look again" in inner.good("show", "good", "-n", "sub")
    (inner.home / "mended").touch()
    outer.good("run", "outer", *RUN)
    assert (count(inner, "good"), count(inner, "bad")) == (2, 2)


def test_a_verdict_by_hand_is_about_the_outer_test_alone(outer: AreaKit, inner: AreaKit) -> None:
    outer.good(*SET, "--status", "WAIVED")
    assert statuses(outer) == {"outer": "COMPLETED/WAIVED"}
    assert statuses(inner)["bad"] == "COMPLETED/FAIL"


def test_what_cannot_be_set_inside_is_told(outer: AreaKit, inner: AreaKit) -> None:
    inner.good("lock", "-n", "sub")
    done = outer.megatest("-set-state-status", "NOT_STARTED,n/a", *W1, "-testpatt", "outer")
    assert done.code == 1
    assert "warning: the sub-run of outer stays as it is: run ubuntu/nfs/sub is locked" in done.err
    assert statuses(outer) == {"outer": "NOT_STARTED/n/a"}


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
