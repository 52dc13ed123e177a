"""An engine that runs out of descriptors gets back those that it could not use."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.batch_system import FakeClock
from megatest.executors.call import Command, child_starter
from megatest.executors.pipe import make_pipes
from megatest.executors.session import Session
from megatest.executors.setting import SshSettings

_ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@contextmanager
def _descriptors_left(count: int) -> Iterator[None]:
    """Let this process have so many more descriptors, and make sure that it has given back all."""
    free = [os.dup(0) for _ in range(count)]
    for fd in free:
        os.close(fd)
    before = _open_descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1] + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert _open_descriptors() == before


def _open_descriptors() -> list[str]:
    return os.listdir("/proc/self/fd")


@pytest.mark.parametrize("left", [1, 3, 5])
def test_of_pipes_that_cannot_all_be_made_none_stays_open(left: int) -> None:
    with _descriptors_left(left), pytest.raises(OSError, match="Too many open files"):
        make_pipes(3)


def test_a_command_that_cannot_be_started_leaves_no_pipe_open() -> None:
    with _descriptors_left(3):
        reply = child_starter(_ENVIRONMENT)(Command(argv=("true",)), 10).reply()
    assert reply is not None
    assert reply.trouble == "cannot start true: Too many open files"


def test_a_session_that_cannot_be_begun_leaves_no_pipe_open(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.touch(0o755)
    session = Session("h1", SshSettings(), {"PATH": str(tmp_path)}, FakeClock())
    with _descriptors_left(5):
        session.poll()
    assert session.trouble == "cannot start ssh: Too many open files"
    assert session.fds() == []
