"""Changes by the original's options: removal, states by hand, locks, new areas and tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from area_kit import TARGET, W1, AreaKit, make_area, suite, wait_for_file


def names_in(kit: AreaKit, runname: str = "w1") -> list[str]:
    out = kit.good("-list-runs", runname, *TARGET)
    return sorted(line.split()[1] for line in out.splitlines() if line.startswith("  Test:"))


def ran(kit: AreaKit) -> AreaKit:
    kit.good("-runtests", "ok,items", *W1)
    return kit


def test_removal_takes_directories_links_records_and_at_last_the_run(tmp_path: Path) -> None:
    kit = ran(suite(tmp_path / "area"))
    out = kit.good("-remove-runs", *W1, "-testpatt", "items", "-itempatt", "red")
    assert out == "removed ubuntu/nfs/w1/items/red\n"
    assert names_in(kit) == ["items", "items(green)", "ok"]
    assert not (kit.home / "lt/ubuntu/nfs/w1/items/red").exists()
    assert (kit.home / "lt/ubuntu/nfs/w1/items/green").is_dir()
    kit.good("-remove-runs", "-runname", "w%", "-target", "%/%", "-testpatt", "%")
    assert kit.good("-list-runs", "%") == ""
    assert list((kit.home / "lt").iterdir()) == []
    assert list((kit.home / "runs").iterdir()) == []


def test_removal_heeds_states_and_may_keep_the_records(tmp_path: Path) -> None:
    kit = ran(suite(tmp_path / "area"))
    assert kit.good("-remove-runs", *W1, "-testpatt", "%", "-status", "FAIL") == ""
    kit.good("-remove-runs", *W1, "-testpatt", "ok", "-state", "COMPLETED", "-keep-records")
    assert "Test: ok                        State: NOT_STARTED     Status: n/a" in kit.good(
        "-list-runs", "w1"
    )
    assert not (kit.home / "lt/ubuntu/nfs/w1/ok").exists()
    kit.good("-runtests", "ok", *W1)
    assert (kit.home / "lt/ubuntu/nfs/w1/ok/said").exists()


def test_a_locked_run_is_neither_removed_nor_changed(tmp_path: Path) -> None:
    kit = ran(suite(tmp_path / "area"))
    kit.good("-lock", *W1)
    before = kit.good("-list-runs", "w1")
    for words in (
        ["-remove-runs"],
        ["-set-state-status", "COMPLETED,FAIL"],
        ["-set-state-status", "KILLREQ,n/a"],
    ):
        done = kit.megatest(*words, *W1, "-testpatt", "%")
        assert done.code == 0, done.said
        assert f"warning: run ubuntu/nfs/w1 is locked: {words[0]} changes nothing of it" in done.err
        assert kit.good("-list-runs", "w1") == before
    assert kit.megatest("-unlock", *W1, stdin="y\n").out == "unlock run ubuntu/nfs/w1? y/n "
    assert kit.good("-remove-runs", *W1, "-testpatt", "%") != ""


@pytest.mark.parametrize("answer", ["n\n", "yes\n", "\n", ""])
def test_a_run_stays_locked_unless_the_answer_is_y(tmp_path: Path, answer: str) -> None:
    kit = ran(suite(tmp_path / "area"))
    kit.good("-lock", *W1)
    done = kit.megatest("-unlock", *W1, stdin=answer)
    assert done.code == 0, done.said
    assert "run ubuntu/nfs/w1 stays locked" in done.err
    assert "state: locked" in kit.good("-list-runs", "w1")
    assert kit.good("unlock", "-n", "w1", "-t", "ubuntu/nfs") == "run ubuntu/nfs/w1 is unlocked\n"


def test_an_action_that_could_not_do_everything_keeps_no_later_one_from_being_done(tmp_path: Path) -> None:
    kit = ran(suite(tmp_path / "area"))
    (kit.home / "lt/ubuntu/nfs/w1/ok/.megatest/job.sh").unlink()
    done = kit.megatest("-remove-runs", *W1, "-testpatt", "%", "-list-runs", "w1")
    assert done.code == 1
    assert "ubuntu/nfs/w1/ok stays" in done.err
    assert "  Test: ok" in done.out


def test_a_directory_that_is_not_surely_ours_stays_with_its_record(tmp_path: Path) -> None:
    kit = ran(suite(tmp_path / "area"))
    (kit.home / "lt/ubuntu/nfs/w1/ok/.megatest/job.sh").unlink()
    done = kit.megatest("-remove-runs", *W1, "-testpatt", "%")
    assert done.code == 1
    assert "ubuntu/nfs/w1/ok stays" in done.err
    assert names_in(kit) == ["ok"]
    assert "State: COMPLETED       Status: PASS" in kit.good("-list-runs", "w1")


def test_states_are_set_by_hand_and_parents_follow(tmp_path: Path) -> None:
    kit = ran(suite(tmp_path / "area"))
    kit.good("-set-state-status", "COMPLETED,FAIL", *W1, "-testpatt", "items/red", "-m", "looked at it")
    out = kit.good("-list-runs", "w1", "-testpatt", "items")
    assert [line.split()[5] for line in out.splitlines() if line.startswith("  Test:")] == [
        "FAIL",
        "PASS",
        "FAIL",
    ]
    kit.good("-set-state-status", "COMPLETED,WAIVED", *W1, "-testpatt", "%", "-status", "FAIL")
    assert "WAIVED" in kit.good("-list-runs", "w1", "-testpatt", "items/red")


def test_a_runs_status_is_set_and_asked(tmp_path: Path) -> None:
    kit = ran(suite(tmp_path / "area"))
    kit.good("-set-run-status", "released", *W1, "-m", "shipped")
    assert kit.good("-get-run-status", *W1) == "released\n"
    assert "comment: shipped" in kit.good("-list-runs", "w1")
    kit.good("-run-wait", *W1, "-testpatt", "%")


def test_an_area_and_a_test_can_be_made(tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    home.mkdir()
    kit = AreaKit(home)
    assert str(home / "megatest.config") in kit.good("-create-megatest-area")
    assert str(home / "tests/more/testconfig") in kit.good("-create-test", "more")
    kit.good("-runtests", "hello,more", "-target", "main/linux", "-runname", "w1")
    assert kit.good("-list-runs", "w1").count("Status: PASS") == 2


def test_killreq_by_set_state_status_ends_a_test_that_no_engine_looks_after(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test("waits", "touch begun; while :; do sleep 1; done")
    engine = kit.start("-runtests", "waits", *W1)
    wait_for_file(kit.home / "runs/ubuntu/nfs/w1/waits/begun")
    engine.terminate()
    out, _ = engine.communicate(timeout=60)
    assert "leaving 1 running test alone" in out
    kit.good(
        "-set-state-status",
        "KILLREQ,n/a",
        *W1,
        "-testpatt",
        "%",
        "-state",
        "RUNNING,LAUNCHED,REMOTEHOSTSTART",
    )
    assert "State: KILLED          Status: FAIL" in kit.good("-list-runs", "w1")
