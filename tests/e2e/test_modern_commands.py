"""The modern commands, each with its options, on small areas."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from area_kit import BIN, AreaKit, make_area, suite


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> AreaKit:
    """An area with one run, which tests only look at."""
    kit = suite(tmp_path_factory.mktemp("modern") / "area")
    assert kit.megatest("run", "%", "-t", "ubuntu/nfs", "-n", "w1", "-m", "a word").code == 1
    return kit


def fresh(tmp_path: Path) -> AreaKit:
    """Return an area with one run of its good tests, which a test may change."""
    kit = suite(tmp_path / "area")
    kit.good("run", "ok", "items", "-t", "ubuntu/nfs", "-n", "w1", "-q", "-j", "2")
    return kit


# -- making ------------------------------------------------------------------------------------------


def test_an_area_that_was_just_made_is_right_and_runs(tmp_path: Path) -> None:
    outside = AreaKit(tmp_path)
    assert "next: cd suite && megatest run" in outside.good("init", "suite")
    kit = AreaKit(tmp_path / "suite")
    assert kit.good("check").endswith("0 errors, 0 warnings\n")
    assert "PASS        hello" in kit.good("run")
    assert "tests/more/testconfig" in kit.good("new", "more")
    assert kit.good("check").endswith("0 errors, 0 warnings\n")
    assert "PASS        more" in kit.good("run", "more")
    assert "Hello from more for main/linux" in kit.good("log", "more")


def test_nothing_is_overwritten_by_a_new_area_or_test(tmp_path: Path) -> None:
    outside = AreaKit(tmp_path)
    outside.good("init", "suite")
    before = (tmp_path / "suite/megatest.config").read_text()
    done = outside.megatest("init", "suite")
    assert done.code == 2
    assert "megatest.config is there already" in done.err
    assert (tmp_path / "suite/megatest.config").read_text() == before
    kit = AreaKit(tmp_path / "suite")
    for name, named in (("hello", "there is a test 'hello' already"), ("a/b", "'a/b'"), ("-x", "-x")):
        done = kit.megatest("new", name)
        assert done.code == 2
        assert named in done.err


# -- asking ------------------------------------------------------------------------------------------


def test_list_and_show_say_how_tests_stand(area: AreaKit) -> None:
    assert "2 PASS" not in area.good("list", "bad")
    assert "3 PASS  1 FAIL  1 PREQ_FAIL" in area.good("list")
    assert [t["test"] for t in json.loads(area.good("list", "--bad", "--json"))["tests"]] == ["bad", "behind"]
    assert json.loads(area.good("list", "--runs", "--json"))[0]["comment"] == "a word"
    for order in ("name", "time", "duration", "status"):
        assert "items" in area.good("list", "--sort", order, "--state", "COMPLETED", "--status", "PASS")
    assert "bad  FAIL" in area.good("show", "bad")
    assert json.loads(area.good("show", "items/red", "--json"))["item"] == "red"
    assert area.good("steps", "ok") == "no steps\n"
    assert json.loads(area.good("steps", "ok", "--json")) == []
    assert "bad" in area.good("why", "behind")


@pytest.mark.parametrize("words", [["list", "--runs"], ["list"], ["show", "bad"], ["wait"]])
def test_the_counts_of_a_run_are_those_of_its_tests(area: AreaKit, words: list[str]) -> None:
    shown = json.loads(area.megatest(*words, "--json").out)
    run = shown[0] if isinstance(shown, list) else shown["run"] if words[0] == "show" else shown
    assert (run["pass_count"], run["fail_count"]) == (3, 1)


def test_log_prints_a_tests_output_or_its_path(area: AreaKit) -> None:
    assert area.good("log", "ok") == "shown\n"
    assert area.good("log", "ok", "-f") == "shown\n"
    path = area.good("log", "items/red", "--path", "-n", "w1", "-t", "ubuntu/nfs").strip()
    assert Path(path).read_text() == "red\n"


def test_a_log_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.good("run", "ok", "-t", "ubuntu/nfs", "-n", "w1")
    path = Path(kit.good("log", "ok", "--path").strip())
    path.unlink()
    done = kit.megatest("log", "ok")
    assert (done.code, done.out) == (2, "")
    assert "ok has no log: it is gone" in done.err
    assert f"it would be {path}" in done.err
    kit.good("set", "ok", "--state", "LAUNCHED", "--status", "n/a", "--reason", "as in a queue")
    assert "ok has no log: it is LAUNCHED and has printed nothing yet" in kit.megatest("log", "ok").err


def test_log_of_a_step_is_its_own(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    (kit.home / "tests/steps").mkdir(parents=True)
    (kit.home / "tests/steps/testconfig").write_text("[ezsteps]\none echo first\ntwo echo second\n")
    kit.good("run", "steps", "-t", "ubuntu/nfs")
    assert kit.good("log", "steps", "one") == "first\n"
    assert kit.good("log", "steps", "two") == "second\n"
    done = kit.megatest("log", "steps", "three")
    assert (done.code, "its steps: one, two" in done.err) == (2, True)


def test_check_names_every_mistake_with_its_place(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.add_test("wrong", more="[requirements]\nwaiton okk\nruntimlim 3\n")
    done = kit.megatest("check")
    assert done.code == 2
    assert "tests/wrong/testconfig:4:8: error: unknown test 'okk' in waiton" in done.out
    assert "hint: did you mean 'ok'?" in done.out
    assert "runtimlim" in done.out
    found = json.loads(kit.megatest("check", "--json").out)["findings"]
    error = next(f for f in found if f["severity"] == "error")
    assert (error["line"], error["column"]) == (4, 8)


def test_config_prints_values_and_where_they_come_from(area: AreaKit) -> None:
    assert area.good("config", "get", "fields", "sysname") == "TEXT\n"
    assert area.good("config", "get", "ubuntu/nfs", "GREETING", "--runconfig") == "hello from ubuntu\n"
    in_default = ("config", "get", "suse/nfs", "GREETING", "--runconfig", "-t", "suse/nfs")
    assert area.good(*in_default) == "hello\n"
    assert area.good("config", "get", "items", "COLOUR", "--test", "items", "-t", "a/b") == "red green\n"
    shown = area.good("config", "show", "setup", "--origins")
    assert f"linktree    {area.home}/lt  {area.home}/megatest.config:6:10 (#{{...}})" in shown
    assert json.loads(area.good("config", "show", "--json"))["fields"] == {
        "sysname": "TEXT",
        "fsname": "TEXT",
    }
    assert area.good("config", "show", "fields", "--format", "ini").startswith("[fields]\nsysname TEXT")
    assert area.good("config", "show", "fields", "--format", "sexp").startswith('(("fields" ("sysname"')


def test_targets_are_those_that_runconfigs_names(area: AreaKit) -> None:
    assert area.good("targets") == "suse/nfs\nubuntu/nfs\n"
    assert json.loads(area.good("targets", "--json"))["fields"] == ["sysname", "fsname"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_asks_megatest(area: AreaKit, shell: str) -> None:
    assert "_MEGATEST_COMPLETE" in area.good("completion", shell)


def test_commands_are_completed(area: AreaKit) -> None:
    asked = {"_MEGATEST_COMPLETE": "bash_complete", "COMP_WORDS": "megatest com", "COMP_CWORD": "1"}
    assert area.megatest(more=asked).out == "plain,completion\n"


def test_help_names_every_command(area: AreaKit) -> None:
    page = area.good("--help")
    for name in ("run", "list", "why", "rm", "completion", "step", "value"):
        assert f"\n  {name} " in page
    assert area.good("rm", "--help").startswith("Usage: megatest rm")
    assert area.good("config", "show", "--help").startswith("Usage: megatest config show")


def test_an_area_is_named_from_outside(area: AreaKit, tmp_path: Path) -> None:
    outside = AreaKit(tmp_path)
    assert "suse/nfs" in outside.good("targets", "--area", str(area.home))
    assert "suse/nfs" in outside.megatest("targets", more={"MT_RUN_AREA_HOME": str(area.home)}).out
    assert "suse/nfs" in outside.good("targets", "-C", str(area.home), "--config-name", "megatest.config")


# -- running -----------------------------------------------------------------------------------------


def ran(kit: AreaKit, *words: str) -> list[str]:
    """Return which tests a run ran, by name."""
    out = kit.megatest("run", "ok", "bad", "-t", "ubuntu/nfs", "-n", "w1", *words).out
    return sorted(line.split()[1] for line in out.splitlines() if line.startswith(("PASS ", "FAIL ")))


def test_a_second_run_does_what_it_is_asked_and_no_more(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    assert ran(kit, "-j", "2", "-m", "first") == ["bad", "ok"]
    assert ran(kit) == ["bad"]
    assert ran(kit, "--rerun", "PASS") == ["ok"]
    assert ran(kit, "--failed") == ["bad"]
    assert ran(kit, "--keep-going", "--preclean") == ["bad"]
    assert ran(kit, "--rerun-clean") == ["bad"]
    assert ran(kit, "--rerun-all") == ["bad", "ok"]
    assert ran(kit, "--force") == ["bad", "ok"]
    assert ran(kit, "--force", "-q") == ["bad"]
    assert ran(kit, "--force", "--tags", "smoke") == ["ok"]
    assert ran(kit, "--force", "--executor", "local", "--env", "GREETING=hi", "--tags", "quick") == ["ok"]
    said = (kit.home / "lt/ubuntu/nfs/w1/ok/said").read_text()
    assert said in ("hi\n", "hello from ubuntu\n")


def test_a_dry_run_says_what_would_run_and_why_and_does_nothing(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    out = kit.good("run", "behind", "ok", "-t", "ubuntu/nfs", "--dry-run")
    assert "bad: it has not run yet" in out
    assert out.index("bad:") < out.index("behind:")
    assert not (kit.home / "megatest.db").exists()
    assert not (kit.home / "lt").exists()


# -- changing ----------------------------------------------------------------------------------------


def test_set_changes_by_hand_and_keeps_who_and_why(tmp_path: Path) -> None:
    kit = fresh(tmp_path)
    out = kit.good("set", "items/red", "--status", "WAIVED", "--reason", "known: 12", "--comment", "seen")
    assert out == "ubuntu/nfs/w1/items/red: COMPLETED/WAIVED\n"
    shown = kit.good("show", "items/red")
    assert "known: 12" in shown
    assert "tester" in shown
    assert "COMPLETED/PASS -> COMPLETED/WAIVED" in shown
    assert "items  WAIVED" in kit.good("show", "items")
    done = kit.megatest("set", "ok", "--state", "COMPLET", "--reason", "x")
    assert (done.code, "did you mean 'COMPLETED'?" in done.err) == (0, True)


def test_a_locked_run_is_protected_until_it_is_unlocked(tmp_path: Path) -> None:
    kit = fresh(tmp_path)
    assert kit.good("lock") == "run ubuntu/nfs/w1 is locked\n"
    assert "[locked]" in kit.good("list", "--runs")
    assert kit.megatest("set", "ok", "--status", "FAIL", "--reason", "x").code == 2
    assert kit.megatest("rm", "%", "-y").code == 1
    assert kit.good("unlock", "-n", "w%") == "run ubuntu/nfs/w1 is unlocked\n"
    kit.good("rm", "%", "-y")


def test_rm_tells_asks_removes_and_prunes(tmp_path: Path) -> None:
    kit = fresh(tmp_path)
    told = kit.good("rm", "items", "--dry-run")
    assert "would remove ubuntu/nfs/w1/items/red\n" in told
    assert "would remove ubuntu/nfs/w1/items\n" in told
    assert "would remove ubuntu/nfs/w1\n" not in told
    assert (kit.home / "lt/ubuntu/nfs/w1/items/red").is_dir()
    unasked = kit.megatest("rm", "items")
    assert (unasked.code, "give -y" in unasked.err) == (2, True)
    kept = json.loads(kit.good("rm", "items/red", "-y", "--keep-records", "--json"))
    assert kept["removed"][0]["test"] == "items/red"
    assert not (kit.home / "lt/ubuntu/nfs/w1/items/red").exists()
    assert "NOT_STARTED" in kit.good("list", "items/red")
    kit.good("rm", "%", "-y")
    assert list((kit.home / "runs").iterdir()) == []
    assert list((kit.home / "lt").iterdir()) == []
    assert kit.good("-list-runs", "%") == ""


def test_rm_goes_through_several_runs_with_a_pattern(tmp_path: Path) -> None:
    kit = fresh(tmp_path)
    kit.good("run", "ok", "-t", "suse/nfs", "-n", "w2")
    kit.good("rm", "ok", "-n", "w%", "-t", "%/nfs", "-y")
    assert [run["run"] for run in json.loads(kit.good("list", "--runs", "--json"))] == ["w1"]


def test_rm_follows_no_link_out_of_the_run_directory(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    kit.add_test("links", f"ln -s {precious} inside")
    kit.good("run", "links", "-t", "ubuntu/nfs")
    kit.good("rm", "%", "-y")
    assert (precious / "file").read_text() == "keep"
    assert not (kit.home / "runs/ubuntu").exists()


# -- wrong use ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["lisst"], "did you mean 'list'?"),
        (["run", "--nosuch"], "--nosuch"),
        (["run", "nosuch", "-t", "ubuntu/nfs"], "nosuch"),
        (["run", "-t", "ubuntu"], "'ubuntu' has 1 part"),
        (["run", "-t", "ubuntu/nfs", "-n", "a/b"], "run name 'a/b'"),
        (["run", "-t", "ubuntu/nfs", "--env", "x"], "'x' is not NAME=VALUE"),
        (["run", "-t", "ubuntu/nfs", "-j", "0"], "0 is not in the range"),
        (["list", "-n", "nosuch"], "'nosuch'"),
        (["list", "re:("], "'re:('"),
        (["show", "itms"], "did you mean 'items'?"),
        (["log", "items"], "as in: megatest log items/green"),
        (["log", "behind"], "has no run directory"),
        (["wait", "nosuch"], "matches 'nosuch'"),
        (["kill", "nosuch"], "matches 'nosuch'"),
        (["kill"], "PATTERN"),
        (["rm", "nosuch", "-y"], "matches 'nosuch'"),
        (["rm", "%", "-n", "x%", "-y"], "no run matches 'x%'"),
        (["set", "ok", "--status", "PASS"], "--reason"),
        (["set", "ok", "--reason", "x"], "set needs --state, --status or --comment"),
        (["set", "ok", "--state", "KILLREQ", "--reason", "x"], "megatest kill ok"),
        (["lock", "-n", "nosuch"], "'nosuch'"),
        (["config", "get", "setup", "linktre"], "did you mean 'linktree'?"),
        (["config", "get", "setupp", "x"], "did you mean 'setup'?"),
        (["config", "show", "--test", "okk"], "-t"),
        (["config", "show", "--test", "okk", "-t", "a/b"], "did you mean 'ok'?"),
        (["config", "show", "--test", "ok", "--runconfig"], "give one of them"),
        (["completion", "csh"], "'csh'"),
        (["targets", "--area", "/nonexistent"], "/nonexistent is no area"),
        (["check", "--config-name", "none.config"], "none.config"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_refused_and_named(area: AreaKit, words: list[str], named: str) -> None:
    done = area.megatest(*words)
    assert done.code == 2, done.said
    assert named in done.err
    assert done.out == ""


def test_outside_an_area_every_command_says_so(tmp_path: Path) -> None:
    outside = AreaKit(tmp_path)
    for words in (["run"], ["list"], ["check"], ["targets"], ["-run", "-target", "a/b", "-runname", "x"]):
        done = outside.megatest(*words)
        assert done.code == 2
        assert "No megatest.config file found" in done.err


def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    (kit.home / "megatest.db").write_text("no database at all, only a line of text")
    for words in (["list"], ["-list-runs", "%"], ["run", "ok", "-t", "a/b"], ["rm", "%", "-y"]):
        done = kit.megatest(*words)
        assert done.code == 3, done.said
        assert "megatest.db" in done.err


def test_a_misspelt_item_is_an_error_also_where_others_have_results(tmp_path: Path) -> None:
    area = fresh(tmp_path)
    for pattern in ("items/gren", "ok,items/gren"):
        done = area.megatest("run", "-t", "ubuntu/nfs", "-n", "w1", pattern)
        assert (done.code, done.err) == (
            2,
            "error: test 'items' has no item 'gren'\nhint: did you mean 'items/green'?\n",
        )
    assert area.megatest("why", "items/gren").code == 2


def test_a_pattern_that_matches_nothing_is_an_error_of_list_too(area: AreaKit) -> None:
    for line in (("list", "nope"), ("list", "nope", "--json")):
        done = area.megatest(*line)
        assert (done.code, done.out) == (2, "")
        assert "no test of run ubuntu/nfs/w1 matches 'nope'" in done.err
    assert area.megatest("list", "ok", "--status", "FAIL").code == 0


def test_words_that_are_no_state_or_status_are_pointed_at(area: AreaKit) -> None:
    done = area.megatest("list", "--state", "FOOO,COMPLETED", "--status", "PAS")
    assert done.code == 0
    assert done.err == (
        "warning: 'FOOO' is no state that means anything here\n"
        "warning: 'PAS' is no status that means anything here; did you mean 'PASS'?\n"
    )
    done = area.megatest("run", "ok", "-t", "ubuntu/nfs", "-n", "w1", "--rerun", "FAL")
    assert (done.code, done.err.partition(";")[0]) == (
        0,
        "warning: 'FAL' is no status that means anything here",
    )


@pytest.mark.parametrize("name", ["a b", "a,b", "a%", "~a", "re:a", "it's", "#a"])
def test_a_new_test_has_a_name_that_waitons_and_patterns_can_say(area: AreaKit, name: str) -> None:
    done = area.megatest("new", name)
    assert done.code == 2
    assert f"test name {name!r} could not be written in a waiton" in done.err
    assert not (area.home / "tests" / name).exists()


def test_commands_that_are_shown_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    kit = suite(tmp_path / "my area")
    kit.good("run", "ok", "-t", "ubuntu/nfs", "-n", "first try")
    by_hand = kit.good("show", "ok").partition("By hand\n")[2].strip()
    again = subprocess.run(["sh", "-c", by_hand], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (0, "shown\n")
    assert kit.megatest("list", "nope").err.endswith("megatest list -n 'first try'\n")
    assert "next: cd 'a suite' && megatest run" in kit.good("init", "a suite")


def test_a_new_area_needs_a_current_directory_that_is_there(tmp_path: Path) -> None:
    kit = AreaKit(tmp_path)
    script = f'mkdir gone && cd gone && rmdir ../gone && "{BIN}/megatest" init foo'
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=kit.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: the current directory does not exist any more\n")


def test_why_speaks_of_a_recorded_item_that_its_test_has_no_longer(tmp_path: Path) -> None:
    area = fresh(tmp_path)
    config = area.home / "tests/items/testconfig"
    config.write_text(config.read_text().replace("red green", "red"))
    said = area.good("why", "items/green")
    assert said.startswith("items/green is COMPLETED/PASS in run ubuntu/nfs/w1.")
    assert "The next run would refuse it: test 'items' has no item 'green'." in said
