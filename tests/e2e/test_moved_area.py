"""An area is a directory of plain files: it may be moved and copied, and keeps its results."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from area_kit import AreaKit, make_area, suite

RUN = ("-t", "ubuntu/nfs")
OK = (*RUN, "-n", "w1", "ok,items")


def lose_database(kit: AreaKit) -> None:
    for path in kit.home.glob("megatest.db*"):
        path.unlink()


def copied(kit: AreaKit, home: Path) -> AreaKit:
    shutil.copytree(kit.home, home, symlinks=True)
    return AreaKit(home)


def moved(kit: AreaKit, home: Path) -> AreaKit:
    kit.home.rename(home)
    return AreaKit(home)


@pytest.fixture
def area(tmp_path: Path) -> AreaKit:
    kit = suite(tmp_path / "old")
    kit.good("run", *OK)
    return kit


def test_an_area_that_was_moved_comes_back_with_its_directories(area: AreaKit, tmp_path: Path) -> None:
    kit = moved(area, tmp_path / "new")
    lose_database(kit)
    said = kit.good("rebuild")
    assert "1 runs, 4 tests and items" in said
    assert f"{area.home} was read as a former place of this area" in said
    assert "shown" in kit.good("log", "ok", *RUN, "-n", "w1")
    assert str(area.home) not in kit.good("show", "items/red", *RUN, "-n", "w1")
    assert (kit.home / "lt/ubuntu/nfs/w1/ok/said").exists(), "the link leads to where the directory is"
    assert "nothing to do" in kit.good("run", *OK)
    assert "PROBLEM" not in kit.good("doctor")


def test_a_copy_that_was_moved_has_the_runs_of_both_places(area: AreaKit, tmp_path: Path) -> None:
    copy = copied(area, tmp_path / "n1")
    copy.good("run", *RUN, "-n", "new", "ok")
    kit = moved(copy, tmp_path / "n2")
    assert "2 runs" in kit.good("rebuild")
    listed = kit.good("list", "--runs")
    assert "w1" in listed
    assert "new" in listed
    assert "2 runs" in kit.good("rebuild"), "what was moved once is read the same way again"


def test_a_moved_area_runs_again_and_removes_what_it_had(area: AreaKit, tmp_path: Path) -> None:
    kit = moved(area, tmp_path / "new")
    lose_database(kit)
    kit.good("rebuild")
    for _ in range(4):
        said = kit.good("run", *OK, "--force")
        assert "belongs to" not in said
    kit.good("rm", "-y", "%", *RUN, "-n", "w1")
    assert [p for d in ("lt", "runs") for p in (kit.home / d).rglob("*")] == []


def test_a_moved_area_whose_records_are_gone_too_is_not_in_its_own_way(area: AreaKit, tmp_path: Path) -> None:
    area.good("run", *OK, "--force")
    kit = moved(area, tmp_path / "new")
    lose_database(kit)
    (kit.home / "lt/ubuntu/nfs/w1/.run.journal").unlink()
    for _ in range(4):
        said = kit.megatest("run", *OK, "--force")
        assert said.code == 0, said.said
        assert "cannot remove" not in said.said


def test_a_copy_leaves_its_original_alone(area: AreaKit, tmp_path: Path) -> None:
    kit = copied(area, tmp_path / "copy")
    lose_database(kit)
    assert "1 runs" in kit.good("rebuild")
    kit.good("run", *OK, "--force")
    kit.good("rm", "-y", "%", *RUN, "-n", "w1")
    assert (area.home / "lt/ubuntu/nfs/w1/ok/said").exists()
    assert "nothing to do" in area.good("run", *OK)


def test_runs_of_an_area_that_lives_elsewhere_stay_out_and_it_is_said(area: AreaKit, tmp_path: Path) -> None:
    kit = make_area(
        tmp_path / "beside", (area.home / "megatest.config").read_text().replace(
            "#{getenv MT_RUN_AREA_HOME}", str(area.home)
        )
    )  # fmt: skip
    kit.add_test("own")
    kit.good("run", *RUN, "-n", "o1", "own")
    said = kit.good("rebuild")
    assert "1 runs, 1 tests" in said
    assert f"1 run in the link tree left out, of the area {area.home}" in said
    assert f"1 run in the link tree left out, of the area {kit.home}" in area.good("rebuild")


def test_a_rebuild_that_finds_nothing_leaves_the_database_as_it_is(area: AreaKit) -> None:
    shutil.rmtree(area.home / "lt")
    shutil.rmtree(area.home / "runs")
    done = area.megatest("rebuild")
    assert done.code == 3, done.said
    assert "no runs were found on disk" in done.err
    assert "which has 1, stays as it is" in done.err
    assert "w1" in area.good("list", "--runs")


def test_each_rebuild_keeps_the_database_before(area: AreaKit) -> None:
    first = (area.home / "megatest.db").read_bytes()
    assert f"{area.home}/megatest.db.before-rebuild\n" in area.good("rebuild")
    assert f"{area.home}/megatest.db.before-rebuild.2\n" in area.good("rebuild")
    assert (area.home / "megatest.db.before-rebuild").read_bytes() == first
