"""What a test says from inside: the shell shim and the Python behind it must say the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from megatest.cli import intest
from megatest.model.attempt import Entry, LogSaid, Started, StatusSaid, StepSaid, ValueSaid
from megatest.workarea.codec import encode
from megatest.workarea.journal import journal_path, read_journal
from megatest.workarea.ondisk import SHIM_DIR

SHELLS = ["/bin/sh", *(path for path in ("/bin/bash",) if os.path.exists(path))]
SHIM = f"{SHIM_DIR}/megatest"


@dataclass(frozen=True, slots=True)
class InTest:
    """A test's run directory, as seen from inside."""

    run_dir: str
    environment: dict[str, str]
    command: tuple[str, ...]

    def call(
        self, *argv: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *argv],
            env=dict(self.environment if env is None else env),
            cwd=self.run_dir,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def said(self) -> list[Entry]:
        """What was recorded, without its times."""
        part = read_journal(self.run_dir)
        assert (part.torn, part.offset) == (0, os.path.getsize(journal_path(self.run_dir)))
        for entry in part.entries[1:]:
            assert isinstance(entry, StepSaid | StatusSaid | LogSaid | ValueSaid)
            assert entry.uptime_s > 0
            object.__setattr__(entry, "uptime_s", 0)
        return list(part.entries[1:])


