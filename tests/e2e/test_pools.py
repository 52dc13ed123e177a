"""Pools through the commands: two runs at once, a claim that nobody uses, and what the user is told."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from area_kit import CONFIG, AreaKit, make_area, wait_for_file

POOLS = """
max_concurrent_jobs 8

[pools]
simulator 2
board units b1 b2
"""

# Whoever has a board alone can make its directory.  The first run's tests take long until the other run
# has had a board.
USES_A_BOARD = """\
mkdir "$ROOM/$MT_POOL_BOARD" || { echo "$MT_POOL_BOARD is used twice" >> "$ROOM/wrong"; exit 1; }
echo "$MT_RUNNAME $MT_POOL_BOARD" >> "$ROOM/starts"
if [ "$MT_RUNNAME" = one ]; then
  grep -q two "$ROOM/starts" || sleep 0.2
fi
rmdir "$ROOM/$MT_POOL_BOARD"
"""
RUN = ("run", "-t", "ubuntu/nfs", "-n")


@pytest.fixture
def kit(tmp_path: Path) -> AreaKit:
    (tmp_path / "room").mkdir()
    kit = make_area(
        tmp_path / "area",
        config=CONFIG.replace("[setup]", f"[env-override]\nROOM {tmp_path}/room\n\n[setup]") + POOLS,
    )
    items = " ".join(str(number) for number in range(60))
    kit.add_test("uses", USES_A_BOARD, f"[requirements]\nboard 1\n[items]\nN {items}\n")
    return kit


def test_two_runs_share_a_pool_and_no_unit_is_used_twice(kit: AreaKit, tmp_path: Path) -> None:
    one = kit.start(*RUN, "one", "uses")
    two = kit.start(*RUN, "two", "uses/1%")
    said = [process.communicate(timeout=120)[0] for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), said
    room = tmp_path / "room"
    assert not (room / "wrong").exists()
    starts = (room / "starts").read_text().splitlines()
    assert Counter(line.split()[0] for line in starts) == {"one": 60, "two": 10 + 1}
    assert {line.split()[1] for line in starts} == {"b1", "b2"}
    last_of_one = max(place for place, line in enumerate(starts) if line.startswith("one"))
    assert any(line.startswith("two") for line in starts[:last_of_one]), "the second run waited for all of it"


def test_what_a_dead_engine_claimed_in_vain_is_taken_back_by_whoever_wants_it(kit: AreaKit) -> None:
    kit.add_test("both", "echo $MT_POOL_BOARD > had", "[requirements]\nboard 2\n")
    more = {"MEGATEST_FAILPOINT": "claim made:1"}
    assert kit.megatest(*RUN, "dead", "both", more=more).code == -9
    why = kit.good("why", "both", "-t", "ubuntu/nfs", "-n", "dead")
    assert "Pool" not in why
    kit.good(*RUN, "other", "both")
    assert (kit.home / "lt/ubuntu/nfs/other/both/had").read_text() == "b1 b2\n"
    kit.good(*RUN, "dead", "both")
    assert (kit.home / "lt/ubuntu/nfs/dead/both/had").read_text() == "b1 b2\n"


def test_what_ended_under_an_engine_that_died_is_settled_by_whoever_waits_for_it(kit: AreaKit) -> None:
    kit.add_test("both", "echo $MT_POOL_BOARD > had", "[requirements]\nboard 2\n")
    more = {"MEGATEST_FAILPOINT": "job reaped:1"}
    assert kit.megatest(*RUN, "dead", "both", more=more).code == -9
    kit.good(*RUN, "other", "both")
    assert (kit.home / "lt/ubuntu/nfs/other/both/had").read_text() == "b1 b2\n"
    with closing(sqlite3.connect(kit.home / "megatest.db")) as db:
        assert db.execute("SELECT state, status FROM tests").fetchall() == [("COMPLETED", "PASS")] * 2


def test_who_holds_what_a_test_waits_for_is_told(kit: AreaKit, tmp_path: Path) -> None:
    kit.add_test(
        "long",
        "touch $ROOM/begun; until [ -e $ROOM/enough ]; do sleep 0.05; done",
        "[requirements]\nsimulator 2\n",
    )
    kit.add_test("short", "exit 0", "[requirements]\nsimulator 1\n")
    processes = [kit.start(*RUN, "first", "long")]
    try:
        wait_for_file(tmp_path / "room/begun")
        processes.append(kit.start(*RUN, "second", "short"))
        wait_for_file(kit.home / "lt/ubuntu/nfs/second/.run.journal")
        why = kit.good("why", "short", "-t", "ubuntu/nfs", "-n", "second")
    finally:
        (tmp_path / "room/enough").touch()
        for process in processes:
            process.communicate(timeout=60)
    assert (
        "Pool 'simulator' has 2, and it wants 1: in use are 2, by long of run ubuntu/nfs/first (2 since "
        in why
    )


def test_a_test_that_can_never_fit_is_refused_with_the_place(kit: AreaKit) -> None:
    kit.add_test("greedy", more="[requirements]\nsimulator 3\n")
    said = (
        f"{kit.home}/tests/greedy/testconfig:4:11: error: test 'greedy' can never start: "
        "it asks for 3 of pool 'simulator', which has 2\n"
        "    simulator 3\n"
        "              ^\n"
        "hint: ask for 2 at most, or enlarge the pool in [pools]\n"
    )
    for words in ((*RUN, "w", "greedy"), ("check",), ("run", "--dry-run", "-t", "ubuntu/nfs", "greedy")):
        done = kit.megatest(*words)
        assert done.code == 2
        assert said in done.out + done.err


def test_the_worked_example_of_the_manual(tmp_path: Path) -> None:
    kit = make_area(
        tmp_path / "area",
        config="[fields]\nrelease TEXT\n\n[setup]\nlinktree lt\nmax_concurrent_jobs 8\n\n"
        "[pools]\nsimulator 4\nboard     units b1 b2\n\n[jobgroups]\nheavy 1\n",
        runconfigs="",
    )
    begins = (
        "touch $MT_RUN_AREA_HOME/$MT_TEST_NAME; until [ -e $MT_RUN_AREA_HOME/enough ]; do sleep 0.05; done"
    )
    tests = {
        "unit": f"[ezsteps]\nrun {begins}\n\n[requirements]\nsimulator 1\n\n[items]\nN 1 2 3 4 5 6 7 8\n",
        "chip": f"[ezsteps]\nrun {begins}\n\n[requirements]\nsimulator 3\npriority  10\n",
        "flash": "[ezsteps]\nflash echo flashing $MT_POOL_BOARD\n\n"
        "[requirements]\nboard 1\n\n[items]\nIMAGE old new\n",
    }
    for name, text in tests.items():
        (kit.home / "tests" / name).mkdir()
        (kit.home / "tests" / name / "testconfig").write_text(text)
    kit.good("check")
    run = kit.start("run", "-t", "r1", "-n", "nightly")
    try:
        wait_for_file(kit.home / "chip")
        wait_for_file(kit.home / "unit")
        why = kit.good("why", "unit/8")
    finally:
        (kit.home / "enough").touch()
        said = run.communicate(timeout=60)[0]
    assert run.returncode == 0, said
    assert "Pool 'simulator' has 4, and it wants 1: in use are 4, by " in why
    flashed = {(kit.home / f"lt/r1/nightly/flash/{image}/flash.log").read_text() for image in ("old", "new")}
    assert flashed <= {"flashing b1\n", "flashing b2\n"}
    chip = kit.home / "tests/chip/testconfig"
    chip.write_text(chip.read_text().replace("simulator 3", "simulator 5"))
    for words in (("check",), ("run", "-t", "r1", "-n", "other"), ("run", "-t", "r1", "--dry-run")):
        refused = kit.megatest(*words)
        assert refused.code == 2
        assert "tests/chip/testconfig:5:11: error: test 'chip' can never start" in refused.out + refused.err
        assert "test 'unit" not in refused.out + refused.err
    kit.good("run", "-t", "r1", "-n", "other", "unit,flash")
