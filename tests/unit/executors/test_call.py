"""Commands as child processes: real ones."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable

import pytest

from megatest.executors.call import Calls, Child, Command, Reply, child_starter

_ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def _sh(text: str) -> Command:
    return Command(argv=("sh", "-c", text))


@pytest.fixture
def calls() -> Calls:
    return Calls(child_starter(_ENVIRONMENT))


def test_a_command_replies_with_status_output_and_complaint(calls: Calls) -> None:
    reply = calls.wait(_sh("echo out; echo err >&2; exit 3"), 10)
    assert reply == Reply(code=3, out="out\n", err="err\n")
    assert reply.complaint("sh") == "sh: err"


def test_a_complaint_of_many_lines_is_one_without_the_programs_name_in_each(calls: Calls) -> None:
    lines = (
        "sh: error: no such partition",
        "",
        "sh: error: no such partition",
        "sh: fatal: nothing submitted",
    )
    reply = calls.wait(_sh("; ".join(f"echo '{line}' >&2" for line in lines) + "; exit 1"), 10)
    assert reply.complaint("sh") == "sh: no such partition; fatal: nothing submitted"


def test_output_larger_than_any_pipe_comes_whole(calls: Calls) -> None:
    reply = calls.wait(_sh("head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2"), 20)
    assert (len(reply.out), len(reply.err)) == (3000000, 300000)


def test_a_signal_is_a_negative_status(calls: Calls) -> None:
    assert calls.wait(_sh("kill -9 $$"), 10).code == -9


def test_a_command_that_hangs_is_given_up_with_its_children(calls: Calls) -> None:
    reply = calls.wait(_sh("sleep 60 & sleep 60"), 0.1)
    assert reply.code is None
    assert reply.complaint("sh") == "sh gave no answer in 0.1 s"
    assert not reply.not_installed


def test_a_program_that_is_not_installed_is_a_reply(calls: Calls) -> None:
    reply = calls.wait(Command(argv=("no-such-program",)), 10)
    assert reply.trouble == "no-such-program is not on the PATH"
    assert reply.not_installed


def test_a_child_that_outlives_the_command_does_not_hold_up_the_reply(calls: Calls) -> None:
    reply = calls.wait(_sh("sleep 60 & echo $!"), 10)
    os.kill(int(reply.out), signal.SIGKILL)  # an error if it were gone already
    assert reply.ok


def test_an_exit_status_that_somebody_else_collected_is_no_success() -> None:
    child = Child(_sh("true"), 10, _ENVIRONMENT)
    os.waitid(os.P_PIDFD, child.fds()[0], os.WEXITED)
    reply = child.reply()
    assert reply is not None
    assert not reply.ok
    assert "was lost" in reply.trouble


def test_replies_are_passed_on_when_they_come(calls: Calls) -> None:
    replies: list[Reply] = []
    calls.begin(_sh("echo a"), 10, replies.append)
    calls.begin(_sh("exit 2"), 10, replies.append)
    _collect_until(calls, lambda: len(replies) == 2)
    assert sorted(reply.code or 0 for reply in replies) == [0, 2]
    assert calls.fds() == []
    assert calls.next_deadline() is None


def test_what_is_left_is_ended_on_closing(calls: Calls) -> None:
    calls.begin(_sh("sleep 60"), 60, lambda _reply: None)
    calls.close()
    assert calls.fds() == []


def _collect_until(calls: Calls, done: Callable[[], bool]) -> None:
    while not done():
        select.select(calls.fds(), (), (), 5)
        calls.collect()