def inside(tmp_path: Path, command: Sequence[str]) -> InTest:
    (tmp_path / ".megatest").mkdir()
    Path(journal_path(str(tmp_path))).write_bytes(encode(Started(attempt=1, pid=1)))
    environment = {
        "PATH": os.environ["PATH"],
        "MT_CMDINFO": "e30=",
        "MT_TEST_RUN_DIR": str(tmp_path),
        "MT_JOURNAL": journal_path(str(tmp_path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return InTest(str(tmp_path), environment, tuple(command))


PYTHON = (
    sys.executable,
    "-c",
    "import sys; from megatest.cli.intest import main; sys.exit(main(sys.argv[1:]))",
)


@pytest.fixture(params=["python", *SHELLS])
def test_side(request: pytest.FixtureRequest, tmp_path: Path) -> InTest:
    """The same calls through Python, and through the shim in each shell without any Python."""
    if request.param == "python":
        return inside(tmp_path, PYTHON)
    made = inside(tmp_path, [request.param, SHIM])
    made.environment["MT_PYTHON"] = "/nonexistent/python"
    return made


@pytest.fixture
def python_side(tmp_path: Path) -> InTest:
    return inside(tmp_path, PYTHON)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ["-step", "s1", ":state", "start", ":status", "n/a"],
            [StepSaid(step="s1", state="start", status="n/a")],
        ),
        (
            [
                "-step",
                "a b",
                ":state",
                "end",
                ":status",
                "0",
                "-m",
                "all is (well) & $HOME `x` %s é",
                "-setlog",
                "s.log",
            ],
            [
                StepSaid(
                    step="a b", state="end", status="0", comment="all is (well) & $HOME `x` %s é", log="s.log"
                )
            ],
        ),
        (
            ["-state", "weird", "-status", "odd", "-step", "s"],
            [StepSaid(step="s", state="weird", status="odd")],
        ),
        (
            [
                "-test-status",
                ":state",
                "COMPLETED",
                ":status",
                "PASS",
                "-m",
                "hello world",
                "-setlog",
                "my.log",
            ],
            [StatusSaid(state="COMPLETED", status="PASS", comment="hello world"), LogSaid(log="my.log")],
        ),
        (
            ["-test-status", ":state", "COMPLETED", ":status", "2", "-m", ""],
            [StatusSaid(state="COMPLETED", status="2")],
        ),
        (["-setlog", "a/b.html"], [LogSaid(log="a/b.html")]),
        (["-set-toplog", "top.html"], [LogSaid(log="top.html", top=True)]),
        (
            ["-m", "-5 is less", "-test-status", ":state", "RUNNING", ":status", "-1"],
            [StatusSaid(state="RUNNING", status="-1", comment="-5 is less")],
        ),
        (
            ["-step", "s", "-test-status", ":state", "end", ":status", "0"],
            [StepSaid(step="s", state="end", status="0"), StatusSaid(state="end", status="0")],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and isinstance(value[0], str) else "",
)
def test_a_call_becomes_records(test_side: InTest, argv: list[str], said: list[Entry]) -> None:
    done = test_side.call(*argv)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert test_side.said == said


@pytest.mark.parametrize(
    "argv",
    [
        ["-step", "s2", ":state", "start"],
        ["-step", "s2", ":status", "0"],
        ["-test-status"],
        ["-test-status", ":state", "COMPLETED", "-setlog", "x"],
    ],
)
def test_a_state_without_a_status_is_refused_and_nothing_recorded(test_side: InTest, argv: list[str]) -> None:
    done = test_side.call(*argv)

    assert done.returncode == 6
    assert "needs :state and :status" in done.stderr
    assert test_side.said == []


@pytest.mark.parametrize(
    "argv",
    [
        ["-step", "s1", ":state", "start", ":status", "n/a"],
        ["-test-status", ":state", "COMPLETED", ":status", "PASS"],
        ["-setlog", "x"],
        ["-set-toplog", "x"],
    ],
)
@pytest.mark.parametrize("missing", ["MT_CMDINFO", "MT_TEST_RUN_DIR"])
def test_outside_a_test_every_call_ends_with_5(test_side: InTest, argv: list[str], missing: str) -> None:
    environment = {k: v for k, v in test_side.environment.items() if k != missing}

    done = test_side.call(*argv, env=environment)

    assert done.returncode == 5
    assert "only inside a test" in done.stderr
    assert test_side.said == []


def test_outside_a_test_no_command_is_run(python_side: InTest) -> None:
    done = python_side.call("-runstep", "s1", "touch ran", env={"PATH": os.environ["PATH"]})

    assert done.returncode == 5
    assert not Path(python_side.run_dir, "ran").exists()


def test_a_journal_that_is_gone_is_not_made_anew(test_side: InTest) -> None:
    os.unlink(journal_path(test_side.run_dir))

    done = test_side.call("-setlog", "x")

    assert done.returncode == 3
    assert "nothing was recorded" in done.stderr
    assert not os.path.exists(journal_path(test_side.run_dir))


def test_a_full_disk_is_told(test_side: InTest) -> None:
    environment = {**test_side.environment, "MT_JOURNAL": "/dev/full"}

    done = test_side.call("-setlog", "x", env=environment)

    assert done.returncode == 3
    assert done.stderr


def test_calls_at_once_do_not_mix_their_lines(test_side: InTest) -> None:
    def start(number: int) -> subprocess.Popen[bytes]:
        argv = ["-step", f"s{number}", ":state", "end", ":status", "0", "-m", "x" * 900]
        return subprocess.Popen([*test_side.command, *argv], env=test_side.environment)

    assert [call.wait() for call in [start(number) for number in range(12)]] == [0] * 12
    assert {entry.step for entry in test_side.said if isinstance(entry, StepSaid)} == {
        f"s{n}" for n in range(12)
    }


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["-run", "-target", "a/b"],
        ["-step", 'say "hi"', ":state", "a", ":status", "b"],
        ["-step", "s", ":state", "a", ":status", "b", "-m", "two\nlines"],
        ["-step", "s", ":state", "a", ":status", "b", "-m", "back\\slash"],
        ["-step", "s", ":state", "a", ":status", "b", "-m", "x" * 3000],
        ["-step", "", ":state", "a", ":status", "b"],
        ["-step"],
        ["-m", "only"],
        ["-set-values", ":value", "1"],
        ["-runstep", "s", "true", "-step", "x"],
        ["step", "s", "start", "0"],
    ],
    ids=lambda argv: " ".join(argv)[:30] if isinstance(argv, list) else argv.rpartition("/")[2],
)
def test_what_the_shell_cannot_say_reaches_the_whole_program_unchanged(
    tmp_path: Path, shell: str, argv: list[str]
) -> None:
    made = inside(tmp_path, [shell, SHIM])
    stand_in = tmp_path / "stand-in"
    stand_in.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    stand_in.chmod(0o755)

    done = made.call(*argv, env={**made.environment, "MT_PYTHON": str(stand_in)})

    assert done.stdout.split("\0")[:-1] == ["-m", "megatest.cli.start", *argv]
    assert made.said == []


