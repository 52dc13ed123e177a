"""Starts and stops the throw-away services beside this file."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

Services = Callable[[str, int], dict[str, str]]
"""Returns the environment that reaches a service, given its script and how many ports it needs."""

_HERE = Path(__file__).parent
_UP_TIMEOUT_S = 300


class ServiceMissing(Exception):  # noqa: N818 - a test turns it into a skip
    """A service cannot be had here; the text says why."""


def give_up(reason: str) -> NoReturn:
    """Skip for want of a service; where the services are promised, that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def service(script: str, directory: Path, *, ports: int = 1) -> Iterator[dict[str, str]]:
    """Start a service, yield the environment that reaches it, stop it.

    Args:
        script: name of the script beside this file.
        directory: of its own; made and removed.
        ports: how many consecutive ports it needs.

    Raises:
        ServiceMissing: it does not start here.
    """
    if os.geteuid() != 0:
        raise ServiceMissing(f"{script} needs root")
    try:
        _call(script, "up", str(directory), str(_free_ports(ports)), log=directory.with_suffix(".log"))
        yield os.environ | _exports(script, directory)
    finally:
        _call(script, "down", str(directory), log=directory.with_suffix(".log"))


def restart(script: str, directory: Path) -> None:
    """Stop and start the daemons of a service, keeping its state."""
    _call(script, "restart", str(directory), log=directory.with_suffix(".log"))


def _call(script: str, *words: str, log: Path) -> None:
    # Daemons keep the descriptors that they are started with: a pipe would never end.
    with log.open("ab") as out:
        command = [str(_HERE / script), *words]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=_UP_TIMEOUT_S
        )
    if done.returncode != 0:
        last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
        raise ServiceMissing(f"{script} {words[0]}: {' '.join(last)}")


def _exports(script: str, directory: Path) -> dict[str, str]:
    text = subprocess.run([str(_HERE / script), "env", str(directory)], capture_output=True, text=True).stdout
    words = [word for word in shlex.split(text) if word != "export"]
    return dict(word.split("=", 1) for word in words)


def _free_ports(count: int) -> int:
    """Return the first of some consecutive ports that nobody listens on."""
    for first in range(36000 + os.getpid() % 500 * 8, 60000, 8):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise ServiceMissing("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
