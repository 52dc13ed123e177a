"""From a request to a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from megatest.app.planning import Selected, make_plan, select_tests
from megatest.app.request import RunRequest
from megatest.app.session import AreaRequest
from megatest.model.claim import POOL
from megatest.model.error import ConfigError, UserError
from megatest.model.ids import TestId

CONFIG = "[fields]\nsys TEXT\n[setup]\nlinktree lt\n"


def _area(home: Path, config: str = "", **tests: str) -> AreaRequest:
    (home / "megatest.config").write_text(CONFIG + config)
    (home / "runconfigs.config").touch()
    for name, text in tests.items():
        (home / "tests" / name).mkdir(parents=True)
        (home / "tests" / name / "testconfig").write_text(f"[ezsteps]\nrun true\n{text}")
    return AreaRequest(start=str(home), environ={"PATH": "/usr/bin:/bin"})


def _selected(area: AreaRequest, pattern: str = "", tags: str = "") -> Selected:
    return select_tests(RunRequest(area=area, target="t", runname="r", pattern=pattern, tags=tags))


def test_each_test_takes_of_the_pools_what_its_own_file_says(tmp_path: Path) -> None:
    area = _area(
        tmp_path,
        "[pools]\nsimulator 4\nboard units b1 b2\n",
        unit="[requirements]\nsimulator 1\n[items]\nN 1 2\n",
        chip="[requirements]\nsimulator 3\n",
        flash="[requirements]\nboard 1\n",
        plain="",
    )
    plan = make_plan(_selected(area), (), {})
    taken = {
        str(test_id): [(s.name, s.amount) for s in plan.shares(test_id) if s.kind == POOL]
        for test_id in (TestId("unit", "2"), TestId("chip"), TestId("flash"), TestId("plain"))
    }
    assert taken == {
        "unit/2": [("simulator", 1)],
        "chip": [("simulator", 3)],
        "flash": [("board", 1)],
        "plain": [],
    }


def test_a_misspelt_item_is_refused_before_anything_starts(tmp_path: Path) -> None:
    area = _area(tmp_path, check="[items]\nSPEED slow typical\n", smoke="")
    with pytest.raises(ConfigError, match="test 'check' has no item 'slo'"):
        _selected(area, "smoke,check/slo")
    warned = _selected(area, "smoke,check/z%").findings
    assert [finding.message for finding in warned] == ["no item of test 'check' matches 'check/z%'"]


def test_a_pattern_that_matches_no_test_says_what_lists_them(tmp_path: Path) -> None:
    area = _area(tmp_path, smoke="")
    with pytest.raises(UserError, match="no test matches 'z%'") as caught:
        _selected(area, "z%")
    assert caught.value.hint == "see which there are: megatest run --dry-run %"


def test_a_run_has_one_target(tmp_path: Path) -> None:
    area = _area(tmp_path, smoke="")
    with pytest.raises(UserError, match="target 'main%' has a wildcard, and a run has one target"):
        select_tests(RunRequest(area=area, target="main%", runname="r"))


def test_a_run_has_a_name_that_means_it_alone(tmp_path: Path) -> None:
    area = _area(tmp_path, smoke="")
    with pytest.raises(UserError, match="run name 'w%' has a wildcard"):
        select_tests(RunRequest(area=area, target="main", runname="w%"))


def test_an_item_inside_another_is_refused_at_its_place(tmp_path: Path) -> None:
    selected = _selected(_area(tmp_path, nest="[items]\nX x x/y\n"))
    with pytest.raises(ConfigError) as caught:
        make_plan(selected, (), {})
    (finding,) = caught.value.diagnostics()
    assert str(finding.location) == f"{tmp_path}/tests/nest/testconfig:4:3"


def test_tags_that_match_nothing_are_named(tmp_path: Path) -> None:
    area = _area(tmp_path, smoke="[test_meta]\ntags quick\n")
    with pytest.raises(UserError, match="no test that matches 'smoke' has a tag that matches 'zz'"):
        _selected(area, "smoke", tags="zz")
