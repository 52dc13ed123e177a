"""The agent at the far end of an ssh session, spoken to directly."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest

from megatest.executors import process

_MOST_ASKED = 1000
_SHELLS = [["/bin/sh"], ["bash", "--posix"]]


class Agent:
    """An agent of our own, over pipes."""

    def __init__(self, shell: list[str]) -> None:
        text = files("megatest.executors").joinpath("agent.sh").read_text("utf-8")
        self._process = subprocess.Popen(
            [*shell, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def ask(self, *words: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def answer(self) -> list[str]:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n").split(" ")

    def close(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.read()
        self._process.stdout.close()
        return self._process.wait(timeout=20)


@pytest.fixture(params=_SHELLS, ids=["sh", "bash"])
def agent(request: pytest.FixtureRequest) -> Iterator[Agent]:
    agent = Agent(request.param)
    hello = agent.answer()
    assert hello == ["hello", "1", process.boot_id(), os.uname().nodename]
    yield agent
    agent.close()


def _script(directory: Path, text: str) -> tuple[str, str]:
    home = directory / "it's a $(touch bad) `x` \\ Á é"
    home.mkdir(exist_ok=True)
    (home / "job.sh").write_text(text)
    return str(home / "job.sh"), str(home / "log")


def _until_gone(pid: int) -> None:
    """Wait for the end of a process that was killed: the kernel takes a moment."""
    with suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        readable, _, _ = select.select([fd], (), (), 20)
        os.close(fd)
        assert readable


def test_a_job_is_started_in_a_session_of_its_own_and_its_end_told(agent: Agent, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    text = f'echo "$MT_JOB"; echo err >&2; read -r line && echo read; read -r line <{gate}; exit 7\n'
    script, log = _script(tmp_path, text)
    agent.ask("start", 1, "area.1", script, log)
    word, number, pid, began = agent.answer()
    assert (word, number) == ("pid", "1")
    assert int(pid) > 1
    assert int(began) > 0
    gate.write_text("go\n")
    assert agent.answer() == ["end", "1", "7"]
    assert Path(log).read_text() == "area.1\nerr\n"
    assert not (tmp_path / "bad").exists()


def test_jobs_run_side_by_side(agent: Agent, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first, log = _script(tmp_path, f"read -r line <{gate}; exit 1\n")
    agent.ask("start", 1, "a.1", first, log)
    assert agent.answer()[:2] == ["pid", "1"]
    second = tmp_path / "second.sh"
    second.write_text("exit 2\n")
    agent.ask("start", 2, "a.2", second, tmp_path / "log2")
    assert agent.answer()[:2] == ["pid", "2"]
    assert agent.answer() == ["end", "2", "2"]
    gate.write_text("go\n")
    assert agent.answer() == ["end", "1", "1"]


def test_a_signal_is_told_as_a_shell_tells_it(agent: Agent, tmp_path: Path) -> None:
    agent.ask("start", 1, "a.1", *_script(tmp_path, "kill -9 $$\n"))
    agent.answer()
    assert agent.answer() == ["end", "1", "137"]


def test_a_log_that_cannot_be_written_is_told(agent: Agent, tmp_path: Path) -> None:
    script, _ = _script(tmp_path, "exit 0\n")
    agent.ask("start", 1, "a.1", script, tmp_path)
    assert agent.answer()[:3] == ["fail", "1", "cannot"]


def test_a_script_that_is_not_there_is_an_exit_code_of_the_shell(agent: Agent, tmp_path: Path) -> None:
    agent.ask("start", 1, "a.1", tmp_path / "none.sh", tmp_path / "log")
    assert agent.answer()[0] == "pid"
    word, _, code = agent.answer()
    assert (word, code) in (("end", "127"), ("end", "2"))


def test_a_process_is_known_by_pid_and_start_time(agent: Agent) -> None:
    me = process.look_up(os.getpid())
    assert me is not None
    agent.ask("look", 1, me.pid, me.started)
    assert agent.answer() == ["alive", "1"]
    agent.ask("look", 2, me.pid, me.started + 1)
    assert agent.answer() == ["gone", "2"]
    agent.ask("look", 3, 2**22 + 5, 1)
    assert agent.answer() == ["gone", "3"]


def test_a_job_is_found_by_its_name(agent: Agent, tmp_path: Path) -> None:
    name = f"a.{os.getpid()}"
    agent.ask("start", 1, name, *_script(tmp_path, "exec sleep 60\n"))
    _, _, pid, began = agent.answer()
    answer = ["gone", "2"]
    for _ in range(_MOST_ASKED):  # the kernel shows the mark once the script is being executed
        if answer == ["gone", "2"]:
            agent.ask("seek", 2, name)
            answer = agent.answer()
    assert answer == ["pid", "2", pid, began]
    agent.ask("seek", 3, f"{name}x")
    assert agent.answer() == ["gone", "3"]
    agent.ask("reach", 1, name, pid, "KILL")
    assert {tuple(agent.answer()), tuple(agent.answer())} == {("reached", "1", "1"), ("end", "1", "137")}


def test_a_reach_counts_and_signals_what_left_the_session(agent: Agent, tmp_path: Path) -> None:
    name = f"b.{os.getpid()}"
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    stray = f"setsid sh -c 'trap \"\" TERM; echo $$ >{ready}; while :; do sleep 1; done' &\nwait\n"
    agent.ask("start", 1, name, *_script(tmp_path, stray))
    pid = agent.answer()[2]
    stray_pid = int(ready.read_text())
    agent.ask("reach", 1, name, pid, "TERM")
    answers = [agent.answer(), agent.answer()]
    assert ["end", "1", "143"] in answers
    agent.ask("reach", 1, name, pid, "KILL")
    assert int(agent.answer()[2]) >= 1
    counts: list[str] = []
    while not counts or counts[-1] != "0":
        agent.ask("reach", 1, name, pid, "0")
        counts.append(agent.answer()[2])
    _until_gone(stray_pid)


def test_what_a_job_leaves_in_its_session_is_ended_and_named(agent: Agent, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    leaver = f"sh -c 'echo $$ >{ready}; exec sleep 60' &\nread -r pid <{ready}\necho $pid\n"
    script, log = _script(tmp_path, leaver)
    agent.ask("start", 1, f"c.{os.getpid()}", script, log)
    agent.answer()
    end = agent.answer()
    left = Path(log).read_text().strip()
    assert end[:3] == ["end", "1", "0"]
    assert end[3].partition(":")[0] == left
    _until_gone(int(left))


def test_jobs_outlive_the_session(agent: Agent, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script, log = _script(tmp_path, f"read -r line <{gate}; echo went on >{gate}\n")
    agent.ask("start", 1, "d.1", script, log)
    pid = int(agent.answer()[2])
    agent.ask("nonsense", 1)
    os.kill(pid, signal.SIGCONT)
    gate.write_text("go\n")
    assert gate.read_text() == "went on\n"


def test_at_the_end_of_its_input_the_agent_ends(tmp_path: Path) -> None:
    agent = Agent(["/bin/sh"])
    agent.answer()
    assert agent.close() == 0


def _sent(directory: Path, name: str) -> str:
    """Make what a transfer leaves: a run directory that has not begun."""
    copy = directory / name
    (directory / f"{name}.part/.megatest").mkdir(parents=True)
    text = """\
