"""Runs by the original's options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from area_kit import CONFIG, TARGET, W1, AreaKit, lines, make_area, masked, suite


def results(kit: AreaKit, runname: str = "w1") -> dict[str, str]:
    """Return how the tests of a run stand, by name."""
    found = {}
    for line in kit.good("-list-runs", runname, *TARGET).splitlines():
        words = line.split()
        if words and words[0] == "Test:":
            found[words[1]] = f"{words[3]}/{words[5]}"
    return found


def test_a_run_prints_a_line_for_each_test_that_ended_and_ends_with_0_though_tests_fail(
    tmp_path: Path,
) -> None:
    kit = suite(tmp_path / "area")
    out = lines(masked(kit.good("-runtests", "bad,behind", *W1), kit))
    assert out[0] == "State       Status      Start Time          Duration    Test path"
    assert out[1] == "COMPLETED   FAIL        DATE    0s          lt/ubuntu/nfs/w1/bad"
    assert out[2] == "NOT_STARTED PREQ_FAIL   DATE    0s          lt/ubuntu/nfs/w1/behind"
    assert results(kit) == {"bad": "COMPLETED/FAIL", "behind": "NOT_STARTED/PREQ_FAIL"}


@pytest.mark.parametrize("inside", [True, False])
def test_the_line_of_a_test_has_its_path_whatever_the_link_tree_is_called(
    tmp_path: Path, inside: bool
) -> None:
    linktree, shown = ("links", "links") if inside else (f"{tmp_path}/links", f"{tmp_path}/links")
    kit = make_area(tmp_path / "area", CONFIG.replace("#{getenv MT_RUN_AREA_HOME}/lt", linktree))
    kit.add_test("ok")
    out = kit.good("-runtests", "ok", *W1)
    assert out.splitlines()[1].split()[-1] == f"{shown}/ubuntu/nfs/w1/ok"


def test_run_without_a_pattern_runs_testpatt_of_runconfigs(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.good("-run", *W1)
    assert set(results(kit)) == {"ok", "items", "items(red)", "items(green)"}
    kit.good("-run", *TARGET, "-runname", "w2", "-testpatt", "%")
    assert set(results(kit, "w2")) > {"bad", "behind", "ok"}


def test_patterns_of_items_and_tags_choose_what_runs(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.good("-runtests", "items", "-itempatt", "r%", *W1)
    assert set(results(kit)) == {"items", "items(red)"}
    kit.good("-run", "-testpatt", "%", "-tagexpr", "smo%", *TARGET, "-runname", "w2")
    assert set(results(kit, "w2")) == {"ok"}


def test_modepatt_names_the_key_that_holds_the_pattern(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    with (kit.home / "runconfigs.config").open("a") as file:
        file.write("QUICK ok\n[ubuntu/nfs]\nQUICK bad\n")
    kit.good("-run", "-modepatt", "QUICK", "-reqtarg", "ubuntu/nfs", "-runname", "w1")
    assert set(results(kit)) == {"bad"}
    kit.good("-run", "--modepatt", "QUICK", ":sysname", "suse", ":fsname", "nfs", ":runname", "w1")


def test_only_what_is_asked_runs_again(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.good("-runtests", "ok,bad", *W1)
    again = ("-runtests", "ok,bad", *W1)

    def ran(*more: str) -> list[str]:
        return [line.split("/")[-1] for line in kit.good(*again, *more).splitlines()[1:]]

    assert ran("-rerun", "PASS") == ["ok"]
    assert ran("-rerun", "WARN") == []
    assert ran("-keepgoing", "-preclean") == ["bad"]
    assert sorted(ran("-force")) == ["bad", "ok"]
    assert ran("-rerun-clean") == ["bad"]
    assert sorted(ran("-rerun-all")) == ["bad", "ok"]


def test_what_the_area_lists_for_it_runs_again_by_itself(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    with (kit.home / "megatest.config").open("a") as file:
        file.write("allow-auto-rerun COMPLETED/PASS\n")
    again = ("-runtests", "ok", *W1)
    assert all("ubuntu/nfs/w1/ok" in kit.good(*again) for _ in range(2))


def test_setvars_and_runconfigs_reach_the_tests(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test("vars", 'echo "$GREETING|$A|$B|$sysname|$MT_RUNNAME" > said')
    kit.good("-runtests", "vars", *W1, "-setvars", "A=1,B=two words")
    said = (kit.home / "lt/ubuntu/nfs/w1/vars/said").read_text()
    assert said == "hello from ubuntu|1|two words|ubuntu|w1\n"


def test_a_pair_of_setvars_that_is_none_is_passed_over_with_a_warning(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test("vars", 'echo "$A|$B|$D" > said')
    done = kit.megatest("-runtests", "vars", *W1, "-setvars", "A=1,C,D=a=b,B=2")
    assert done.code == 0, done.said
    assert "'C' is not NAME=VALUE" in done.err
    assert "'D=a=b' is not NAME=VALUE" in done.err
    assert (kit.home / "lt/ubuntu/nfs/w1/vars/said").read_text() == "1|2|\n"


def test_variables_of_runconfigs_are_what_echo_prints_of_them(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area", runconfigs="[default]\nA   a   b  \nB a\tb\nC $HOME   y\nD plain\n")
    kit.add_test("vars", 'echo "$A|$B|${C#"$HOME"}|$D" > said')
    kit.good("-runtests", "vars", *W1)
    assert (kit.home / "lt/ubuntu/nfs/w1/vars/said").read_text() == "a b|a b| y|plain\n"
    (kit.home / "runconfigs.config").write_text("[default]\nA   a   b  \nB a\tb\nC\nD plain\n")
    kit.good("-runtests", "vars", "-target", "ubuntu/nfs", "-runname", "w2")
    assert (kit.home / "lt/ubuntu/nfs/w2/vars/said").read_text() == "a b|a b||plain\n"


@pytest.mark.parametrize(
    "line", [("-runtests", ""), ("-run", "-testpatt", " "), ("-list-runs", "%", "-testpatt", "")]
)
def test_an_empty_pattern_is_refused_and_does_not_mean_all_tests(tmp_path: Path, line: Sequence[str]) -> None:
    kit = suite(tmp_path / "area")
    kit.good("-runtests", "ok", *W1)
    done = kit.megatest(*line, *W1)
    assert done.code == 3, done.said
    assert "an empty pattern matches no test" in done.err
    assert results(kit) == {"ok": "COMPLETED/PASS"}


def test_variables_of_the_callers_shell_win_over_settings_and_reach_the_tests(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test("vars", 'echo "$MT_CUSTOM|$MT_LINKTREE|$MT_TESTSUITENAME|$MT_ITEMPATH" > said')
    shell = {"MT_CUSTOM": "mine", "MT_LINKTREE": str(tmp_path / "links"), "MT_TESTSUITE_NAME": "chip"}
    done = kit.megatest("-runtests", "vars", *W1, more=shell)
    assert done.code == 0, done.said
    assert (tmp_path / "links/ubuntu/nfs/w1/vars/said").read_text() == f"mine|{tmp_path}/links|chip|\n"


def test_a_run_inside_a_test_has_nothing_of_the_outer_run(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test("vars", 'echo "$MT_CUSTOM|$MT_LINKTREE" > said')
    outer = {"MT_TEST_NAME": "outer", "MT_CUSTOM": "mine", "MT_LINKTREE": str(tmp_path / "links")}
    done = kit.megatest("-runtests", "vars", *W1, more=outer)
    assert done.code == 0, done.said
    assert (kit.home / "lt/ubuntu/nfs/w1/vars/said").read_text() == f"|{kit.home}/lt\n"


def test_actions_of_a_line_are_done_in_their_own_order(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.good("-runtests", "ok", *W1)
    line = ("-showkeys", "-lock", "-run", "-testpatt", "ok", *W1, "-list-runs", "w1")
    out = kit.good(*line, "-set-state-status", "NOT_STARTED,n/a")
    listed, ran, keys = (out.index(text) for text in ("Test: ok", "COMPLETED   PASS", "Keys:"))
    assert listed < ran < keys
    assert "State: NOT_STARTED" in out
    assert "state: locked" in kit.good("-list-runs", "w1")


def test_options_without_effect_are_accepted(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    inert = ("-one-pass", "-clean-cache", "-no-cache", "-contour", "c", "-local", "-gui", "-since", "3")
    kit.good("-runtests", "ok", *W1, *inert, "-run-wait", "-v", "-debug", "2", "-rollup")
    assert results(kit) == {"ok": "COMPLETED/PASS"}


def test_messages_go_to_the_file_of_log_and_q_keeps_warnings_back(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    (kit.home / "runconfigs.config").unlink()
    log = tmp_path / "logs" / "messages"
    done = kit.megatest("-runtests", "ok", *W1, "-log", str(log))
    assert (done.code, done.err) == (0, "")
    assert "runconfigs.config" in log.read_text()
    assert kit.megatest("-runtests", "ok", *W1, "-q").err == ""
    assert "runconfigs.config" in kit.megatest("-runtests", "ok", *W1).err
    missing = kit.megatest("-runtests", "ok", *TARGET, "-log", str(log))
    assert (missing.code, missing.err) == (2, "")
    assert "needs the name of a run" in log.read_text()


def test_a_test_may_report_with_the_original_options(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test(
        "talks",
        "$MT_MEGATEST -step build :state start :status n/a\n"
        "$MT_MEGATEST -step build :state end :status 0 -m built\n"
        "$MT_MEGATEST -set-values :category speed :variable up :value 3 :expected 2 :tol '>' :units m\n"
        "echo 'speed,down,1,2,>' | $MT_MEGATEST -load-test-data\n"
        "$MT_MEGATEST -runstep check 'exit 2'\n"
        "$MT_MEGATEST -setlog said.html\n"
        "$MT_MEGATEST -test-status :state COMPLETED :status WARN -m 'a word'",
    )
    kit.good("-runtests", "talks", *W1)
    shown = kit.good("show", "talks", "-n", "w1")
    assert "talks  WARN" in shown
    assert "build  0" in shown
    assert "check  2" in shown
    assert "a word" in shown


@pytest.mark.parametrize("words", [("-run", *W1), ("run", "-t", "ubuntu/nfs", "-n", "w1")])
def test_a_run_without_any_usable_disk_ends_before_anything_starts(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    kit = make_area(tmp_path / "area", f"{CONFIG}[disks]\ndisk0 /nowhere\ndisk1 /dev/null\n")
    kit.add_test("ok")
    kit.add_test("items")
    done = kit.megatest(*words)
    assert done.code == 3, done.said
    assert "disk0 (/nowhere, " in done.err
    assert f"{kit.home}/megatest.config:9:7) does not exist; disk1 (/dev/null" in done.err
    assert "hint: make such a directory" in done.err
    assert not (kit.home / "megatest.db").exists()


def test_an_area_has_a_link_to_its_link_tree_elsewhere(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    (kit.home / "megatest.config").write_text(CONFIG.replace("#{getenv MT_RUN_AREA_HOME}/lt", "../links"))
    kit.good("-runtests", "ok", *W1)
    assert (kit.home / "lt").readlink() == tmp_path / "links"
    assert (kit.home / "lt/ubuntu/nfs/w1/ok/said").exists()


def test_what_is_there_under_the_name_of_the_link_stays(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    (kit.home / "megatest.config").write_text(CONFIG.replace("#{getenv MT_RUN_AREA_HOME}/lt", "../links"))
    (kit.home / "lt").symlink_to("nowhere")
    kit.good("-runtests", "ok", *W1)
    assert (kit.home / "lt").readlink() == Path("nowhere")
