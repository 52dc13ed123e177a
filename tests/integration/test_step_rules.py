"""Steps with log rules: job scripts really run, their logs judged by the tool of this installation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from workarea_kit import AreaKit, run_job

from megatest.engine.settle import Verdict, verdict
from megatest.model.attempt import Ended, Entry, LogSaid, Prepared, StepSaid, ValueSaid
from megatest.model.job import ChangeKind, JobChange
from megatest.model.spec import Step
from megatest.workarea.findings import MOST_BYTES, with_findings
from megatest.workarea.journal import read_journal

SHELLS = ["/bin/sh", *(path for path in ("/bin/bash",) if os.path.exists(path))]

RULES = """\
(expect:error   in "LogFileBody" = 0 "no errors"   #/ERROR/)
(expect:warning in "LogFileBody" = 0 "no warnings" #/WARNING/)
(expect:check   in "LogFileBody" = 0 "no checks"   #/LOOK/)
(expect:waive   in "LogFileBody" = 0 "no waivers"  #/WAIVE/)
(expect:abort   in "LogFileBody" = 0 "no aborts"   #/ABORT/)
(expect:skip    in "LogFileBody" = 0 "no skips"    #/SKIP/)
"""


@pytest.fixture
def kit(tmp_path: Path) -> AreaKit:
    return AreaKit(tmp_path)


def judged_step(name: str, command: str, rules: str = RULES) -> Step:
    return Step(name=name, command=command, logpro=rules)


def prepare(kit: AreaKit, *steps: Step, runscript: str = "") -> Prepared:
    return kit.work_area().prepare(kit.spec(runscript=runscript, steps=steps))


def entries(kit: AreaKit, prepared: Prepared) -> tuple[Entry, ...]:
    """Return the journal as the engine reads it."""
    part = kit.work_area().read_journal(prepared.run_dir, 0)
    assert part.torn == 0
    return part.entries


def steps_of(found: tuple[Entry, ...]) -> list[tuple[str, str, str]]:
    return [(e.step, e.status, e.comment) for e in found if isinstance(e, StepSaid) and e.state == "end"]


def outcome(found: tuple[Entry, ...]) -> Verdict:
    ended = found[-1]
    assert isinstance(ended, Ended)
    change = JobChange(row=1, attempt=1, kind=ChangeKind.ENDED)
    return verdict(ended=ended, change=change, said=None, ending="")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("word", "code", "status", "comment"),
    [
        ("nothing", 0, "PASS", None),
        ("ERROR", 1, "FAIL", "Failed at step build (error: no errors)"),
        ("WARNING", 2, "WARN", "Logpro warning found (warning: no warnings)"),
        ("LOOK", 3, "CHECK", "Logpro check found (check: no checks)"),
        ("WAIVE", 4, "WAIVED", "Logpro waived found (waive: no waivers)"),
        ("ABORT", 5, "ABORT", "Logpro abort found (abort: no aborts)"),
        ("SKIP", 6, "SKIP", "Logpro skip found (skip: no skips)"),
    ],
)
def test_what_the_rules_find_is_the_tests_status(
    kit: AreaKit, shell: str, word: str, code: int, status: str, comment: str | None
) -> None:
    prepared = prepare(kit, judged_step("build", f"echo {word}; exit 9"))

    assert run_job(prepared, shell=shell).returncode == code
    found = entries(kit, prepared)
    assert outcome(found) == Verdict("COMPLETED", status, comment)
    assert [(name, judged) for name, judged, _ in steps_of(found)] == [("build", str(code))]
    assert [entry.log for entry in found if isinstance(entry, LogSaid)] == ["build.html"]
    assert f"EXIT CODE: {code}" in Path(prepared.run_dir, "build.html").read_text()


def test_a_warning_lets_the_test_go_on_and_marks_its_end(kit: AreaKit) -> None:
    prepared = prepare(
        kit,
        judged_step("one", "echo WARNING"),
        judged_step("two", "echo fine"),
        Step(name="three", command=":"),
    )

    assert run_job(prepared).returncode == 2
    found = entries(kit, prepared)
    assert steps_of(found) == [
        ("one", "2", "WARN: warning: no warnings"),
        ("two", "0", ""),
        ("three", "0", ""),
    ]
    assert outcome(found) == Verdict("COMPLETED", "WARN", "Logpro warning found (warning: no warnings)")


@pytest.mark.parametrize(
    ("second", "status", "comment"),
    [
        (judged_step("two", "echo ERROR"), "FAIL", "Failed at step two (error: no errors)"),
        (judged_step("two", "echo LOOK"), "CHECK", "Logpro check found (check: no checks)"),
        (Step(name="two", command="exit 2"), "FAIL", "Failed at step two"),
    ],
)
def test_what_comes_after_a_warning_may_be_worse(
    kit: AreaKit, second: Step, status: str, comment: str
) -> None:
    prepared = prepare(kit, judged_step("one", "echo WARNING"), second, judged_step("three", ":"))
    run_job(prepared)

    found = entries(kit, prepared)
    assert [name for name, _, _ in steps_of(found)] == ["one", "two"]
    assert outcome(found) == Verdict("COMPLETED", status, comment)


@pytest.mark.parametrize("word", ["ERROR", "LOOK", "WAIVE", "ABORT", "SKIP"])
def test_all_but_pass_and_warning_end_the_test(kit: AreaKit, word: str) -> None:
    prepared = prepare(kit, judged_step("one", f"echo {word}"), judged_step("two", "touch ran"))
    run_job(prepared)

    assert not Path(prepared.run_dir, "ran").exists()


def test_an_exit_status_of_2_without_rules_is_a_failure(kit: AreaKit) -> None:
    prepared = prepare(kit, Step(name="one", command="exit 2"), Step(name="two", command="touch ran"))
    run_job(prepared)

    assert outcome(entries(kit, prepared)) == Verdict("COMPLETED", "FAIL", "Failed at step one")
    assert not Path(prepared.run_dir, "ran").exists()


def test_rules_do_not_excuse_a_step_that_a_signal_ended(kit: AreaKit) -> None:
    prepared = prepare(kit, judged_step("one", "echo fine; kill -9 $$"))

    assert run_job(prepared).returncode == 137
    found = entries(kit, prepared)
    assert [status for _, status, _ in steps_of(found)] == ["137"]
    assert outcome(found) == Verdict("COMPLETED", "FAIL", "Failed at step one")
    assert Path(prepared.run_dir, "one.html").exists()


def test_a_runscript_that_failed_is_not_excused_by_good_logs(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\nexit 3\n")
    prepared = prepare(kit, judged_step("one", "echo WARNING"), runscript="main.sh")

    assert run_job(prepared).returncode == 3
    assert outcome(entries(kit, prepared)) == Verdict("COMPLETED", "FAIL")


def test_the_tests_own_rule_file_comes_before_the_testconfig(kit: AreaKit) -> None:
    kit.script('(expect:required in "LogFileBody" > 0 "done" #/done/)\n', "one.logpro", mode=0o644)
    prepared = prepare(kit, judged_step("one", "echo ERROR, but done"))

    assert run_job(prepared).returncode == 0
    assert Path(prepared.run_dir, "one.logpro").read_text().startswith("(expect:required")


def test_rules_of_the_testconfig_become_a_file_that_says_where_they_come_from(kit: AreaKit) -> None:
    prepared = prepare(kit, judged_step("one", ":"), Step(name="two", command=":"))
    text = Path(prepared.run_dir, "one.logpro").read_text()

    assert text.startswith(";; The log rules that [logpro] one of the testconfig has")
    assert text.endswith(RULES + "\n")
    assert not Path(prepared.run_dir, "two.logpro").exists()


def test_rules_that_cannot_be_read_fail_the_test_with_place_and_reason(kit: AreaKit) -> None:
    kit.script('(expect:error in "LogFileBody" = 0 "x" #/a/)\n(expect:error in\n', "one.logpro", mode=0o644)
    prepared = prepare(kit, Step(name="one", command="echo fine"))

    assert run_job(prepared).returncode == 1
    found = outcome(entries(kit, prepared))
    assert (found.state, found.status) == ("COMPLETED", "FAIL")
    assert found.comment is not None
    assert found.comment.startswith("Failed at step one (error: one.logpro:2:1: ")


def test_a_log_that_nobody_can_judge_fails_the_test(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\nexit 127\n", "no-python")
    prepared = prepare(kit, judged_step("one", "echo fine"))
    script = Path(prepared.script)
    text = script.read_text()
    start = text.index("export MT_PYTHON=")
    script.write_text(text[:start] + "export MT_PYTHON=/nowhere" + text[text.index("\n", start) :])

    run_job(prepared)

    assert outcome(entries(kit, prepared)) == Verdict(
        "COMPLETED",
        "FAIL",
        "Failed at step one (its log could not be judged: logpro ended with exit code 127)",
    )


def test_measured_values_become_values_of_the_test(kit: AreaKit) -> None:
    rules = """\
(expect:value in "LogFileBody" 1.9 0.1 "speed" #/speed=([0-9.]+)/)
(expect:value in "LogFileBody" 5 <= "size" #/size=([0-9]+)/)
"""
    prepared = prepare(kit, judged_step("run", "echo speed=1.85; echo size=7", rules))
    run_job(prepared)

    values = [
        (v.category, v.variable, v.value, v.expected, v.tol, v.units, v.comment, v.status, v.type)
        for v in entries(kit, prepared)
        if isinstance(v, ValueSaid)
    ]
    assert sorted(values) == [
        ("run", "final", "1", "0", "0", "n/a", "value: size", "FAIL", "logpro"),
        ("run", "rule-0", "1.85", "1.9", "0.1", "n/a", "speed", "OK", "+/-"),
        ("run", "rule-1", "7", "5", "n/a", "n/a", "size", "FAIL", "<="),
    ]


def test_a_step_that_the_test_reports_itself_brings_its_findings_too(kit: AreaKit) -> None:
    kit.script(
        "#!/bin/sh\n"
        "printf '[v]\\nmeasured 3\\nexpected 3\\ntolerance 0\\n\\n"
        "[final]\\nexit-code 2\\nexit-status WARN\\nmessage slow\\n' > sim.dat\n"
        "megatest -step sim :state start :status 0\n"
        "megatest -step sim :state end :status 2\n"
    )
    prepared = kit.work_area().prepare(kit.spec())
    assert run_job(prepared).returncode == 0

    found = entries(kit, prepared)
    assert steps_of(found) == [("sim", "2", "WARN: slow")]
    assert [(v.variable, v.status) for v in found if isinstance(v, ValueSaid)] == [
        ("v", "n/a"),
        ("final", "WARN"),
    ]


def test_by_hand_the_rules_print_what_they_find_and_nothing_is_recorded(kit: AreaKit) -> None:
    prepared = prepare(kit, judged_step("one", "echo WARNING; exit 7"), judged_step("two", "echo ERROR"))
    run_job(prepared)
    before = read_journal(prepared.run_dir)

    done = run_job(prepared, "--again")

    assert done.returncode == 1
    assert "LOGPRO SUMMARY" in done.stdout
    assert "ERROR" in done.stdout
    assert read_journal(prepared.run_dir) == before


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.mkdir(),
        os.mkfifo,
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\0\xff[final\nmessage x\n"),
    ],
    ids=["directory", "fifo", "link", "empty", "rubbish"],
)
def test_a_dat_that_is_none_changes_nothing(kit: AreaKit, make: object) -> None:
    prepared = prepare(kit, Step(name="one", command=":"))
    run_job(prepared)
    assert callable(make)
    make(Path(prepared.run_dir, "one.dat"))

    assert entries(kit, prepared) == read_journal(prepared.run_dir).entries


def test_a_step_whose_name_leads_elsewhere_brings_no_findings(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\nmegatest -step ../x :state end :status 0\n")
    prepared = kit.work_area().prepare(kit.spec())
    run_job(prepared)
    Path(prepared.run_dir).parent.joinpath("x.dat").write_text("[final]\nexit-status FAIL\nmessage no\n")

    assert entries(kit, prepared) == read_journal(prepared.run_dir).entries


def test_any_bytes_of_a_dat_can_be_stored_and_a_long_one_is_cut(kit: AreaKit) -> None:
    prepared = prepare(kit, Step(name="one", command=":"))
    run_job(prepared)
    head = b"[final]\nexit-status FAIL\nmessage a\0b\xff\n"
    Path(prepared.run_dir, "one.dat").write_bytes(head + b"#" * (MOST_BYTES + 10) + b"\nmessage behind\n")

    part = with_findings(prepared.run_dir, read_journal(prepared.run_dir))

    assert steps_of(part.entries)[0][2] == "FAIL: a\\x00b\\xff"


def test_a_step_that_is_a_subrun_does_not_see_the_variables_of_the_test(kit: AreaKit) -> None:
    command = 'echo "${MT_TEST_RUN_DIR-none} ${MT_CMDINFO-none} $MT_JOB"'
    inside = Step(name="inside", command=command, parameters={"subrun": "true"})
    usual = Step(name="usual", command="echo $MT_TEST_RUN_DIR")
    prepared = prepare(kit, inside, usual)
    assert run_job(prepared, env={"MT_JOB": "a-17-1"}).returncode == 0
    assert Path(prepared.run_dir, "inside.log").read_text() == "none none a-17-1\n"
    assert Path(prepared.run_dir, "usual.log").read_text() == f"{prepared.run_dir}\n"