@pytest.mark.parametrize("text", ['say "hi"', "two\nlines\ttab", "back\\slash", "\x01\x7f", "ünï", "\udcff"])
def test_python_records_any_text(python_side: InTest, text: str) -> None:
    python_side.call("-step", "s", ":state", "a", ":status", "b", "-m", text)

    (said,) = python_side.said
    assert isinstance(said, StepSaid)
    assert said.comment == text.replace("\udcff", "\\xff")


@pytest.mark.parametrize("argv", [["-setlog"], ["-setlog", "x", "stray"], ["-setlog", "x", "-nonsense"]])
def test_words_that_mean_nothing_are_refused(python_side: InTest, argv: list[str]) -> None:
    assert python_side.call(*argv).returncode == 2
    assert python_side.said == []


def test_a_step_is_run_with_its_output_in_its_log(python_side: InTest) -> None:
    done = python_side.call("-runstep", "good", "echo stdout_line; echo stderr_line >&2; true")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert Path(python_side.run_dir, "good.log").read_text() == "stdout_line\nstderr_line\n"
    assert python_side.said == [
        StepSaid(step="good", state="start", status="n/a"),
        StepSaid(step="good", state="end", status="0", log="good.log"),
    ]


@pytest.mark.parametrize(
    ("command", "recorded", "code"),
    [
        ("exit 1", "1", 1),
        ("exit 2", "2", 2),
        ("exit 3", "3", 3),
        ("exit 200", "200", 3),
        ("kill -9 $$", "137", 3),
    ],
)
def test_the_exit_status_of_a_step_is_recorded_and_0_1_2_pass_on(
    python_side: InTest, command: str, recorded: str, code: int
) -> None:
    assert python_side.call("-runstep", "bad", command, "-m", "bad step").returncode == code
    assert python_side.said == [
        StepSaid(step="bad", state="start", status="n/a", comment="bad step"),
        StepSaid(step="bad", state="end", status=recorded, comment="bad step", log="bad.log"),
    ]


@pytest.mark.parametrize(
    ("argv", "out"),
    [
        (["-runstep", "s", "echo", "a", "b", "c"], "a b c\n"),
        (["-runstep", "s", "echo", "-n", "-v", ":state", "x"], "-v :state x"),
        (["-m", "c", "-runstep", "s", "--", "echo", "-m", "x"], "-m x\n"),
    ],
)
def test_the_words_of_a_step_are_joined_for_the_shell(python_side: InTest, argv: list[str], out: str) -> None:
    assert python_side.call(*argv, env={**python_side.environment, "SHELL": "/bin/bash"}).returncode == 0
    assert Path(python_side.run_dir, "s.log").read_text() == out


def test_a_step_dies_of_a_broken_pipe_as_in_any_shell(python_side: InTest) -> None:
    assert python_side.call("-runstep", "s", "yes | head -1; trap").returncode == 0
    assert Path(python_side.run_dir, "s.log").read_text() == "y\n"


@pytest.mark.parametrize(
    "argv", [["-runstep", "none"], ["-runstep", "", "true"], ["-runstep", "a/b", "true"]]
)
def test_nothing_to_run_is_refused(python_side: InTest, argv: list[str]) -> None:
    assert python_side.call(*argv).returncode == 6
    assert python_side.said == []


def test_log_rules_replace_the_commands_exit_status(python_side: InTest) -> None:
    logpro = Path(python_side.run_dir, "bin", "logpro")
    logpro.parent.mkdir()
    logpro.write_text('#!/bin/sh\nread -r line\necho "$1 $line" > "$2"\nexit 2\n')
    logpro.chmod(0o755)
    environment = {**python_side.environment, "PATH": f"{logpro.parent}:{os.environ['PATH']}"}

    done = python_side.call("-runstep", "s", "echo hi; exit 9", "-logpro", "s.logpro", env=environment)

    assert done.returncode == 2
    assert Path(python_side.run_dir, "s.html").read_text() == "s.logpro hi\n"
    assert python_side.said[1:] == [
        LogSaid(log="s.html"),
        StepSaid(step="s", state="end", status="2", log="s.html"),
    ]


