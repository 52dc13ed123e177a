"""What `megatest check` finds beyond what reading the files does."""

from __future__ import annotations

from pathlib import Path

from megatest.app.check import findings_of
from megatest.app.session import AreaRequest


def _found(home: Path, **tests: str) -> str:
    (home / "megatest.config").write_text("[fields]\nsys TEXT\n[setup]\nlinktree lt\n")
    (home / "runconfigs.config").touch()
    (home / "tests").mkdir(exist_ok=True)
    for name, text in tests.items():
        (home / "tests" / name).mkdir(exist_ok=True)
        (home / "tests" / name / "testconfig").write_text(f"[ezsteps]\nrun true\n{text}")
    _, findings = findings_of(AreaRequest(start=str(home), environ={"PATH": "/usr/bin:/bin"}))
    return "\n".join(finding.render() for finding in findings).replace(f"{home}/", "")


def test_tests_that_wait_on_each_other_are_named_with_the_place_of_each_waiton(tmp_path: Path) -> None:
    found = _found(
        tmp_path,
        a="[requirements]\nwaiton b\n",
        b="[requirements]\nwaiton c a\n",
        c="",
        d="[requirements]\nwaiton d\n",
    )
    assert found == (
        "tests/d/testconfig:4:8: error: test 'd' waits for itself\n"
        "    waiton d\n"
        "           ^\n"
        "tests/a/testconfig:4:8: error: tests wait on each other: a -> b -> a\n"
        "    waiton b\n"
        "           ^\n"
        "note: tests/a/testconfig:4:8: 'a' waits on 'b'\n"
        "note: tests/b/testconfig:4:10: 'b' waits on 'a'\n"
        "hint: take one of these waitons away"
    )


def test_an_item_map_that_cannot_be_read_is_an_error_at_its_place(tmp_path: Path) -> None:
    found = _found(tmp_path, a="", b="[requirements]\nwaiton a\nmode itemmatch\nitemmap ((x y\n")
    assert found.startswith("tests/b/testconfig:6:9: error: item map '((x' cannot be read: ")


def test_an_item_inside_another_is_an_error_at_its_place(tmp_path: Path) -> None:
    found = _found(tmp_path, a="[items]\nN 1 2\nX x x/y\n", b="[items]\nX 1\n[itemstable]\nY 1\nZ 2\n")
    assert "tests/a/testconfig:5:3: error: test 'a': item '" in found
    assert "tests/b/testconfig:4:3: error: test 'b': item '1/2' lies inside item '1'\n" in found


def test_log_rules_that_cannot_be_read_are_an_error_at_their_place(tmp_path: Path) -> None:
    (tmp_path / "tests/b").mkdir(parents=True)
    (tmp_path / "tests/b/run.logpro").write_text('\n(foo "x")\n')
    found = _found(
        tmp_path,
        a='[logpro]\nrun (expect:error in "LogFileBody"\n',
        b="[logpro]\nrun (this is not used\n",
        c='[logpro]\nrun ;; a comment\n  (expect:error in "LogFileBody" = 0 "none" #/ERROR/)\n',
    )
    assert "tests/a/testconfig:4:5: error: the log rules of step 'run': this list is never closed" in found
    assert "tests/b/run.logpro:2:2: error: foo is not defined\n" in found
    assert found.count("error:") == 2


def test_rules_that_ask_where_they_run_are_only_doubted(tmp_path: Path) -> None:
    found = _found(tmp_path, a='[logpro]\nrun (string-append "x" (getenv "ONLY_IN_A_TEST"))\n')
    assert "warning: the log rules of step 'run': " in found
    assert "error:" not in found
