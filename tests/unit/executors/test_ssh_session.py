"""Sessions over an `ssh` of our own making: a shell script that runs the command right here."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.batch_system import FakeClock
from megatest.executors import process
from megatest.executors.session import Session, SessionState
from megatest.executors.setting import SshSettings


class Place:
    """A PATH with an `ssh` that behaves as a test wants it."""

    def __init__(self, directory: Path) -> None:
        self._bin = directory / "bin"
        self._bin.mkdir()
        self.clock = FakeClock()
        self.words = directory / "words"

    def ssh(self, text: str) -> None:
        """Let `ssh` be this script."""
        (self._bin / "ssh").write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{self.words}\n{text}\n")
        (self._bin / "ssh").chmod(0o755)

    def session(self, **settings: object) -> Session:
        environment = {"PATH": f"{self._bin}:/usr/bin:/bin"}
        return Session("h1", SshSettings(**settings), environment, self.clock)  # type: ignore[arg-type] # as in the record


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


_RUN_IT = 'for last; do :; done\nexec sh -c "$last"'


def _poll_until(session: Session, done: Callable[[], bool]) -> list[list[str]]:
    answers = session.poll()
    for _ in range(200):
        if done():
            return answers
        select.select(session.fds(), (), (), 0.1)
        answers += session.poll()
    raise AssertionError(f"it is {session.state}: {session.trouble}")


def _up(session: Session) -> list[list[str]]:
    return _poll_until(session, lambda: session.state is SessionState.UP)


def test_the_agent_goes_through_the_session_and_greets(place: Place) -> None:
    place.ssh(_RUN_IT)
    session = place.session(options=("-p", "77"))
    answers = _up(session)
    assert answers == [["hello", "1", process.boot_id(), os.uname().nodename]]
    assert session.trouble == ""
    words = place.words.read_text().splitlines()
    assert words[-5:-1] == ["-p", "77", "--", "h1"]
    assert "ControlMaster=no" in words
    session.drop()


def test_what_a_login_shell_prints_first_is_passed_over(place: Place) -> None:
    place.ssh(f"echo Welcome to h1; echo; echo 'end 1 0'; {_RUN_IT}")
    session = place.session()
    assert [words[0] for words in _up(session)] == ["hello"]
    session.drop()


def test_the_command_line_holds_nothing_that_a_strange_login_shell_would_change(place: Place) -> None:
    place.ssh(_RUN_IT)
    session = place.session()
    _up(session)
    line = place.words.read_text().splitlines()[-1]
    outside, _, _ = line.partition("'")
    assert outside == "exec /bin/sh -c "
    assert line.count("'") == 2
    assert not set(line) & set("!\n\\`;&|*?[]{}~#")
    session.drop()


def test_a_request_is_answered(place: Place) -> None:
    place.ssh(_RUN_IT)
    session = place.session()
    _up(session)
    session.send("look", 5, 2**22 + 5, 1)
    session.flush()
    answers: list[list[str]] = []
    while not answers:
        select.select(session.fds(), (), (), 10)
        answers = session.poll()
    assert answers == [["gone", "5"]]
    session.drop()


def test_a_refusal_is_told_in_sshs_own_words_and_tried_again_ever_more_seldom(place: Place) -> None:
    place.ssh("echo 'h1: Permission denied (publickey).' >&2; exit 255")
    session = place.session()
    pauses = []
    for _ in range(8):
        _poll_until(session, lambda: session.state is SessionState.CONNECTING)
        _poll_until(session, lambda: session.state is SessionState.DOWN)
        due = session.due_at()
        assert due is not None
        pauses.append(due - place.clock.now)
        place.clock.now = due
    assert session.trouble == "h1: Permission denied (publickey)."
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_host_that_says_nothing_is_given_up_in_time(place: Place) -> None:
    place.ssh("exec sleep 60")
    session = place.session(connect_timeout_s=15)
    session.poll()
    place.clock.now += 14
    session.poll()
    assert session.state is SessionState.CONNECTING
    place.clock.now += 2
    session.poll()
    assert session.has_failed
    assert session.trouble == "no answer in 15 s"


def test_a_missing_ssh_is_told(tmp_path: Path) -> None:
    session = Session("h1", SshSettings(), {"PATH": str(tmp_path)}, FakeClock())
    session.poll()
    assert session.trouble == "cannot start ssh: it is not on the PATH"
    assert session.fds() == []


def test_a_session_that_ends_is_noticed_and_made_anew(place: Place, tmp_path: Path) -> None:
    place.ssh(f"echo $$ >{tmp_path / 'pid'}\n{_RUN_IT}")
    session = place.session()
    _up(session)
    os.kill(int((tmp_path / "pid").read_text()), 9)
    _poll_until(session, lambda: session.state is SessionState.DOWN)
    assert session.trouble == "the connection was closed"
    assert session.down_since == place.clock.now
    place.clock.now += 1
    _up(session)
    session.drop()
