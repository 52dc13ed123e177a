"""Tests on disk."""

from __future__ import annotations

import os
from pathlib import Path

from megatest.config.discover import discover_tests
from megatest.model.error import Severity
from megatest.model.spec import Area, Field


def _test(path: Path) -> None:
    path.mkdir(parents=True)
    (path / "testconfig").write_text("")


def _area(home: Path, *paths: str) -> Area:
    return Area(
        home=str(home),
        config_file="f",
        name="n",
        fields=(Field(name="s"),),
        linktree="/lt",
        tests_paths=paths,
    )


def test_directories_with_a_testconfig_are_tests_and_links_count(tmp_path: Path) -> None:
    _test(tmp_path / "tests" / "b")
    _test(tmp_path / "tests" / "a")
    (tmp_path / "tests" / "no").mkdir()
    (tmp_path / "tests" / "file").write_text("")
    os.symlink("a", tmp_path / "tests" / "linked")
    found = discover_tests(_area(tmp_path, str(tmp_path / "tests")))
    assert list(found.value) == ["a", "b", "linked"]
    assert found.value["a"] == str(tmp_path / "tests/a")
    assert found.findings == ()


def test_the_first_directory_of_a_name_counts(tmp_path: Path) -> None:
    _test(tmp_path / "one" / "a")
    _test(tmp_path / "two" / "a")
    found = discover_tests(_area(tmp_path, str(tmp_path / "one"), str(tmp_path / "two")))
    assert found.value == {"a": str(tmp_path / "one/a")}
    assert [finding.severity for finding in found.findings] == [Severity.NOTE]


def test_missing_paths_and_impossible_names_are_warnings(tmp_path: Path) -> None:
    _test(tmp_path / "tests" / "-x")
    _test(tmp_path / "tests" / "new\nline")
    found = discover_tests(_area(tmp_path, str(tmp_path / "none"), str(tmp_path / "tests")))
    assert found.value == {}
    assert [finding.severity for finding in found.findings] == [Severity.WARNING] * 3


def test_a_path_that_is_there_and_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("")
    (finding,) = discover_tests(_area(tmp_path, str(tmp_path / "tests"))).findings
    assert finding.severity is Severity.ERROR
    assert finding.message == f"no tests are read from {tmp_path}/tests: Not a directory"
