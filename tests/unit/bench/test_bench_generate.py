from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from bench.generate import (
    Suite,
    Work,
    chain,
    independent,
    items,
    layers,
    sleeps,
    tally_problem,
    write_scripts,
)


def _work(suite: Suite, directory: Path) -> Work:
    return Work(suite=suite, directory=directory, jobs=2)


def _tallied(suite: Suite, directory: Path, *names: str) -> Work:
    work = _work(suite, directory)
    work.tally.write_text("".join(f"{name}\n" for name in names))
    return work


def test_a_chain_waits_on_the_test_before() -> None:
    assert chain(3).upstream == ((), (0,), (1,))


def test_layers_are_the_same_on_every_call_and_wait_on_the_layer_above_only() -> None:
    suite = layers(3, 5, 2)
    assert suite == layers(3, 5, 2)
    for index, upstream in enumerate(suite.upstream):
        layer = index // 5
        assert len(upstream) == (2 if layer else 0)
        assert all(before // 5 == layer - 1 for before in upstream)


@pytest.mark.parametrize("suite", [independent(11), items(11), sleeps(11, 0.0)])
def test_names_are_distinct_and_of_one_width(suite: Suite) -> None:
    assert len(set(suite.tests)) == 11
    assert {len(name) for name in suite.tests} == {3}


def test_scripts_that_run_in_order_leave_a_good_tally(tmp_path: Path) -> None:
    work = _work(chain(4), tmp_path)
    write_scripts(work)
    for index in range(4):
        subprocess.run(["sh", str(work.script(index))], check=True)
    assert tally_problem(work) == ""


def test_an_item_script_takes_its_name_from_the_environment_or_its_argument(tmp_path: Path) -> None:
    work = _work(items(2), tmp_path)
    write_scripts(work)
    subprocess.run(["sh", str(work.script(0)), "t0"], check=True, env={})
    subprocess.run(["sh", str(work.script(1))], check=True, env={"ITEM": "t1"})
    assert tally_problem(work) == ""


def test_a_filed_test_has_a_directory_and_a_log_of_its_own(tmp_path: Path) -> None:
    work = _work(independent(1), tmp_path)
    write_scripts(work)
    subprocess.run(work.filing_line("t0"), shell=True, check=True)
    assert (tmp_path / "homes" / "t0" / "log").exists()
    assert tally_problem(work) == ""


def test_without_a_tally_no_test_ran(tmp_path: Path) -> None:
    assert tally_problem(_work(independent(2), tmp_path)) == "no test ran"


def test_a_test_that_did_not_run_voids_the_figure(tmp_path: Path) -> None:
    work = _tallied(independent(2), tmp_path, "t0")
    assert tally_problem(work) == "of 2 tests 1 did not run and 0 ran more than once"


def test_a_test_that_ran_twice_voids_the_figure(tmp_path: Path) -> None:
    work = _tallied(independent(2), tmp_path, "t0", "t1", "t0")
    assert tally_problem(work) == "of 2 tests 0 did not run and 1 ran more than once"


def test_a_test_that_ran_before_its_prerequisite_voids_the_figure(tmp_path: Path) -> None:
    work = _tallied(chain(3), tmp_path, "t0", "t2", "t1")
    assert tally_problem(work) == "t2 ran before what it waits on"