def test_rules_do_not_excuse_a_command_that_a_signal_ended(python_side: InTest) -> None:
    logpro = Path(python_side.run_dir, "bin", "logpro")
    logpro.parent.mkdir()
    logpro.write_text('#!/bin/sh\necho judged\ntouch "$2"\n')
    logpro.chmod(0o755)
    environment = {**python_side.environment, "PATH": f"{logpro.parent}:{os.environ['PATH']}"}

    done = python_side.call("-runstep", "s", "kill -9 $$", "-logpro", "s.logpro", env=environment)

    assert (done.returncode, done.stdout) == (3, "")
    assert python_side.said[-1] == StepSaid(step="s", state="end", status="137", log="s.html")
    assert Path(python_side.run_dir, "s_logpro.log").read_text() == "judged\n"


def test_a_step_whose_log_cannot_be_judged_has_failed(python_side: InTest) -> None:
    environment = {**python_side.environment, "PATH": "/nowhere"}

    done = python_side.call("-runstep", "s", "echo hi", "-logpro", "s.logpro", env=environment)

    assert done.returncode == 3
    assert "cannot run logpro" in done.stderr
    assert python_side.said[-1] == StepSaid(step="s", state="end", status="127", log="s.html")


def test_a_measured_value_is_recorded_as_given(python_side: InTest) -> None:
    done = python_side.call(
        "-set-values",
        ":category",
        "c",
        ":variable",
        "v",
        ":value",
        "1.5",
        ":expected",
        "2",
        ":tol",
        "<",
        ":units",
        "V",
    )

    assert done.returncode == 0
    assert python_side.said == [
        ValueSaid(category="c", variable="v", value="1.5", expected="2", tol="<", units="V")
    ]


def test_a_value_may_come_with_the_tests_status(python_side: InTest) -> None:
    python_side.call(
        *("-test-status", ":state", "COMPLETED", ":status", "AUTO", "-m", "c"),
        *(":value", "3", ":expected", "3", ":tol", "0"),
    )

    assert python_side.said == [
        StatusSaid(state="COMPLETED", status="AUTO", comment="c"),
        ValueSaid(value="3", expected="3", tol="0", units="n/a"),
    ]


def test_of_a_value_alone_the_rest_is_not_applicable(python_side: InTest) -> None:
    assert python_side.call("-set-values", ":variable", "v", ":value", "5").returncode == 0
    assert python_side.said == [ValueSaid(variable="v", value="5", expected="n/a", tol="n/a", units="n/a")]


def test_a_value_without_a_value_is_refused(python_side: InTest) -> None:
    assert python_side.call("-set-values", ":expected", "3").returncode == 6
    assert python_side.said == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("c,v,fast,1,>", "value 'fast' is not a number"),
        ("c,v,1,2,about", "tolerance 'about' is neither a number nor one of > < >= <="),
        ("c,v,1,2,=>", "tolerance '=>' is neither"),
        ("c,v,1,2,-1", "no value can pass with tolerance '-1'"),
        ("c,v,1,2", "an expected value without a tolerance"),
        ("c,v", "a measurement without a value"),
    ],
)
def test_a_value_that_cannot_be_compared_is_refused_and_nothing_recorded(
    python_side: InTest, line: str, why: str
) -> None:
    cells = dict(zip(("category", "variable", "value", "expected", "tol"), line.split(","), strict=False))
    words = [word for name, cell in cells.items() for word in (f":{name}", cell)]

    both = ("-test-status", ":state", "COMPLETED", ":status", "AUTO", "-load-test-data")
    loaded = python_side.call(*both, stdin=f"c,good,1\n{line}\n")
    single = python_side.call("-set-values", *words)

    assert (loaded.returncode, single.returncode) == (6, 6)
    assert f"line 2: {why}" in loaded.stderr
    assert python_side.said == []


