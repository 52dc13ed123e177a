"""The original's questions, asked of one area in which a run has been made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from area_kit import TARGET, W1, AreaKit, lines, masked, suite


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> AreaKit:
    kit = suite(tmp_path_factory.mktemp("queries") / "area")
    assert kit.megatest("-runtests", "ok,bad,items,behind", *W1, "-m", "a word").code == 0
    assert kit.megatest("-runtests", "ok", ":sysname", "suse", ":fsname", "nfs", ":runname", "w2").code == 0
    return kit


LISTING = """\
Run: ubuntu/nfs/w1 sysname: ubuntu fsname: nfs id: 1 runname: w1 state: new status: n/a owner: tester \
event_time: TIME comment: a word fail_count: 1 pass_count: 3
  Test: ok                        State: COMPLETED       Status: PASS            Runtime:     0s Time: TIME             Host: HOST
  Test: items(red)                State: COMPLETED       Status: PASS            Runtime:     0s Time: TIME             Host: HOST
  Test: items(green)              State: COMPLETED       Status: PASS            Runtime:     0s Time: TIME             Host: HOST
  Test: items                     State: COMPLETED       Status: PASS            Runtime:     0s Time: TIME             Host: n/a
  Test: behind                    State: NOT_STARTED     Status: PREQ_FAIL       Runtime:     0s Time: TIME             Host: n/a
  Test: bad                       State: COMPLETED       Status: FAIL            Runtime:     0s Time: TIME             Host: HOST
         cpuload:  LOAD
         diskfree: KIB
         uname:    UNAME
         rundir:   AREA/lt/ubuntu/nfs/w1/bad