cd "${0%/.megatest/*}"
set -C
: >.megatest/journal || exit 75
exit 6
"""
    (directory / f"{name}.part/.megatest/job.sh").write_text(text)
    return str(copy)


def test_a_copy_begins_once(agent: Agent, tmp_path: Path) -> None:
    copy = _sent(tmp_path, "a.1")
    agent.ask("begin", 1, "a.1", copy, "mt_launch.log")
    assert agent.answer()[0] == "pid"
    assert agent.answer() == ["end", "1", "6"]
    assert (Path(copy) / "mt_launch.log").read_text() == ""
    agent.ask("begin", 2, "a.1", copy, "mt_launch.log")
    assert agent.answer()[:2] == ["fail", "2"]
    agent.ask("void", 3, copy)
    assert agent.answer() == ["begun", "3"]


def test_a_copy_that_was_voided_never_begins(agent: Agent, tmp_path: Path) -> None:
    copy = _sent(tmp_path, "a.1")
    agent.ask("void", 1, copy)
    assert agent.answer() == ["void", "1"]
    agent.ask("begin", 2, "a.1", copy, "mt_launch.log")
    assert agent.answer()[:2] == ["fail", "2"]
    assert os.listdir(tmp_path) == []


def test_a_journal_over_there_is_read_on_from_any_byte(agent: Agent, tmp_path: Path) -> None:
    journal = tmp_path / "a.1/.megatest/journal"
    agent.ask("read", 1, 0, tmp_path / "a.1")
    assert agent.answer() == ["said", "1", "0"]
    journal.parent.mkdir(parents=True)
    text = bytes(range(256)) * 10
    journal.write_bytes(text)
    heard = b""
    while len(heard) < len(text):
        agent.ask("read", 1, len(heard), tmp_path / "a.1")
        word, number, offset, *words = agent.answer()
        assert (word, number, offset) == ("said", "1", str(len(heard)))
        heard += bytes.fromhex("".join(words))
    assert heard == text
    agent.ask("read", 1, len(text), tmp_path / "a.1")
    assert agent.answer() == ["said", "1", str(len(text))]


def test_a_copy_is_dropped_even_if_it_is_read_only(agent: Agent, tmp_path: Path) -> None:
    copy = tmp_path / "a.1"
    (copy / "below").mkdir(parents=True)
    (copy / "below/file").touch()
    (copy / "below").chmod(0o500)
    (tmp_path / "a.1.part").mkdir()
    agent.ask("drop", 1, copy)
    assert agent.answer() == ["dropped", "1"]
    assert os.listdir(tmp_path) == []


def test_what_an_earlier_attempt_left_goes_when_the_next_begins(agent: Agent, tmp_path: Path) -> None:
    name = f"x{os.getpid()}-1"
    left = tmp_path / f"{name}-1.abc"
    (left / "below").mkdir(parents=True)
    (tmp_path / f"{name}1-1.abc").mkdir()  # row 11, not row 1
    agent.ask("start", 1, f"{name}-1", *_script(tmp_path, "exec sleep 600\n"))
    pid = int(agent.answer()[2])
    agent.ask("begin", 2, f"{name}-2", _sent(tmp_path, f"{name}-2.def"), "mt_launch.log")
    answers = [agent.answer() for _ in range(3)]
    _until_gone(pid)
    assert ["end", "1", "137"] in answers
    assert ["end", "2", "6"] in answers
    assert not left.exists()
    assert (tmp_path / f"{name}1-1.abc").exists()