@pytest.mark.parametrize(
    "line", ["c,v,fast,1,>,,,pass", "c,v,3f2a9", "c,v,1.2,pass,silly stuff", "c,v,10,8mA,,,a comment"]
)
def test_text_is_a_value_too_where_nothing_is_to_be_compared(python_side: InTest, line: str) -> None:
    assert python_side.call("-load-test-data", stdin=line).returncode == 0
    assert len(python_side.said) == 1


def test_the_modern_command_refuses_what_cannot_be_compared(python_side: InTest) -> None:
    done = python_side.call("value", "delay", "slow", "--expected", "1", "--tol", "<")

    assert done.returncode == 6
    assert done.stderr == "megatest: value: value 'slow' is not a number; nothing was recorded\n"
    assert python_side.said == []


def test_lines_of_values_are_read_from_standard_input(python_side: InTest) -> None:
    lines = 'c,v,1,2,>,V,"a, ""b""",pass,t\n\n  short , row ,3\nlast,no,newline'

    assert python_side.call("-load-test-data", stdin=lines).returncode == 0
    assert python_side.said == [
        ValueSaid(
            category="c",
            variable="v",
            value="1",
            expected="2",
            tol=">",
            units="V",
            comment='a, "b"',
            status="pass",
            type="t",
        ),
        ValueSaid(category="short", variable="row", value="3"),
        ValueSaid(category="last", variable="no", value="newline"),
    ]


