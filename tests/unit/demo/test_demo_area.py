"""The scripts of examples/python-self-test do what the area's files say, outside of any run."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

AREA = Path(__file__).parents[3] / "examples" / "python-self-test"
TESTS = sorted(path.parent for path in AREA.glob("tests/*/testconfig"))
SCRIPTS = sorted([*AREA.glob("bin/*"), *AREA.glob("tests/*/*.sh")])

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    """Return the directory of a run whose test `setup` has found this interpreter."""
    run = tmp_path / "lt/python3/plain/first"
    (run / "setup").mkdir(parents=True)
    (run / "setup/interpreter").write_text(f"{sys.executable}\n")
    return run


@pytest.fixture
def run(tmp_path: Path, run_directory: Path) -> Run:
    """Return a function that runs a command in a copy of a test's files, with its variables."""
    megatest = tmp_path / "megatest"
    megatest.write_text('#!/bin/sh\necho "$@" >> reported\n')
    megatest.chmod(0o755)

    def run_in_copy(test: str, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        copy = run_directory / test
        shutil.copytree(AREA / "tests" / test, copy, dirs_exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "MT_LINKTREE": str(tmp_path / "lt"),
            "MT_TARGET": "python3/plain",
            "MT_RUNNAME": "first",
            "MT_RUN_AREA_HOME": str(AREA),
            "MT_MEGATEST": str(megatest),
            **variables,
        }
        return subprocess.run(command, cwd=copy, env=environment, text=True, capture_output=True)

    return run_in_copy


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_of_the_demo_is_executable_and_plain_shell(script: Path) -> None:
    assert script.stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["/bin/sh", "-n", script]).returncode == 0


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name)
def test_every_prerequisite_of_a_demo_test_is_a_test_of_the_demo(test: Path) -> None:
    waitons = re.findall(r"^waiton (.*)$", (test / "testconfig").read_text(), re.MULTILINE)
    assert set(" ".join(waitons).split()) <= {path.name for path in TESTS}


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name)
def test_the_page_of_the_demo_explains_every_test(test: Path) -> None:
    assert f"| `{test.name}` |" in (AREA / "README.md").read_text()


def test_every_demo_doctest_item_waits_for_a_compile_item_that_exists() -> None:
    doctest, compiled = (
        re.findall(rf"^{variable} (.*)$", (AREA / "tests" / test / "testconfig").read_text(), re.MULTILINE)
        for test, variable in (("doctest", "MODULE"), ("compile", "PACKAGE"))
    )
    mapped = {re.sub(r"\..*", "", item, count=1) for item in doctest[0].split()}
    assert mapped <= set(compiled[0].split())


def test_setup_records_the_interpreter_that_the_target_names(run: Run, run_directory: Path) -> None:
    (run_directory / "setup/interpreter").unlink()
    assert run("setup", "./find-python.sh", PYTHON=sys.executable).returncode == 0
    assert (run_directory / "setup/interpreter").read_text() == f"{sys.executable}\n"
    assert (run_directory / "setup/facts.txt").read_text().startswith("version 3.")


def test_setup_says_which_command_is_missing(run: Run, run_directory: Path) -> None:
    assert run("setup", "./find-python.sh", PYTHON="no-such-python").returncode == 1
    reported = (run_directory / "setup/reported").read_text()
    assert (
        reported
        == "-test-status :state COMPLETED :status FAIL -m there is no command no-such-python on PATH\n"
    )


def test_compile_counts_what_it_compiled(run: Run) -> None:
    ended = run("compile", f"{AREA}/bin/py", "compile_package.py", "json")
    assert ended.returncode == 0
    assert ended.stdout.startswith("files ")


def test_compile_fails_on_a_package_that_does_not_exist(run: Run) -> None:
    assert run("compile", f"{AREA}/bin/py", "compile_package.py", "no_such_package").returncode != 0


@pytest.mark.parametrize(("module", "code"), [("http.cookies", 0), ("keyword", 1)])
def test_examples_must_exist_to_pass(run: Run, module: str, code: int) -> None:
    assert run("doctest", f"{AREA}/bin/py", "run_examples.py", module).returncode == code


def test_regrtest_skips_itself_where_the_module_is_not_installed(run: Run, run_directory: Path) -> None:
    assert run("regrtest", "./regrtest.sh", MODULE="no_such_module").returncode == 0
    reported = (run_directory / "regrtest/reported").read_text()
    assert reported == "-test-status :state COMPLETED :status SKIP -m the test package is not installed\n"


def test_regrtest_fails_when_the_interpreter_does_not_work(run: Run, run_directory: Path) -> None:
    (run_directory / "setup/interpreter").write_text("/bin/false\n")
    assert run("regrtest", "./regrtest.sh", MODULE="bisect").returncode != 0
    assert not (run_directory / "regrtest/reported").exists()


def test_startup_reports_its_steps_and_a_value(run: Run, run_directory: Path) -> None:
    assert run("startup", "./startup.sh", FLAG="S", NAME="nosite", STARTS="1").returncode == 0
    reported = (run_directory / "startup/reported").read_text().splitlines()
    assert [line.split()[:2] for line in reported[:4]] == [["-step", "warm_up"]] * 2 + [
        ["-step", "measure"]
    ] * 2
    assert reported[4].startswith("-set-values :category startup :variable nosite :value ")


def test_the_report_sums_up_the_items_that_left_facts(run: Run, run_directory: Path) -> None:
    (run_directory / "setup/facts.txt").write_text("version 3.11.0\n")
    for item, files in (("json", 5), ("http", 7)):
        (run_directory / "compile" / item).mkdir(parents=True)
        (run_directory / "compile" / item / "facts.txt").write_text(f"files {files}\n")
    ended = run("report", "./report.sh")
    assert ended.returncode == 0
    assert "compile         2 items: 12 files\n" in ended.stdout
    assert (run_directory / "report/reported").read_text() == "-setlog report.txt\n"
