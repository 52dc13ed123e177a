"""Log rules, measured values, what is known about tests, and pages about items: through the commands."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from area_kit import TARGET, W1, AreaKit, make_area

STEPS = """\
[ezsteps]
build echo building; echo WARNING: old compiler
run echo speed=$SPEED; exit 9

[logpro]
build ;; found by the compiler
  (expect:error   in "LogFileBody" = 0 "no errors" #/ERROR/)
  (expect:warning in "LogFileBody" = 0 "no warnings" #/WARNING/)
run (expect:value in "LogFileBody" 1.9 0.1 "speed" #/speed=([0-9.]+)/)

[test_meta]
owner somebody
author somebody else
description measures the speed
tags fast,nightly
"""

LOADING = """\
$MT_MEGATEST -load-test-data << EOF
foo,bar,   1.2,  1.9, <
foo,alb,   1.2,  1.2, <=    , Amps,This is the high power circuit test
foo,bra,   1.2, pass, silly stuff
faz,bar,    10,  8mA,     ,     ,"this, is a comment"
EOF
$MT_MEGATEST -set-values :category timing :variable setup :value $SETUP :expected 1.5 :tol 0.1 :units ns
$MT_MEGATEST -test-status :state COMPLETED :status AUTO
"""


@pytest.fixture
def kit(tmp_path: Path) -> AreaKit:
    kit = make_area(tmp_path / "area")
    directory = kit.home / "tests" / "steps"
    directory.mkdir()
    (directory / "testconfig").write_text(STEPS)
    kit.add_test("data", LOADING)
    kit.add_test("many", 'test "$COLOUR" != green', "[items]\nCOLOUR red green blue\n")
    return kit


def run(kit: AreaKit, name: str, pattern: str, *, speed: str = "1.85", setup: str = "1.52") -> None:
    code = kit.megatest(
        *("run", pattern, "-t", "ubuntu/nfs", "-n", name),
        *("--env", f"SPEED={speed}", "--env", f"SETUP={setup}"),
    ).code
    assert code in (0, 1)


def results(kit: AreaKit, name: str) -> dict[str, str]:
    body = json.loads(kit.good("list", "-n", name, "--json"))
    return {f"{t['test']}/{t['item']}".rstrip("/"): f"{t['state']}/{t['status']}" for t in body["tests"]}


def test_steps_with_rules_give_the_status_that_the_rules_say(kit: AreaKit) -> None:
    run(kit, "w1", "steps")
    run(kit, "w2", "steps", speed="2.5")

    assert results(kit, "w1") == {"steps": "COMPLETED/WARN"}
    assert results(kit, "w2") == {"steps": "COMPLETED/FAIL"}
    shown = json.loads(kit.good("show", "steps", "-n", "w2", "--json"))
    assert shown["comment"] == "Failed at step run (value: speed)"
    assert shown["final_log"] == "run.html"
    ends = [(s["step"], s["status"], s["log"], s["comment"]) for s in shown["steps"] if s["state"] == "end"]
    assert ends == [
        ("build", "2", "build.html", "WARN: warning: no warnings"),
        ("run", "1", "run.html", "FAIL: value: speed"),
    ]


def test_the_log_of_a_judged_step_is_read_as_text_and_named_as_a_page(kit: AreaKit) -> None:
    run(kit, "w1", "steps")

    assert kit.good("log", "steps") == "speed=1.85\n"
    assert kit.good("log", "steps", "build") == "building\nWARNING: old compiler\n"
    assert kit.good("log", "steps", "--path").endswith("/steps/run.html\n")


def test_rules_that_cannot_be_read_fail_the_test_and_say_where(kit: AreaKit) -> None:
    (kit.home / "tests" / "steps" / "run.logpro").write_text("(expect:eror in\n")
    run(kit, "w1", "steps")

    shown = json.loads(kit.good("show", "steps", "--json"))
    assert shown["status"] == "FAIL"
    assert shown["comment"].startswith("Failed at step run (error: run.logpro:1:1: ")


def test_values_that_a_test_loads_decide_where_it_says_auto(kit: AreaKit) -> None:
    run(kit, "w1", "data")
    run(kit, "w2", "data", setup="1.7")

    assert results(kit, "w1") == {"data": "COMPLETED/PASS"}
    assert results(kit, "w2") == {"data": "COMPLETED/FAIL"}
    assert json.loads(kit.good("show", "data", "-n", "w2", "--json"))["comment"] == (
        "1 of 3 measured values fail"
    )


def test_values_are_in_the_database_as_scripts_know_it(kit: AreaKit) -> None:
    run(kit, "w1", "data")

    with sqlite3.connect(kit.home / "megatest.db") as db:
        rows = db.execute(
            "SELECT category, variable, value, expected, tol, units, comment, status FROM test_data"
            " ORDER BY category, variable"
        ).fetchall()
    db.close()
    assert rows == [
        ("faz", "bar", 10, "8mA", "", "", "this, is a comment", "n/a"),
        ("foo", "alb", 1.2, 1.2, "<=", "Amps", "This is the high power circuit test", "pass"),
        ("foo", "bar", 1.2, 1.9, "<", "", "", "pass"),
        ("foo", "bra", 1.2, "pass", "silly stuff", "", "", "n/a"),
        ("timing", "setup", 1.52, 1.5, 0.1, "ns", "", "pass"),
    ]


def test_the_history_of_a_value_is_shown_over_runs(kit: AreaKit) -> None:
    run(kit, "w1", "data")
    run(kit, "w2", "data", setup="1.7")

    lines = kit.good("values", "--variable", "timing/setup").splitlines()
    assert [line.split()[:3] + line.split()[5:] for line in lines[1:]] == [
        ["data", "timing/setup", "ubuntu/nfs/w1", "1.52", "1.5", "0.1", "ns", "pass"],
        ["data", "timing/setup", "ubuntu/nfs/w2", "1.7", "1.5", "0.1", "ns", "fail"],
    ]
    found = json.loads(kit.good("values", "data", "-n", "w2", "--status", "FAIL", "--json"))
    assert [(value["run"], value["variable"], value["value"]) for value in found] == [("w2", "setup", "1.7")]
    assert kit.good("values", "steps") == "no measured values\n"


def test_the_originals_listing_of_values_is_csv(kit: AreaKit) -> None:
    run(kit, "w1", "data,steps")

    lines = kit.good("-testdata-csv", "foo/%", *TARGET).splitlines()
    assert lines == [
        "target,run,test,itempath,category,var,value,comment",
        "ubuntu/nfs,w1,data,,foo,bar,1.2,",
        "ubuntu/nfs,w1,data,,foo,alb,1.2,This is the high power circuit test",
        "ubuntu/nfs,w1,data,,foo,bra,1.2,",
    ]
    every = kit.good("-testdata-csv", "%").splitlines()
    assert 'ubuntu/nfs,w1,data,,faz,bar,10,"this, is a comment"' in every
    assert "ubuntu/nfs,w1,steps,,run,rule-0,1.85,speed" in every
    assert not any(",final," in line for line in every)


def test_a_rebuilt_database_has_the_values(kit: AreaKit) -> None:
    run(kit, "w1", "data,steps")
    before = kit.good("values", "--json")
    (kit.home / "megatest.db").unlink()
    kit.good("rebuild")

    assert json.loads(kit.good("values", "--json")) == json.loads(before)


def test_values_are_found_again_in_run_directories_alone(kit: AreaKit) -> None:
    run(kit, "w1", "data,steps")
    run(kit, "w1", "data", setup="1.7")
    before = json.loads(kit.good("values", "--json"))
    (kit.home / "megatest.db").unlink()
    (kit.home / "lt" / "ubuntu" / "nfs" / "w1" / ".run.journal").unlink()
    kit.good("rebuild")

    assert results(kit, "w1") == {"data": "COMPLETED/PASS", "steps": "COMPLETED/WARN"}
    found = json.loads(kit.good("values", "--json"))
    assert [{**value, "started": ""} for value in found] == [{**value, "started": ""} for value in before]


def test_what_the_files_say_about_a_test_is_shown(kit: AreaKit) -> None:
    run(kit, "w1", "steps,data")

    shown = kit.good("show", "steps")
    assert "about       measures the speed" in shown
    assert "owner       somebody" in shown
    (data, steps) = json.loads(kit.good("list", "--json"))["tests"]
    assert (steps["owner"], steps["tags"]) == ("somebody", ["fast", "nightly"])
    assert (data["owner"], data["tags"]) == ("", [])


def test_what_the_files_say_about_tests_is_read_again_on_request(kit: AreaKit) -> None:
    run(kit, "w1", "steps")
    kit.add_test("wrong", more="[requirements]\nruntimelim soon\n")
    config = kit.home / "tests" / "data" / "testconfig"
    config.write_text(config.read_text() + "[test_meta]\nowner nobody\n")

    done = kit.megatest("-update-meta")

    with sqlite3.connect(kit.home / "megatest.db") as db:
        rows = db.execute("SELECT testname, owner FROM test_meta ORDER BY testname").fetchall()
    db.close()
    assert rows == [("data", "nobody"), ("steps", "somebody")]
    assert done.code == 1
    assert "tests/wrong/testconfig" in done.err


def page_of(kit: AreaKit) -> Path:
    return kit.home / "lt" / "ubuntu" / "nfs" / "w1" / "many" / "megatest-rollup-many.html"


def test_when_the_last_item_has_ended_there_is_a_page_about_all(kit: AreaKit) -> None:
    run(kit, "w1", "many,data")

    text = page_of(kit).read_text()
    assert all(f'<a href="./{colour}/">{colour}</a>' in text for colour in ("red", "green", "blue"))
    parent = json.loads(kit.good("show", "many", "--json"))
    assert parent["final_log"] == "megatest-rollup-many.html"
    assert not list((kit.home / "lt" / "ubuntu" / "nfs" / "w1" / "data").glob("megatest-rollup*"))


def test_a_test_whose_item_names_a_log_keeps_that(kit: AreaKit) -> None:
    kit.add_test("own", "megatest -set-toplog mine.html", "[items]\nI a b\n")
    run(kit, "w1", "own")

    assert json.loads(kit.good("show", "own", "--json"))["final_log"] == "mine.html"
    assert not (page_of(kit).parent.parent / "own" / "megatest-rollup-own.html").exists()


def test_a_command_of_the_area_makes_the_page(kit: AreaKit) -> None:
    with (kit.home / "megatest.config").open("a") as config:
        config.write('[testrollup]\nmany echo "<p>$MT_TEST_NAME of $MT_RUNNAME</p>"; ls -d red; echo x >&2\n')
    run(kit, "w1", "many")

    assert page_of(kit).read_text() == "<p>many of w1</p>\nred\n"
    assert (kit.home / "logs" / "testrollup-many.log").read_text() == "x\n"


def test_a_command_that_fails_leaves_our_own_page(kit: AreaKit) -> None:
    with (kit.home / "megatest.config").open("a") as config:
        config.write("[testrollup]\nmany echo half a page; exit 3\n")
    run(kit, "w1", "many")

    assert page_of(kit).read_text().startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in page_of(kit).parent.iterdir()) == [
        *("blue", "green", "megatest-rollup-many.html", "red"),
    ]


def test_the_page_is_written_again_on_request_and_inside_a_test(kit: AreaKit) -> None:
    run(kit, "w1", "many")
    page_of(kit).unlink()

    assert kit.good("-summarize-items", *W1) == f"{page_of(kit).resolve()}\n"
    page_of(kit).unlink()
    inside = {"MT_TARGET": "ubuntu/nfs", "MT_RUNNAME": "w1", "MT_TEST_NAME": "many", "MT_ITEMPATH": "red"}
    assert kit.megatest("-summarize-items", more=inside).code == 0
    assert page_of(kit).exists()


def test_the_page_goes_with_the_last_item(kit: AreaKit) -> None:
    run(kit, "w1", "many")
    kit.good("rm", "many/red", "-y")
    assert page_of(kit).exists()

    kit.good("rm", "many", "-y")

    assert not (kit.home / "lt" / "ubuntu").exists() or not page_of(kit).parent.exists()
    assert not (kit.home / "runs" / "ubuntu" / "nfs" / "w1" / "many").exists()
