"""Retries, waivers, triage, triggers and hooks, with the installed command on real areas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from area_kit import CONFIG, AreaKit, make_area, wait_for_file

RUN = ("run", "%", "-t", "ubuntu/nfs", "-n", "w1")

COUNT = """\
count=$MT_RUN_AREA_HOME/count.$MT_TEST_NAME
echo x >> "$count"
tries=$(wc -l < "$count")
echo "error: try $tries, pid $$, cannot reach /tmp/socket.$$"
"""


@pytest.fixture
def kit(tmp_path: Path) -> AreaKit:
    return make_area(tmp_path / "area")


def shown_of(kit: AreaKit, name: str, runname: str = "w1") -> dict[str, object]:
    """Return a test as ``megatest show --json`` has it."""
    shown = json.loads(kit.good("show", name, "-n", runname, "--json"))
    assert isinstance(shown, dict)
    return shown


# -- retries -----------------------------------------------------------------------------------------


def test_a_pass_after_failures_is_a_pass_that_every_screen_calls_flaky(kit: AreaKit) -> None:
    kit.add_test("shaky", COUNT + '[ "$tries" -ge 3 ]', "[requirements]\nretries 3\n")
    kit.add_test("behind", "exit 0", "[requirements]\nwaiton shaky\n")
    done = kit.megatest(*RUN)
    assert done.code == 0, done.said
    assert "flaky: it had failed before" in done.out
    assert "2 PASS  1 flaky" in done.out
    assert "retry 2 of 3 follows" in done.err
    assert "PASS (flaky)" in kit.good("list")
    assert "1 flaky" in kit.good("list", "--runs")
    assert "shaky  PASS (flaky)" in kit.good("show", "shaky")
    assert "failed 2 times before it passed" in kit.good("why", "shaky")
    shown = shown_of(kit, "shaky")
    assert (shown["flaky"], shown["retries"], shown["attempt"]) == (True, 2, 3)


def test_every_attempt_keeps_its_record_and_its_log(kit: AreaKit) -> None:
    kit.add_test("bad", COUNT + "exit 4", "[requirements]\nretries 3\n")
    assert kit.megatest(*RUN).code == 1
    shown = shown_of(kit, "bad")
    attempts = shown["attempts"]
    assert isinstance(attempts, list)
    assert [(a["attempt"], a["status"]) for a in attempts] == [(1, "FAIL"), (2, "FAIL"), (3, "FAIL")]
    assert {a["signature"] for a in attempts} == {shown["signature"]}
    earlier = shown["earlier_attempts"]
    assert isinstance(earlier, list)
    logs = [Path(path, "mt_launch.log").read_text() for path in earlier]
    assert [log.split(",")[0] for log in logs] == [f"error: try {n}" for n in (1, 2, 3)]
    assert "Earlier attempts" in kit.good("show", "bad")


def test_only_the_failures_that_retry_on_names_are_tried_again(kit: AreaKit) -> None:
    for name, words in (
        ("by-code", "4"),
        ("by-log", "log:cannot%socket"),
        ("by-signature", "signature:cannot%reach"),
        ("by-status", "ABORT,fail"),
        ("not-code", "5"),
        ("not-log", "log:nothing"),
        ("not-status", "ABORT"),
    ):
        kit.add_test(name, COUNT + "exit 4", f"[requirements]\nretries 1\nretry-on {words}\n")
    assert kit.megatest(*RUN, "-j", "4").code == 1
    tests = json.loads(kit.good("list", "--json"))["tests"]
    assert {t["test"]: t["attempt"] for t in tests} == {
        "by-code": 2, "by-log": 2, "by-signature": 2, "by-status": 2,
        "not-code": 1, "not-log": 1, "not-status": 1,
    }  # fmt: skip


def test_a_killed_test_is_not_tried_again(kit: AreaKit) -> None:
    kit.add_test("slow", "sleep 60", "[requirements]\nretries 2\nruntimelim 1s\n")
    assert kit.megatest(*RUN).code == 1
    shown = shown_of(kit, "slow")
    assert (shown["state"], shown["attempt"]) == ("KILLED", 1)
    assert "limit of N s" in str(shown["failure"])


def test_a_retry_that_a_dead_engine_left_due_is_made_by_the_next_command(kit: AreaKit) -> None:
    kit.add_test(
        "shaky",
        COUNT + '[ "$tries" -ge 2 ] || { touch "$MT_RUN_AREA_HOME/began"; sleep 1; exit 1; }',
        "[requirements]\nretries 1\n",
    )
    engine = kit.start(*RUN)
    wait_for_file(kit.home / "began")
    engine.kill()
    engine.wait()
    engine.stdout.close()  # type: ignore[union-attr]
    done = kit.megatest(*RUN)
    assert done.code == 0, done.said
    shown = shown_of(kit, "shaky")
    assert (shown["status"], shown["flaky"], shown["attempt"]) == ("PASS", True, 2)


def test_a_rerun_by_the_user_is_no_retry_and_makes_nothing_flaky(kit: AreaKit) -> None:
    kit.add_test("mended", COUNT + '[ "$tries" -ge 2 ]')
    assert kit.megatest(*RUN).code == 1
    assert kit.megatest(*RUN).code == 0
    shown = shown_of(kit, "mended")
    assert (shown["flaky"], shown["retries"], shown["signature"]) == (False, 0, "")
    assert [a["status"] for a in shown["attempts"]] == ["FAIL"]  # type: ignore[attr-defined]


def test_attempts_and_signatures_survive_a_rebuild(kit: AreaKit) -> None:
    kit.add_test("shaky", COUNT + '[ "$tries" -ge 2 ]', "[requirements]\nretries 1\n")
    kit.add_test("bad", COUNT + "exit 4")
    assert kit.megatest(*RUN).code == 1
    before = [shown_of(kit, name) for name in ("shaky", "bad")]
    (kit.home / "megatest.db").unlink()
    kit.good("rebuild")
    after = [shown_of(kit, name) for name in ("shaky", "bad")]
    for key in ("attempts", "signature", "failure", "flaky", "retries", "status"):
        assert [shown[key] for shown in after] == [shown[key] for shown in before], key


# -- triage ------------------------------------------------------------------------------------------


def test_triage_groups_failures_of_many_runs_and_targets_by_what_they_have_in_common(kit: AreaKit) -> None:
    for name in ("one", "two"):
        kit.add_test(name, COUNT + "exit 4")
    kit.add_test("other", "echo 'segmentation fault'; exit 9")
    for target, run in (("ubuntu/nfs", "w1"), ("suse/nfs", "w2")):
        assert kit.megatest("run", "%", "-t", target, "-n", run).code == 1
    groups = json.loads(kit.good("triage", "--runs", "w%", "--json"))
    assert [(g["count"], g["targets"]) for g in groups] == [
        (4, ["suse/nfs", "ubuntu/nfs"]),
        (2, ["suse/nfs", "ubuntu/nfs"]),
    ]
    assert [g["count"] for g in json.loads(kit.good("triage", "--json"))] == [2, 1]  # the newest run
    assert [g["count"] for g in json.loads(kit.good("triage", "other", "--runs", "%", "--json"))] == [2]
    text = kit.good("triage", "--runs", "w%")
    assert "4 failures, in 2 runs since" in text
    assert "cannot reach <tmp>" in text
    assert kit.megatest("triage", "--runs", "nothing%").out == "no failures\n"


def test_log_rules_and_steps_name_the_failure(kit: AreaKit) -> None:
    directory = kit.home / "tests" / "steps"
    directory.mkdir()
    (directory / "testconfig").write_text(
        "[ezsteps]\nbuild echo 'oops 17 things'; true\n\n[logpro]\n"
        'build (expect:error in "LogFileBody" = 0 "No oops" #/oops/)\n'
    )
    assert kit.megatest(*RUN).code == 1
    failure = str(shown_of(kit, "steps")["failure"])
    assert failure.startswith("FAIL: step build: exit 1")
    assert "No oops" in failure


# -- waivers -----------------------------------------------------------------------------------------


def test_a_waived_failure_is_waived_in_later_runs_and_says_who_why_and_until_when(kit: AreaKit) -> None:
    kit.add_test("bad", COUNT + "exit 4")
    kit.add_test("behind", "exit 0", "[requirements]\nwaiton bad\n")
    assert kit.megatest(*RUN).code == 1
    said = "waived by ann until 2999-12-31: bug 12: the socket"
    waived = kit.good(
        "waive", "bad", "--reason", "bug 12: the socket", "--owner", "ann", "--expires", "2999-12-31"
    )
    assert said in waived
    assert shown_of(kit, "bad")["status"] == "WAIVED"
    done = kit.megatest("run", "%", "-t", "suse/nfs", "-n", "w2")
    assert done.code == 0, done.said
    assert shown_of(kit, "bad", "w2")["comment"] == said
    assert said in kit.good("list", "-n", "w2")
    assert "2 PASS" not in done.out
    (listed,) = json.loads(kit.good("waive", "--json"))
    assert (listed["owner"], listed["reason"], listed["use"]) == (
        "ann",
        "bug 12: the socket",
        "used in suse/nfs/w2",
    )
    assert "1 waived" in kit.good("triage", "-n", "w2")
    assert kit.good("check").endswith("0 errors, 0 warnings\n")


def test_a_failure_of_another_kind_is_not_waived_and_says_so(kit: AreaKit) -> None:
    kit.add_test("bad", 'cat "$MT_RUN_AREA_HOME/words"; exit 1')
    (kit.home / "words").write_text("error: first kind 1\n")
    assert kit.megatest(*RUN).code == 1
    kit.good("waive", "bad", "--reason", "known", "--owner", "ann")
    (kit.home / "words").write_text("error: first kind 2\n")
    assert kit.megatest("run", "-t", "ubuntu/nfs", "-n", "w2", "%").code == 0
    (kit.home / "words").write_text("error: second kind\n")
    done = kit.megatest("run", "-t", "ubuntu/nfs", "-n", "w3", "%")
    assert done.code == 1
    assert "it fails otherwise than what ann waived" in done.out
    assert "unused: it fails otherwise" in kit.good("waive", "--list")


def test_waivers_that_are_over_or_not_needed_are_loud(kit: AreaKit) -> None:
    kit.add_test("bad", '[ -e "$MT_RUN_AREA_HOME/mended" ] || { echo "error: x"; exit 1; }')
    assert kit.megatest(*RUN).code == 1
    kit.good("waive", "bad", "--reason", "known", "--owner", "ann")
    file = kit.home / "waivers.config"
    kept = file.read_text()
    file.write_text(kept.replace("owner    ann\n", "owner    ann\nexpires  2020-01-01\n"))
    done = kit.megatest("run", "-t", "ubuntu/nfs", "-n", "w2", "%")
    assert done.code == 1
    assert "its waiver by ann expired on 2020-01-01" in done.out
    assert "expired on 2020-01-01" in kit.megatest("check").out
    assert "expired" in kit.good("waive", "--list")
    file.write_text(kept)
    (kit.home / "mended").touch()
    done = kit.megatest("run", "-t", "ubuntu/nfs", "-n", "w3", "%")
    assert "bad passed, and ann has it waived (known)" in done.err
    assert "unused: it passes" in kit.good("waive", "--list")
    assert "removed the waiver of bad" in kit.good("waive", "--remove", "bad")
    assert kit.good("waive", "--list") == "no waivers\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bad"], "a waiver needs a reason"),
        (["bad", "--reason", "  "], "a waiver needs a reason"),
        (["bad", "--reason", "x", "--expires", "soon"], "is no day"),
        (["bad", "--reason", "x", "--expires", "2020-01-01"], "is over"),
        (["good", "--reason", "x"], "no failure to waive"),
        (["none", "--reason", "x"], "has no test"),
        (["bad", "--reason", "#{shell touch made}"], "cannot be written"),
        (["--remove", "bad"], "there is no waiver"),
        ([], "needs a test"),
    ],
)
def test_a_wrong_waiver_is_refused_and_nothing_is_stored(kit: AreaKit, words: list[str], said: str) -> None:
    kit.add_test("bad", "exit 1")
    kit.add_test("good", "exit 0")
    assert kit.megatest(*RUN).code == 1
    done = kit.megatest("waive", *words)
    assert done.code == 2, done.said
    assert said in done.err
    assert not (kit.home / "waivers.config").exists()
    assert not (kit.home / "made").exists()
    assert shown_of(kit, "bad")["status"] == "FAIL"


def test_what_people_wrote_into_the_file_stays(kit: AreaKit) -> None:
    kit.add_test("bad", "exit 1")
    kit.add_test("worse", "exit 2")
    assert kit.megatest(*RUN).code == 1
    kit.good("waive", "bad", "--reason", "one")
    file = kit.home / "waivers.config"
    file.write_text(file.read_text() + "\n# about worse\n")
    kit.good("waive", "worse", "--reason", "two")
    kit.good("waive", "bad", "--reason", "one again")
    text = file.read_text()
    assert text.count("[bad ") == text.count("[worse ") == 1
    assert "# about worse\n" in text
    assert "reason   one again\n" in text
    kit.good("waive", "--remove", "bad")
    assert "# about worse\n\n[worse " in file.read_text()


def test_an_earlier_waiver_counts_again_if_its_comparisons_succeed(kit: AreaKit) -> None:
    more = "[waivers]\nout  alike result.txt\n[waiver_rules]\nalike diff %file1% %file2%\n"
    kit.add_test("bad", 'cp "$MT_RUN_AREA_HOME/result" result.txt; echo "error $$"; exit 1', more)
    (kit.home / "result").write_text("same\n")
    assert kit.megatest(*RUN).code == 1
    kit.good("set", "bad", "--status", "WAIVED", "--comment", "bug 7", "--reason", "by hand")
    done = kit.megatest("run", "%", "-t", "ubuntu/nfs", "-n", "w2")
    assert done.code == 0, done.said
    shown = shown_of(kit, "bad", "w2")
    assert (shown["status"], shown["comment"]) == ("WAIVED", "bug 7")
    (kit.home / "result").write_text("other\n")
    assert kit.megatest("run", "%", "-t", "ubuntu/nfs", "-n", "w3").code == 1
    log = kit.home / "lt/ubuntu/nfs/w3/bad/waiver-check.log"
    assert "< other" in log.read_text()
    # The run before is not waived now, and another target has none at all.
    (kit.home / "result").write_text("same\n")
    assert kit.megatest("run", "%", "-t", "ubuntu/nfs", "-n", "w4").code == 1
    assert kit.megatest("run", "%", "-t", "suse/nfs", "-n", "w5").code == 1


# -- triggers and hooks ------------------------------------------------------------------------------


def test_triggers_run_beside_the_tests_with_the_originals_arguments(tmp_path: Path) -> None:
    triggers = '[triggers]\nCOMPLETED/FAIL echo area "$MT_TEST_NAME"; true --\n/PASS echo passed\n'
    kit = make_area(tmp_path / "area", CONFIG + triggers)
    kit.add_test("bad", "exit 1", "[triggers]\nCOMPLETED/ echo own\nRUNNING/ sleep 60\n")
    kit.add_test("items", "exit 0", "[items]\nA x y\n")
    assert kit.megatest(*RUN).code == 1
    shown = shown_of(kit, "bad")
    run_dir = Path(str(shown["real_rundir"]))
    own = (run_dir / "tconfig-last-trigger-COMPLETED-FAIL.log").read_text().split()
    assert own[0] == "own"
    assert own[2:7] == [str(run_dir), "COMPLETED/", "bad", "COMPLETED", "FAIL"]
    assert own[1].isdigit()
    assert own[7].isdigit()
    assert (run_dir / "mtconfig-last-trigger-COMPLETED-FAIL.log").read_text() == "area bad\n"
    item = kit.home / "lt/ubuntu/nfs/w1/items/x/mtconfig-last-trigger-COMPLETED-PASS.log"
    assert item.read_text().split()[3:6] == ["/PASS", "items", "x"]
    assert (
        kit.home / "logs/mtconfig-last-trigger-COMPLETED-PASS.log"
    ).exists()  # the parent has no directory


def test_hooks_run_round_a_run_and_one_that_fails_is_reported(tmp_path: Path) -> None:
    hooks = (
        '[runs]\npre-hook echo "before $MT_RUNNAME" | tee -a hooks\n'
        "post-hook echo after | tee -a hooks; exit 3\n"
    )
    kit = make_area(tmp_path / "area", CONFIG + hooks)
    kit.add_test("ok", "echo test >> $MT_RUN_AREA_HOME/hooks")
    done = kit.megatest(*RUN)
    assert done.code == 0, done.said
    assert "post-hook ended with 3" in done.err
    assert (kit.home / "hooks").read_text() == "before w1\ntest\nafter\n"
    assert (kit.home / "logs/pre-hook-ubuntu-nfs-w1.log").read_text() == "before w1\n"
    assert kit.megatest(*RUN).code == 0
    assert (kit.home / "hooks").read_text() == "before w1\ntest\nafter\nafter\n"
    assert (kit.home / "logs/post-hook-ubuntu-nfs-w1.log").read_text() == "after\nafter\n"


# -- runs inside tests -------------------------------------------------------------------------------


def test_a_subrun_runs_another_area_as_the_last_step_and_fails_with_it(tmp_path: Path) -> None:
    kit, inner = make_area(tmp_path / "area"), make_area(tmp_path / "inner")
    inner.add_test("ok", 'echo "$MT_TEST_NAME $MT_RUN_AREA_HOME $OUTER" > said')
    section = "[subrun]\nrun-area ../inner\ntest-patt ok\nrun-name sub\n"
    kit.add_test("outer", "export OUTER=1; exit 0", section)
    kit.add_test("itself", "exit 0", "[subrun]\ntest-patt ok\n")
    done = kit.megatest("run", "outer", "-t", "ubuntu/nfs", "-n", "w1")
    assert done.code == 0, done.said
    link = kit.home / "lt/ubuntu/nfs/w1/outer"
    assert (link / "subrun-area").resolve() == inner.home
    assert "test-patt ok" in (link / "testconfig.subrun").read_text()
    assert (inner.home / "lt/ubuntu/nfs/sub/ok/said").read_text().split() == ["ok", str(inner.home)]
    inner.add_test("bad", "exit 1")
    kit.home.joinpath("tests/outer/testconfig").write_text(
        "[setup]\nrunscript main.sh\n" + section.replace("test-patt ok", "test-patt %")
    )
    done = kit.megatest("run", "outer,itself", "-t", "ubuntu/nfs", "-n", "w2")
    assert done.code == 1
    assert "Failed at step subrun" in done.out
    assert "would wait for itself" in done.out


def test_a_kill_reaches_what_runs_inside_a_subrun(tmp_path: Path) -> None:
    kit, inner = make_area(tmp_path / "area"), make_area(tmp_path / "inner")
    inner.add_test("slow", 'echo $$ > "$MT_RUN_AREA_HOME/pid"; exec sleep 600')
    kit.add_test("outer", "exit 0", "[subrun]\nrun-area ../inner\n")
    engine = kit.start("run", "outer", "-t", "ubuntu/nfs", "-n", "w1")
    wait_for_file(inner.home / "pid")
    kit.good("kill", "outer", "-n", "w1")
    engine.communicate(timeout=60)
    pid = (inner.home / "pid").read_text().strip()
    assert not Path("/proc", pid).exists()


def test_a_status_that_is_set_by_hand_fires_triggers_too(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area", CONFIG + "[triggers]\n/WAIVED echo $MT_RUNNAME\n")
    kit.add_test("bad", "exit 1")
    assert kit.megatest(*RUN).code == 1
    log = kit.home / "lt/ubuntu/nfs/w1/bad/mtconfig-last-trigger-COMPLETED-WAIVED.log"
    kit.good("set", "bad", "--status", "WAIVED", "--reason", "known")
    wait_for_file(log)
    log.unlink()
    kit.good(
        "-set-state-status", "COMPLETED,WAIVED", "-target", "ubuntu/nfs", "-runname", "w1", "-testpatt", "bad"
    )
    wait_for_file(log)