def test_many_lines_of_values_are_all_recorded(python_side: InTest) -> None:
    lines = "".join(f"c,v{number},{number}\n" for number in range(5000))

    assert python_side.call("-load-test-data", stdin=lines).returncode == 0
    assert len(python_side.said) == 5000


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ["step", "s", "end", "0", "-m", "c", "--log", "l"],
            StepSaid(step="s", state="end", status="0", comment="c", log="l"),
        ),
        (
            ["status", "COMPLETED", "PASS", "-m", "-c"],
            StatusSaid(state="COMPLETED", status="PASS", comment="-c"),
        ),
        (["status", "COMPLETED", "-1"], StatusSaid(state="COMPLETED", status="-1")),
        (["log-file", "x.html"], LogSaid(log="x.html")),
        (["log-file", "--top", "x.html"], LogSaid(log="x.html", top=True)),
        (
            ["value", "v", "-1.5", "--tol", ">", "--status", "pass"],
            ValueSaid(variable="v", value="-1.5", tol=">", status="pass"),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_modern_commands_say_the_same(python_side: InTest, argv: list[str], said: Entry) -> None:
    assert python_side.call(*argv).returncode == 0
    assert python_side.said == [said]


@pytest.mark.parametrize(
    "argv",
    [
        ["step"],
        ["step", "s", "end"],
        ["status", "a", "b", "c"],
        ["log-file", "x", "--tol", "1"],
        ["value", "v"],
    ],
)
def test_a_modern_command_that_is_wrong_shows_its_usage(python_side: InTest, argv: list[str]) -> None:
    done = python_side.call(*argv)

    assert done.returncode == 2
    assert f"usage: megatest {argv[0]}" in done.stderr
    assert python_side.said == []


def test_a_modern_command_explains_itself_outside_a_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert intest.main(["value", "--help"]) == 0
    assert "megatest value VARIABLE VALUE" in capsys.readouterr().out


def test_starting_imports_next_to_nothing() -> None:
    heavy = "{'click', 'json', 're', 'dataclasses', 'typing', 'subprocess', 'enum', 'csv'}"
    code = f"import sys; import megatest.cli.intest; print(sorted({heavy} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)

    assert done.stdout == "[]\n"


def test_the_logpro_shim_hands_everything_on(tmp_path: Path) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\necho "$@"\ncat\n')
    stand_in.chmod(0o755)

    done = subprocess.run(
        [f"{SHIM_DIR}/logpro", "a b", "c"],
        input="log",
        capture_output=True,
        text=True,
        env={"MT_PYTHON": str(stand_in)},
    )

    assert done.stdout == "-m megatest.cli.logpro a b c\nlog"


# -- the environment, and the original's small scripts ------------------------------------------------


@pytest.fixture
def on_path(tmp_path: Path) -> InTest:
    """The commands as a test finds them on its PATH; the first word of a call is one of them."""
    made = inside(tmp_path, ["/usr/bin/env"])
    more = {"PATH": f"{SHIM_DIR}:/usr/bin:/bin", "MT_PYTHON": sys.executable, "MT_MEGATEST": SHIM}
    made.environment.update(more)
    return made


def written(made: InTest, name: str) -> str:
    return Path(made.run_dir, name).read_text()


def test_the_environment_is_written_for_both_families_of_shells(on_path: InTest) -> None:
    environment = {**on_path.environment, "TEXT": "it's; $HOME!\n2", "HOME": "/me"}
    assert on_path.call("megatest", "-env2file", "e", env=environment).returncode == 0
    back = subprocess.run(
        ["/bin/sh", "-c", '. ./e.sh; printf %s "$TEXT"'],
        cwd=on_path.run_dir,
        capture_output=True,
        text=True,
        env={},
    )
    assert back.stdout == environment["TEXT"]
    assert "# export HOME=/me\n" in written(on_path, "e.sh")
    assert "setenv TEXT 'it'\\''s; $HOME\\!\\\n2'\n" in written(on_path, "e.csh")
    failed = on_path.call("megatest", "-env2file", "none/e")
    assert (failed.returncode, failed.stderr) == (
        3,
        "error: cannot write none/e.sh: No such file or directory\n",
    )


BASH = """\
# Added vars
export B='new; $x'
# Removed vars
unset A
# Changed vars
export C=2
export PATH=/more:{path}
"""
CSH = """\
# Added vars
setenv B 'new; $x'
# Removed vars
unsetenv A
# Changed vars
setenv C 2
setenv PATH /more:{path}
"""
INI = """\
# Added vars
B new; $x
# Removed vars
#{{scheme (unsetenv "A")}}
# Changed vars
C 2
PATH #{{scheme (env:min-path "/more:{path}" "#{{getenv PATH}}")}}
"""


@pytest.mark.parametrize(
    ("words", "text"),
    [((), BASH), (("-dumpmode", "csh"), CSH), (("-dumpmode", "config"), INI), (("-dumpmode", "ini"), INI)],
)
@pytest.mark.parametrize("database", [(), ("other.db",)])
def test_two_environments_that_were_kept_are_compared(
    on_path: InTest, words: tuple[str, ...], text: str, database: tuple[str, ...]
) -> None:
    path = on_path.environment["PATH"]
    before = {**on_path.environment, "A": "old", "C": "1"}
    after = {**on_path.environment, "B": "new; $x", "C": "2", "PATH": f"/more:{path}"}
    assert on_path.call("megatest", "-envcap", "one", *database, env=after).returncode == 0
    assert on_path.call("megatest", "-envcap", "one", *database, env=before).returncode == 0  # in its place
    assert on_path.call("megatest", "-envcap", "two", *database, env=after).returncode == 0
    done = on_path.call("megatest", "-envdelta", "one-two", *database, *words, "-o", "delta")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert written(on_path, "delta") == text.format(path=path)
    assert Path(on_path.run_dir, *(database or ("envdat.db",))).exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("-envcap", "a-b"), 2, "an environment cannot be called 'a-b'"),
        (("-envdelta", "a"), 2, "'a' does not name two environments"),
        (("-envdelta", "a-b"), 2, "envdat.db has no environment 'a'"),
        (("-envcap", "a", "megatest.sh"), 3, "megatest.sh: no environments can be kept or found here"),
        (("-envdelta", "a-b", "-dumpmode", "json"), 2, "known: bash, csh, config, ini"),
    ],
)
def test_environments_that_cannot_be_kept_or_compared_are_told(
    on_path: InTest, words: tuple[str, ...], code: int, said: str
) -> None:
    Path(on_path.run_dir, "megatest.sh").write_text("export A=1\n" * 200)
    done = on_path.call("megatest", *words)
    assert done.returncode == code
    assert said in done.stderr


