"""The places for ssh's sockets."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from megatest.executors.sockets import Sockets


@pytest.fixture
def above() -> Iterator[Path]:
    """Return a directory whose path is short, as a socket's has to be."""
    with tempfile.TemporaryDirectory(prefix="mt", dir="/tmp") as directory:
        yield Path(directory)


def _ours(above: Path) -> Path:
    return above / f"megatest-ssh-{os.getuid()}"


def test_paths_differ_and_only_we_can_enter_their_directory(above: Path) -> None:
    sockets = Sockets(str(above))
    first, second = sockets.fresh(), sockets.fresh()
    assert first != second
    assert Path(first).parent == Path(second).parent == _ours(above)
    assert _ours(above).stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_is_removed_and_that_of_living_ones_is_not(above: Path) -> None:
    _ours(above).mkdir(mode=0o700)
    (_ours(above) / "4194999.a.1").touch()
    (_ours(above) / f"{os.getpid()}.b.1").touch()
    assert Sockets(str(above)).fresh()
    assert os.listdir(_ours(above)) == [f"{os.getpid()}.b.1"]


def test_a_directory_that_others_can_enter_is_not_used(above: Path) -> None:
    _ours(above).mkdir()
    _ours(above).chmod(0o755)
    assert Sockets(str(above)).fresh() == ""


def test_a_path_too_long_for_a_socket_is_none(above: Path) -> None:
    assert Sockets(str(above / ("x" * 100))).fresh() == ""