"""  # noqa: E501 - the original's columns


def test_list_runs_prints_the_lines_that_scripts_read(area: AreaKit) -> None:
    out = area.good("-list-runs", "w1")
    assert lines(masked(out, area)) == LISTING.splitlines()


def test_list_runs_takes_patterns_of_runs_tests_items_and_targets(area: AreaKit) -> None:
    assert [line for line in area.good("-list-runs", "%").splitlines() if line.startswith("Run:")][1].split()[
        1
    ] == "suse/nfs/w2"
    assert area.good("-list-runs", "nothing") == ""
    one = area.good("-list-runs", "%", ":sysname", "ubuntu", "-testpatt", "items", "-itempatt", "red")
    assert [line.split()[1] for line in one.splitlines()] == ["ubuntu/nfs/w1", "items(red)"]
    assert "fail_count: 1 pass_count: 3" in one  # of the whole run, whichever of its tests are listed
    bad = area.good("-list-runs", "w%", *TARGET, "-status", "FAIL,PREQ_FAIL", "-state", "COMPLETED")
    assert "Test: bad" in bad
    assert "behind" not in bad


def test_list_runs_as_json_maps_targets_to_runs_to_tests(area: AreaKit) -> None:
    found = json.loads(area.good("-list-runs", "w1", "-dumpmode", "json"))
    run = found["ubuntu/nfs"]["w1"]
    assert run["meta"]["comment"] == "a word"
    by_name = {(t["testname"], t["item_path"]): t for t in run["data"].values()}
    assert by_name["bad", ""]["status"] == "FAIL"
    assert by_name["items", "red"]["rundir"] == f"{area.home}/lt/ubuntu/nfs/w1/items/red"


def test_list_runs_prints_the_fields_that_are_asked_for(area: AreaKit) -> None:
    out = area.good("-list-runs", "w1", "-fields", "runs:target,runname+tests:status", "-sort", "testname")
    head, first, *_ = out.splitlines()
    assert head.rstrip() == "target: ubuntu/nfs runname: w1"
    assert first.split() == ["Test:", "bad", "State:", "Status:", "FAIL", "Runtime:", "s", "Time:", "Host:"]
    sexpr = area.good("-list-runs", "w2", "-fields", "runs:owner+tests:testname,state", "-dumpmode", "sexpr")
    assert '("suse/nfs" ("w2" ("meta" ("owner" "tester")) ("data" (' in sexpr
    assert '("testname" "ok") ("state" "COMPLETED")' in sexpr
    assert "Test:" not in area.good("-list-runs", "%", "-fields", "runs:id")


def test_a_listing_goes_to_the_file_of_o(area: AreaKit, tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    assert area.good("-list-runs", "w2", "-dumpmode", "json", "-o", str(path)) == ""
    assert "suse/nfs" in json.loads(path.read_text())


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["-showkeys"], "Keys: sysname, fsname\n"),
        (["-show-keys"], "Keys: sysname, fsname\n"),
        (["-list-targets"], "default\nsuse/nfs\nubuntu/nfs\n"),
        (["-list-targets", "-target", "u%/nfs"], "ubuntu/nfs\n"),
        (["-list-targets", "-target", "%/nfs", "-dumpmode", "sexpr"], '("suse/nfs" "ubuntu/nfs")\n'),
        (["-list-db-targets"], "suse/nfs\nubuntu/nfs\n"),
        (["-list-disks"], ""),
        (["-show-config", "-section", "fields", "-var", "fsname"], "TEXT\n"),
        (["-show-config", "-section", "fields"], '(("fields" ("sysname" "TEXT") ("fsname" "TEXT")))\n'),
        (["-show-config", "-section", "fields", "-dumpmode", "ini"], "[fields]\nsysname TEXT\nfsname TEXT\n"),
        (["-show-runconfig", "-target", "suse/nfs", "-section", "suse/nfs", "-var", "GREETING"], "hello\n"),
        (["-show-runconfig", *TARGET, "-section", "ubuntu/nfs", "-var", "GREETING"], "hello from ubuntu\n"),
        (["-show-runconfig", "-var", "TESTPATT"], "ok,items\n"),
        (["-get-run-status", *W1], "n/a\n"),
        (["-test-files", "sai?", *W1, "-testpatt", "ok"], "AREA/lt/ubuntu/nfs/w1/ok/said\n"),
        (["-test-paths", *W1, "-testpatt", "items/g%"], "AREA/lt/ubuntu/nfs/w1/items/green\n"),
        (["-test-paths", *W1, "-status", "FAIL"], "AREA/lt/ubuntu/nfs/w1/bad\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_question_is_answered(area: AreaKit, words: list[str], out: str) -> None:
    assert area.good(*words).replace(str(area.home), "AREA") == out


def test_values_come_as_json_too(area: AreaKit) -> None:
    shown = json.loads(area.good("-show-config", "-dumpmode", "json"))
    assert shown["setup"]["linktree"] == f"{area.home}/lt"
    run = json.loads(area.good("-show-runconfig", *TARGET, "-dumpmode", "json"))
    assert run["ubuntu/nfs"] == {"GREETING": "hello from ubuntu"}
    assert json.loads(area.good("-list-targets", "-dumpmode", "json"))["targets"][0] == "default"


def test_a_file_named_by_append_config_wins(area: AreaKit, tmp_path: Path) -> None:
    more = tmp_path / "more.config"
    more.write_text("[disks]\nscratch /tmp\n")
    assert area.good("-list-disks", "-append-config", str(more)) == "scratch => /tmp\n"


def test_inside_a_test_the_paths_are_those_of_its_own_run(area: AreaKit) -> None:
    inside = {"MT_TARGET": "ubuntu/nfs", "MT_RUNNAME": "w1", "MT_RUN_AREA_HOME": str(area.home)}
    done = area.megatest("-test-paths", "-testpatt", "ok", cwd=Path("/"), more=inside)
    assert done.out == f"{area.home}/lt/ubuntu/nfs/w1/ok\n", done.said


def test_start_dir_and_config_choose_the_area(area: AreaKit) -> None:
    other = area.home / "other.config"
    other.write_text("[fields]\nos TEXT\n")
    done = area.megatest("-showkeys", "-start-dir", str(area.home), "-config", "other.config", cwd=Path("/"))
    assert done.out == "Keys: os\n", done.said


def test_the_help_and_the_version_are_printed_on_standard_output(area: AreaKit) -> None:
    for words in (["-h"], ["-help"], ["-run", "--help"], ["-target", "a/b"]):
        done = area.megatest(*words)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("usage: megatest ACTION")
    assert area.good("-version").startswith("megatest ")
    assert area.good("-q", "-version").startswith("megatest ")


def test_an_area_where_nothing_has_run_lists_nothing(tmp_path: Path) -> None:
    kit = suite(tmp_path / "new")
    assert kit.good("-list-runs", "%") == ""
    assert kit.good("-list-db-targets", "-dumpmode", "json") == '{\n  "targets": []\n}\n'
    assert not (kit.home / "megatest.db").exists()
