"""The job script, really run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workarea_kit import NOTHING_SPECIAL, AreaKit, run_job

from megatest.model.attempt import Ended, Prepared, Revoked, Started, StatusSaid, StepSaid
from megatest.model.error import UserError
from megatest.model.spec import Step, Variable
from megatest.workarea.jobscript import resolved_from_script
from megatest.workarea.journal import journal_path, read_journal
from megatest.workarea.marker import owner_at
from megatest.workarea.quote import csh_quote, sh_quote

SHELLS = ["/bin/sh", *(path for path in ("/bin/bash",) if os.path.exists(path))]


@pytest.fixture
def kit(tmp_path: Path) -> AreaKit:
    return AreaKit(tmp_path)


def step(name: str, command: str) -> Step:
    return Step(name=name, command=command)


def said(prepared: Prepared) -> list[tuple[str, str, str]]:
    entries = read_journal(prepared.run_dir).entries
    return [(e.step, e.state, e.status) for e in entries if isinstance(e, StepSaid)]


def own_words(prepared: Prepared) -> list[str]:
    entries = read_journal(prepared.run_dir).entries
    return [f"{e.state}/{e.status} {e.comment}" for e in entries if isinstance(e, StatusSaid)]


def ended(prepared: Prepared) -> Ended:
    part = read_journal(prepared.run_dir)
    assert part.torn == 0
    last = part.entries[-1]
    assert isinstance(last, Ended)
    return last


def read_when(ready: Callable[[], bool]) -> None:
    """Wait for another process; the deadline is for a test that hangs, not a measure of anything."""
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        os.sched_yield()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_status_of_the_runscript_is_the_jobs_and_the_last_record(
    kit: AreaKit, shell: str, code: int
) -> None:
    kit.script(f"#!/bin/sh\necho out\necho err >&2\nexit {code}\n")
    prepared = kit.work_area().prepare(kit.spec())

    done = run_job(prepared, shell=shell)

    assert (done.returncode, done.stdout, done.stderr) == (code, "out\n", "err\n")
    assert (ended(prepared).code, ended(prepared).step) == (code, "")


SAY_PARENT = "#!/bin/sh\necho $PPID\nread -r stat < /proc/$PPID/stat\nset -- ${stat##*')'}\necho ${20}\n"


def test_the_first_record_says_which_process_it_is_and_where(kit: AreaKit) -> None:
    kit.script(SAY_PARENT)
    prepared = kit.work_area().prepare(kit.spec(attempt=4))

    pid, pid_started = run_job(prepared).stdout.split()
    first = read_journal(prepared.run_dir).entries[0]

    assert isinstance(first, Started)
    assert (first.attempt, first.pid) == (4, int(pid))
    assert int(pid_started) <= first.uptime_s * os.sysconf("SC_CLK_TCK") + 1
    assert first.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert first.host == os.uname().nodename
    assert first.uptime_s > 0
    assert (first.uname, first.cpuload, first.time) == ("", -1.0, 0)


def test_on_another_host_the_script_also_says_what_that_machine_is(kit: AreaKit) -> None:
    kit.script(SAY_PARENT)
    prepared = kit.work_area().prepare(kit.spec(on_this_host=False))
    _, pid_started = run_job(prepared).stdout.split()

    first = read_journal(prepared.run_dir).entries[0]

    assert isinstance(first, Started)
    assert first.uname.startswith(f"Linux {os.uname().release}")
    assert first.cpuload >= 0
    assert first.pid_started == int(pid_started)
    assert abs(first.time - time.time()) < 60


@pytest.mark.parametrize("shell", SHELLS)
def test_an_attempt_starts_only_once(kit: AreaKit, shell: str) -> None:
    kit.script("#!/bin/sh\necho ran\n")
    prepared = kit.work_area().prepare(kit.spec())

    first, second = run_job(prepared, shell=shell), run_job(prepared, shell=shell)

    assert (first.returncode, first.stdout) == (0, "ran\n")
    assert (second.returncode, second.stdout) == (75, "")
    assert "this attempt was already started" in second.stderr
    assert sum(isinstance(e, Started) for e in read_journal(prepared.run_dir).entries) == 1


def test_of_many_starts_at_once_one_runs(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\necho ran >> ran\n")
    prepared = kit.work_area().prepare(kit.spec())

    jobs = [subprocess.Popen(["/bin/sh", prepared.script], stderr=subprocess.DEVNULL) for _ in range(8)]
    codes = sorted(job.wait() for job in jobs)

    assert codes == [0, *[75] * 7]
    assert Path(prepared.run_dir, "ran").read_text() == "ran\n"


def test_a_revoked_attempt_does_not_start(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\necho ran\n")
    area = kit.work_area()
    prepared = area.prepare(kit.spec())

    assert area.revoke(prepared.run_dir, 1) is True
    done = run_job(prepared)

    assert (done.returncode, done.stdout) == (75, "")
    assert area.read_journal(prepared.run_dir, 0).entries == (Revoked(attempt=1),)


def test_a_human_can_run_it_again_without_a_trace(kit: AreaKit) -> None:
    kit.script('#!/bin/sh\necho script\n$MT_MEGATEST -step mine :state end :status 0 || echo "code $?"\n')
    prepared = kit.work_area().prepare(kit.spec(steps=[step("one", "echo step")]))
    run_job(prepared)
    before = Path(journal_path(prepared.run_dir)).read_bytes()

    done = run_job(prepared, "--again")

    assert (done.returncode, done.stdout) == (0, "script\nstep\n")
    assert Path(journal_path(prepared.run_dir)).read_bytes() == before
    assert Path(prepared.run_dir, "one.log").read_text() == "step\n"


def test_it_runs_from_anywhere_by_any_path(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\npwd\n")
    prepared = kit.work_area().prepare(kit.spec())
    command = ["sh", "job.sh"]

    done = subprocess.run(command, cwd=f"{prepared.link}/.megatest", capture_output=True, text=True)

    assert done.stdout == f"{prepared.run_dir}\n"


def test_the_script_of_an_attempt_that_was_moved_aside_starts_nothing(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\necho ran\n")
    area = kit.work_area()
    first = area.prepare(kit.spec(attempt=1))
    copy = kit.root / "spooled"
    shutil.copy(first.script, copy)
    run_job(first)
    second = area.prepare(kit.spec(attempt=2))

    done = subprocess.run(["/bin/sh", copy], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (75, "")
    assert "another attempt" in done.stderr
    assert read_journal(second.run_dir).exists is False


def test_a_journal_that_cannot_be_made_starts_nothing(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\necho ran\n")
    prepared = kit.work_area().prepare(kit.spec())
    os.symlink("nowhere/at/all", journal_path(prepared.run_dir))

    done = run_job(prepared)

    assert (done.returncode, done.stdout) == (74, "")
    assert "cannot create" in done.stderr


@pytest.mark.parametrize("name", ["KILL", "TERM"])
def test_a_runscript_that_dies_of_a_signal_ends_the_test_before_its_steps(kit: AreaKit, name: str) -> None:
    kit.script(f"#!/bin/sh\nkill -{name} $$\n")
    prepared = kit.work_area().prepare(kit.spec(steps=[step("one", "true")]))

    code = 128 + signal.Signals[f"SIG{name}"]

    assert run_job(prepared).returncode == code
    assert (ended(prepared).code, ended(prepared).signal) == (code, 0)
    assert said(prepared) == []


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_job_that_is_told_to_end_still_writes_how_it_ended(kit: AreaKit, name: str) -> None:
    kit.script("#!/bin/sh\necho > up\nexec sleep 600\n")
    prepared = kit.work_area().prepare(kit.spec())
    number = signal.Signals[f"SIG{name}"]
    job = subprocess.Popen(["/bin/sh", prepared.script], start_new_session=True, stdin=subprocess.DEVNULL)
    read_when(lambda: os.path.exists(f"{prepared.run_dir}/up"))

    os.killpg(job.pid, number)

    assert job.wait(timeout=30) == 128 + number
    assert (ended(prepared).code, ended(prepared).signal) == (128 + number, number)


def test_kill_9_in_the_middle_leaves_a_journal_without_an_end(kit: AreaKit) -> None:
    prepared = kit.work_area().prepare(
        kit.spec(runscript="", steps=[step("one", "true"), step("two", "echo > up; exec sleep 600")])
    )
    job = subprocess.Popen(["/bin/sh", prepared.script], start_new_session=True, stdin=subprocess.DEVNULL)
    read_when(lambda: os.path.exists(f"{prepared.run_dir}/up"))

    os.killpg(job.pid, signal.SIGKILL)
    job.wait(timeout=30)

    part = read_journal(prepared.run_dir)
    assert isinstance(part.entries[0], Started)
    assert said(prepared) == [("one", "start", "-"), ("one", "end", "0"), ("two", "start", "-")]
    assert (part.torn, part.offset) == (0, os.path.getsize(journal_path(prepared.run_dir)))


@pytest.mark.parametrize("shell", SHELLS)
def test_steps_run_in_order_until_one_fails(kit: AreaKit, shell: str) -> None:
    steps = [step("one", "echo 1"), step("two", "echo 2; echo oops >&2; exit 9"), step("three", "echo 3")]
    prepared = kit.work_area().prepare(kit.spec(runscript="", steps=steps))

    assert run_job(prepared, shell=shell).returncode == 9
    assert (ended(prepared).code, ended(prepared).step) == (9, "two")
    assert said(prepared) == [
        ("one", "start", "-"),
        ("one", "end", "0"),
        ("two", "start", "-"),
        ("two", "end", "9"),
    ]
    assert Path(prepared.run_dir, "two.log").read_text() == "2\noops\n"
    assert not Path(prepared.run_dir, "three.log").exists()


def test_the_log_of_a_step_is_recorded_at_its_end(kit: AreaKit) -> None:
    prepared = kit.work_area().prepare(kit.spec(runscript="", steps=[step("one", "true")]))
    run_job(prepared)

    logs = [entry.log for entry in read_journal(prepared.run_dir).entries if isinstance(entry, StepSaid)]

    assert logs == ["", "one.log"]


def test_steps_follow_a_runscript_that_failed_but_its_code_stands(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\nexit 2\n")
    prepared = kit.work_area().prepare(kit.spec(steps=[step("one", "true")]))

    assert run_job(prepared).returncode == 2
    assert (ended(prepared).code, ended(prepared).step) == (2, "")
    assert said(prepared) == [("one", "start", "-"), ("one", "end", "0")]


def test_a_step_finds_programs_beside_it_and_what_earlier_steps_left(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\necho tool\n", "tool")
    steps = [
        step("one", "echo 'COLOUR=\"deep red\"; export COLOUR' > .ezsteps/one.sh"),
        step("two", 'tool\necho "$COLOUR" $BASH'),
    ]
    prepared = kit.work_area().prepare(kit.spec(runscript="", steps=steps))

    assert run_job(prepared).returncode == 0
    bash = "/bin/bash" if os.path.exists("/bin/bash") else ""
    assert Path(prepared.run_dir, "two.log").read_text() == f"tool\ndeep red {bash}\n"


def test_only_tests_with_steps_get_a_directory_for_what_they_leave(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\n")
    area = kit.work_area()

    assert not os.path.exists(f"{area.prepare(kit.spec('a')).run_dir}/.ezsteps")
    assert os.path.isdir(f"{area.prepare(kit.spec('b', steps=[step('s', ':')])).run_dir}/.ezsteps")


@pytest.mark.parametrize(
    "name", ["a/b", "..", "", 'say"', "it's", "back\\slash", "mt_launch", "-x", "new\nline"]
)
def test_a_step_that_cannot_name_its_log_is_refused(kit: AreaKit, name: str) -> None:
    with pytest.raises(UserError, match="step name"):
        kit.work_area().prepare(kit.spec(runscript="", steps=[step(name, "true")]))


@pytest.mark.parametrize("name", ["größe", "a.b-c_d", "$HOME", "a%sb", "`x`"])
def test_any_other_name_of_a_step_is_taken_as_it_is(kit: AreaKit, name: str) -> None:
    prepared = kit.work_area().prepare(kit.spec(runscript="", steps=[step(name, "echo hi")]))

    assert run_job(prepared).returncode == 0
    assert said(prepared) == [(name, "start", "-"), (name, "end", "0")]
    assert Path(prepared.run_dir, f"{name}.log").read_text() == "hi\n"


@pytest.mark.parametrize(
    ("runscript", "out"),
    [
        ("main.sh", "main\n"),
        ("main.sh one 'two three'", "main one two three\n"),
        ("./main.sh", "main\n"),
        ("sub/inner.sh", "inner\n"),
        ("plain.sh", "plain\n"),
        ("echo hello", "hello\n"),
        ("printf '%s\\n' \"$MT_RUNNAME\"; exit 0", "w1\n"),
        ("X=1 sh -c 'echo $X'", "1\n"),
    ],
)
def test_a_runscript_is_a_file_of_the_test_or_a_command(kit: AreaKit, runscript: str, out: str) -> None:
    kit.script('#!/bin/sh\necho main "$@"\n')
    kit.script("#!/bin/sh\necho plain\n", "plain.sh", mode=0o644)
    (kit.source / "sub").mkdir()
    kit.script("#!/bin/sh\necho inner\n", "sub/inner.sh")
    spec = kit.spec(runscript=runscript, variables=[Variable("MT_RUNNAME", "w1")])

    done = run_job(kit.work_area().prepare(spec))

    assert (done.returncode, done.stdout, done.stderr) == (0, out, "")


def test_a_runscript_that_is_not_there_fails_with_a_word(kit: AreaKit) -> None:
    prepared = kit.work_area().prepare(kit.spec(runscript="absent.sh"))

    done = run_job(prepared)

    assert done.returncode == 127
    assert "absent.sh" in done.stderr
    assert ended(prepared).code == 127
    assert own_words(prepared) == ["COMPLETED/FAIL its script absent.sh is not there"]


def test_a_directory_is_no_runscript_even_if_a_program_has_its_name(kit: AreaKit) -> None:
    (kit.source / "true").mkdir()
    prepared = kit.work_area().prepare(kit.spec(runscript="true"))

    assert run_job(prepared).returncode == 126
    assert own_words(prepared) == ["COMPLETED/FAIL its script true is no regular file"]


def test_inside_a_test_the_shim_comes_first_on_the_path(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\necho $MT_MEGATEST\ncommand -v megatest\necho $PATH\necho $MT_TEST_RUN_DIR\n")
    prepared = kit.work_area().prepare(kit.spec())

    shim, found, path, run_dir = run_job(prepared).stdout.splitlines()

    assert shim == found
    assert os.path.isabs(shim)
    assert path == f"{os.path.dirname(shim)}:{NOTHING_SPECIAL['PATH']}"
    assert run_dir == prepared.run_dir


def test_what_the_test_may_want_to_know_is_in_cmdinfo(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\necho $MT_CMDINFO\n")
    spec = kit.spec("x/y", variables=[Variable("MT_ITEM_INFO", '((A "x/y"))')])

    info = json.loads(b64decode(run_job(kit.work_area().prepare(spec)).stdout))

    assert info["test-name"] == "t"
    assert info["target"] == "ubuntu/nfs"
    assert info["work-area"].endswith("/ubuntu/nfs/w1/t/x/y")
    assert info["itemdat"] == '((A "x/y"))'


def test_variables_of_the_shells_own_and_odd_names_do_no_harm(kit: AreaKit) -> None:
    kit.script('#!/bin/sh\necho "$GOOD|$IFS|"\n')
    odd = [
        Variable(name, "x") for name in ("UID", "PPID", "OPTIND", "_", "a-b", "1st", "BASHOPTS", "a b;exit 9")
    ]
    variables = [*odd, Variable("IFS", "0123456789.:"), Variable("GOOD", "1"), Variable("GOOD", "2")]
    prepared = kit.work_area().prepare(kit.spec(variables=variables, steps=[step("one", "true")]))

    for shell in SHELLS:
        done = run_job(prepared, "--again", shell=shell)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("2|")
    run_job(prepared)
    assert ended(prepared).code == 0


def test_a_value_with_a_nul_is_refused(kit: AreaKit) -> None:
    with pytest.raises(UserError, match="NUL"):
        kit.work_area().prepare(kit.spec(variables=[Variable("X", "a\0b")]))


def test_the_testconfig_as_evaluated_can_be_read_from_the_script(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\n")
    resolved = {
        "setup": (Variable("runscript", "main.sh"), Variable("empty", "")),
        "logpro": (Variable("s", "(a)\n\n  (b 'c')\nexit\n"), Variable("t", "$(touch x)\r")),
        "none": (),
    }
    tricky = [Variable("T", "\nexit\n#[fake]\n#=a b")]
    prepared = kit.work_area().prepare(kit.spec(resolved=resolved, variables=tricky))

    assert resolved_from_script(Path(prepared.script).read_bytes()) == resolved
    assert run_job(prepared).returncode == 0


def test_the_script_names_whose_it_is(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\n")
    prepared = kit.work_area().prepare(kit.spec("x/y"))

    assert owner_at(prepared.run_dir) == kit.owner("x/y")


any_value = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60
) | st.binary(max_size=40).filter(lambda value: b"\0" not in value).map(os.fsdecode)


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(any_value, min_size=1, max_size=20))
def test_any_value_reaches_the_test_byte_for_byte(tmp_path: Path, shell: str, values: list[str]) -> None:
    text = "".join(f"export V{n}={sh_quote(value)}\n" for n, value in enumerate(values))
    script = tmp_path / "export.sh"
    script.write_bytes(os.fsencode(f"{text}exec env -0\n"))

    out = subprocess.run(
        [shell, script], capture_output=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    )

    got = dict(line.split(b"=", 1) for line in out.stdout.split(b"\0") if b"=" in line)
    assert [got[b"V%d" % n] for n in range(len(values))] == [os.fsencode(value) for value in values]


HARD_VALUES = [
    "",
    "plain",
    "a b",
    "it's",
    '"$HOME" `id` \\',
    "!!",
    "a\nb\n",
    "\\!",
    "\\\n",
    "~",
    "*",
    "#x",
    "ü",
    "a'!'b\n'",
]


@pytest.mark.parametrize("shell", SHELLS)
def test_sourcing_megatest_sh_gives_the_tests_environment(kit: AreaKit, shell: str) -> None:
    kit.script("#!/bin/sh\nexec env -0\n")
    inherited = {**NOTHING_SPECIAL, "OLD": "it's\nold", "CHANGED": "before", "a:b": "x\ny"}
    own = [Variable(f"V{n}", value) for n, value in enumerate(HARD_VALUES)]
    area = kit.work_area(inherited)
    prepared = area.prepare(kit.spec(variables=[Variable("CHANGED", "after"), *own]))

    job = run_job(prepared, env=inherited)
    command = f". {prepared.run_dir}/megatest.sh; exec env -0"
    sourced = subprocess.run(
        [shell, "-c", command], capture_output=True, text=True, env={"HOME": NOTHING_SPECIAL["HOME"]}
    )

    def variables(text: str) -> dict[str, str]:
        pairs = dict(line.split("=", 1) for line in text.split("\0") if "=" in line)
        return {k: v for k, v in pairs.items() if k not in ("PWD", "OLDPWD", "SHLVL", "_", "a:b")}

    assert sourced.stderr == ""
    assert variables(sourced.stdout) == variables(job.stdout)


def test_hidden_and_odd_names_are_commented_out_whole(kit: AreaKit) -> None:
    kit.script("#!/bin/sh\n")
    area = kit.work_area({"HOME": "/h", "a:b": "x\ny", "USER": "me", "OK": "1"})
    prepared = area.prepare(kit.spec())

    sh = Path(prepared.run_dir, "megatest.sh").read_text()
    csh = Path(prepared.run_dir, "megatest.csh").read_text()

    for line in ("# export HOME=/h", "export OK=1", "# export USER=me", "# export a:b='x\n# y'"):
        assert f"\n{line}\n" in f"\n{sh}"
    for line in ("# setenv HOME /h", "setenv OK 1", "# setenv USER me", "# setenv a:b 'x\\\n# y'"):
        assert f"\n{line}\n" in f"\n{csh}"


@pytest.mark.skipif(not shutil.which("tcsh"), reason="tcsh is not installed")
@pytest.mark.parametrize("value", HARD_VALUES)
def test_csh_reads_what_we_quote(tmp_path: Path, value: str) -> None:
    script = tmp_path / "x.csh"
    script.write_text(f"setenv X {csh_quote(value)}\nenv -0\n")

    out = subprocess.run(["tcsh", "-f", script], capture_output=True, text=True)

    assert f"X={value}" in out.stdout.split("\0")


@pytest.mark.parametrize(
    ("value", "quoted"),
    [("", "''"), ("a!b", "'a\\!b'"), ("a\nb", "'a\\\nb'"), ("it's", "'it'\\''s'"), ("a/b:c", "a/b:c")],
)
def test_csh_quotes_what_single_quotes_leave_alive(value: str, quoted: str) -> None:
    assert csh_quote(value) == quoted
