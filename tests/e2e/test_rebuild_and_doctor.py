"""The database is an index: it can be lost, and made again from what lies on disk."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from area_kit import AreaKit, suite

BOOKKEEPING = {
    "tests": {"seq", "last_update"},
    "test_steps": {"id", "last_update"},
    "test_data": {"id", "last_update"},
    "runs": {"last_update"},
    "edits": {"id"},
}
"""Columns by which a database keeps track of its own writing."""

RUN = ("-t", "ubuntu/nfs", "-n", "w1")


@pytest.fixture
def area(tmp_path: Path) -> AreaKit:
    kit = suite(tmp_path / "area")
    kit.add_test(
        "steps",
        "$MT_MEGATEST -step build :state start :status n/a\n"
        '$MT_MEGATEST -step build :state end :status 0 -m "all built"\n'
        "$MT_MEGATEST -set-values :category size :variable code :value 10 :expected 12 :tol 3\n"
        '$MT_MEGATEST -test-status :state COMPLETED :status WARN -m "a warning"',
    )
    kit.megatest("run", *RUN, "%")
    kit.megatest("run", *RUN, "bad", "-m", "a second time")
    kit.good("set", "bad", "--status", "WAIVED", "--reason", "known", *RUN)
    return kit


def rows(home: Path, table: str) -> list[dict[str, object]]:
    with sqlite3.connect(home / "megatest.db") as db:
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute(f"SELECT * FROM {table}")]
    db.close()
    kept = [{k: v for k, v in row.items() if k not in BOOKKEEPING[table]} for row in found]
    return sorted(kept, key=lambda row: json.dumps(row, default=str, sort_keys=True))


def test_a_database_that_was_deleted_comes_back_row_for_row(area: AreaKit) -> None:
    before = {table: rows(area.home, table) for table in BOOKKEEPING}
    assert all(before.values())
    for path in area.home.glob("megatest.db*"):
        path.unlink()
    area.good("rebuild")
    assert {table: rows(area.home, table) for table in BOOKKEEPING} == before


def test_what_was_changed_by_hand_comes_back_with_who_did_it_and_why(area: AreaKit) -> None:
    area.add_test("bad2", "exit 1")
    area.megatest("run", *RUN, "bad2")
    area.good("waive", "bad2", "--reason", "known since May", *RUN)
    area.good("set", "items/red", "--status", "FAIL", "--reason", "seen by eye", *RUN)
    area.good(
        "-remove-runs", "-keep-records", "-target", "ubuntu/nfs", "-runname", "w1", "-testpatt", "items/blue"
    )
    area.good("-set-run-status", "reviewed", "-target", "ubuntu/nfs", "-runname", "w1", "-m", "by two")
    area.good("lock", *RUN)
    before = {table: rows(area.home, table) for table in BOOKKEEPING}
    assert {edit["reason"] for edit in before["edits"]} >= {"known", "waived: known since May", "seen by eye"}
    for path in area.home.glob("megatest.db*"):
        path.unlink()
    area.good("rebuild")
    assert {table: rows(area.home, table) for table in BOOKKEEPING} == before
    assert "is locked" in area.megatest("rm", "-y", "%", *RUN).said


def test_a_rebuilt_database_takes_new_runs_and_reruns_only_what_it_must(area: AreaKit) -> None:
    (area.home / "megatest.db").unlink()
    area.good("rebuild")
    again = area.megatest("run", *RUN, "ok,items,steps")
    assert "nothing to do" in again.out, again.said
    assert area.megatest("run", "-t", "ubuntu/nfs", "-n", "w2", "ok").code == 0
    assert "w2" in area.good("list", "--runs")


def test_a_run_whose_own_journal_is_lost_too_comes_back_from_its_directories(area: AreaKit) -> None:
    for path in area.home.glob("megatest.db*"):
        path.unlink()
    (area.home / "lt" / "ubuntu" / "nfs" / "w1" / ".run.journal").unlink()
    said = area.good("rebuild")
    assert "known by their run directories only" in said
    results = {(r["testname"], r["item_path"]): (r["state"], r["status"]) for r in rows(area.home, "tests")}
    assert results["ok", ""] == ("COMPLETED", "PASS")
    assert results["items", "red"] == results["items", ""] == ("COMPLETED", "PASS")
    assert results["steps", ""] == ("COMPLETED", "WARN")
    assert results["bad", ""] == ("COMPLETED", "FAIL")


@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_no_command_makes_a_second_database_where_runs_are_known(area: AreaKit, how: str) -> None:
    for path in area.home.glob("megatest.db*"):
        path.unlink()
    if how == "emptied":
        (area.home / "megatest.db").touch()
    for words in (
        ("run", *RUN, "ok"),
        ("run", "-t", "ubuntu/nfs", "-n", "w2", "ok"),
        ("-run", "-target", "ubuntu/nfs", "-runname", "w1", "-testpatt", "ok"),
    ):
        done = area.megatest(*words)
        assert done.code == 3, done.said
        assert "but 1 run is known by journals in" in done.err
        assert "megatest rebuild" in done.err
        assert not (area.home / "megatest.db").exists() or how == "emptied"
    area.good("rebuild")
    assert "nothing to do" in area.good("run", *RUN, "ok")


def test_who_removes_the_journals_begins_anew(area: AreaKit) -> None:
    for path in (*area.home.glob("megatest.db*"), *area.home.glob("lt/*/*/*/.run.journal")):
        path.unlink()
    assert "1 PASS" in area.good("run", *RUN, "ok")


def test_runs_of_another_area_in_a_shared_link_tree_are_no_hindrance(area: AreaKit, tmp_path: Path) -> None:
    other = suite(tmp_path / "other")
    config = (area.home / "megatest.config").read_text().replace("#{getenv MT_RUN_AREA_HOME}", str(area.home))
    (other.home / "megatest.config").write_text(config)
    assert "1 PASS" in other.good("run", "-t", "ubuntu/nfs", "-n", "o1", "ok")


def test_a_damaged_database_is_named_with_the_way_out_and_kept_aside(area: AreaKit) -> None:
    for path in area.home.glob("megatest.db-*"):
        path.unlink()
    (area.home / "megatest.db").write_bytes(b"no database at all" * 100)
    done = area.megatest("list")
    assert done.code == 3
    assert "megatest rebuild" in done.err
    area.good("rebuild")
    assert "ok" in area.good("list")
    assert (area.home / "megatest.db.before-rebuild").read_bytes().startswith(b"no database")


def test_the_doctor_finds_nothing_wrong_with_a_sound_area(area: AreaKit) -> None:
    said = area.good("doctor")
    assert "PROBLEM" not in said
    assert all(check["ok"] for check in json.loads(area.good("doctor", "--json")))


def test_the_doctor_names_what_is_wrong_and_the_remedy(area: AreaKit) -> None:
    shutil.rmtree(area.home / "runs" / "ubuntu" / "nfs" / "w1" / "ok")
    (area.home / "megatest.db").rename(area.home / "elsewhere.db")
    for path in area.home.glob("megatest.db-*"):
        path.unlink()
    done = area.megatest("doctor")
    assert done.code == 3
    assert "links that lead nowhere" in done.out
    assert "megatest rebuild" in done.out