def test_what_a_test_is_told_about_itself_is_shown(on_path: InTest) -> None:
    packed = "eyJ0ZXN0LW5hbWUiOiJ0IiwidGVzdC1pZCI6N30="  # {"test-name":"t","test-id":7}
    environment = {**on_path.environment, "MT_CMDINFO": packed}
    assert (
        on_path.call("megatest", "-show-cmdinfo", env=environment).stdout
        == '(("test-name" "t") ("test-id" 7))\n'
    )
    done = on_path.call("megatest", "-show-cmdinfo", "-dumpmode", "json", ":value", packed)
    assert json.loads(done.stdout) == {"test-name": "t", "test-id": 7}
    assert on_path.call("megatest", "-show-cmdinfo", ":value", "W10=").returncode == 2
    outside = {name: value for name, value in environment.items() if name != "MT_CMDINFO"}
    assert on_path.call("megatest", "-show-cmdinfo", env=outside).returncode == 5


WARNED = '(expect:warning in "LogFileBody" = 0 "no warnings" #/odd/)\n'


@pytest.mark.parametrize(
    ("command", "rules", "code", "log"),
    [
        ("echo odd", "", 0, "s.log"),
        ("echo odd; exit 1", "", 1, "s.log"),
        ("echo odd; exit 1", WARNED, 2, "s.html"),
    ],
)
def test_mt_runstep_runs_a_step_with_the_rules_of_its_name(
    on_path: InTest, command: str, rules: str, code: int, log: str
) -> None:
    if rules:
        Path(on_path.run_dir, "s.logpro").write_text(rules)
    assert on_path.call("mt_runstep", "s", command).returncode == code
    steps = [entry for entry in on_path.said if isinstance(entry, StepSaid)]
    assert [(step.state, step.status, step.log) for step in steps] == [
        ("start", "n/a", ""),
        ("end", str(code), log),
    ]
    assert written(on_path, "s.log") == "odd\n"


@pytest.mark.parametrize(
    ("command", "rules", "status"),
    [
        ("echo odd", "", "PASS"),
        ("exit 4", "", "FAIL"),
        ("echo even", WARNED, "PASS"),
        ("echo odd", WARNED, "WARN"),
        ("echo odd; exit 1", WARNED, "FAIL"),
    ],
)
def test_mt_laststep_also_says_how_the_test_came_out(
    on_path: InTest, command: str, rules: str, status: str
) -> None:
    if rules:
        Path(on_path.run_dir, "s.logpro").write_text(rules)
    assert on_path.call("mt_laststep", "s", command).returncode == 0
    assert on_path.said[-1] == StatusSaid(state="COMPLETED", status=status)
    assert (LogSaid(log="s.html") in on_path.said) is bool(rules)


def test_mt_ezstep_hands_the_environment_from_step_to_step(on_path: InTest) -> None:
    more = {**on_path.environment, "LEFT": "by the first"}
    assert on_path.call("mt_ezstep", "one", "none", "true", env=more).returncode == 0
    assert on_path.call("mt_ezstep", "two", "one", "printenv", "LEFT").returncode == 0
    assert written(on_path, "two.log") == "by the first\n"
    assert "export LEFT='by the first'\n" in written(on_path, ".ezsteps/two.sh")


@pytest.mark.parametrize(
    ("command", "rules", "code"),
    [("false", "", 1), ("echo odd", WARNED, 2), ("ls /odd", WARNED, 2), ("echo x", WARNED, 0)],
)
def test_mt_ezstep_ends_as_its_command_failed_or_its_rules_say(
    on_path: InTest, command: str, rules: str, code: int
) -> None:
    if rules:
        Path(on_path.run_dir, "s.logpro").write_text(
            rules.replace("warning", "error") if "ls" in command else rules
        )
    assert on_path.call("mt_ezstep", "s", "none", command).returncode == code
    assert Path(on_path.run_dir, "s.html").exists() is bool(rules)


@pytest.mark.parametrize("script", ["mt_runstep", "mt_laststep", "mt_ezstep"])
def test_a_small_script_without_a_command_says_how_it_is_used(on_path: InTest, script: str) -> None:
    done = on_path.call(script, "s")
    assert done.returncode == 6
    assert done.stderr.startswith(f"usage: {script} NAME")
    assert on_path.said == []
