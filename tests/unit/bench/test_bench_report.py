from __future__ import annotations

import pytest
from bench.compare import Comparison
from bench.goals import lines
from bench.line import Line, void
from bench.measure import Sample, figure
from bench.report import README, comparison_table, line_table, replace_block
from bench.workloads import FULL


def _comparison(key: str, **walls_s: float) -> Comparison:
    workload = next(one for one in FULL if one.key == key)
    figures = {
        name: figure([Sample(wall_s=wall_s, cpu_s=wall_s, peak_kib=1024)], workload.tests)
        for name, wall_s in walls_s.items()
    }
    return Comparison(workload=workload, figures=figures)


def test_the_quickest_runner_comes_first_and_ours_has_no_ratio_to_itself() -> None:
    table = comparison_table(_comparison("W1-1000-j2-tmpfs", ctest=2.0, megatest=1.0))
    ours, ctest = table.splitlines()[-2:]
    assert ours.startswith("| megatest")
    assert "0.50" not in ours
    assert ctest.count("0.50") == 2


def test_a_void_runner_is_told_with_its_reason() -> None:
    bad = figure([Sample(wall_s=0.1, cpu_s=0.1, peak_kib=1, problem="no test ran")], 1000)
    workload = next(one for one in FULL if one.key == "W2")
    assert "void: no test ran" in comparison_table(Comparison(workload=workload, figures={"make": bad}))


def test_goals_are_answered_only_where_all_their_figures_are_there() -> None:
    comparison = _comparison("W1-1000-j2-tmpfs", ctest=2.0, megatest=1.0)
    titles = {line.title: line.verdict for line in lines({comparison.workload.key: comparison})}
    assert titles == {"wall against ctest, 1,000": "met", "CPU against ctest, 1,000": "met"}


def test_a_goal_stands_beside_what_the_recording_loop_reaches() -> None:
    comparison = _comparison(
        "W2", **{"ctest": 2.0, "megatest": 3.0, "recording loop": 2.5, "make": 1.0, "ninja": 1.0}
    )
    (line,) = lines({"W2": comparison})
    assert (line.value, line.floor, line.verdict) == (1.5, 1.25, "missed")
    head, _, row = line_table([line]).splitlines()
    assert head.endswith("| the recording loop |")
    assert "1.25" in row


def test_a_table_without_floors_has_no_column_for_them() -> None:
    assert "loop" not in line_table([Line(workload="W7", title="list", value=1.0, unit="ms")])


def test_a_line_shows_value_goal_and_verdict() -> None:
    table = line_table(
        [Line(workload="W7", title="list", value=120.0, unit="ms", goal=100.0), void("W8", "x", "why")]
    )
    assert "120.00 ms" in table
    assert "≤ 100 ms" in table
    assert "missed" in table
    assert "void: why" in table


def test_a_block_is_replaced_and_the_rest_of_the_page_stays() -> None:
    page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n"
    new = "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n"
    assert replace_block(page, "x", "new") == new


def test_a_page_without_the_block_is_refused() -> None:
    with pytest.raises(ValueError, match="no block 'y'"):
        replace_block("a", "y", "new")


@pytest.mark.parametrize("block", ["peers", "ours"])
def test_the_page_of_figures_has_every_block(block: str) -> None:
    page = README.read_text()
    assert replace_block(replace_block(page, block, "new"), block, "newer").count("newer") == 1


def test_keys_of_workloads_are_distinct() -> None:
    assert len({one.key for one in FULL}) == len(FULL)
