"""Where ssh connections take further channels: sockets in a directory that only we can enter."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress

_LONGEST = 80
"""Bytes: a socket's path has little room, and ssh adds some of its own while it makes one."""


class Sockets:
    """Hands out paths for the sockets of ssh.

    The directory is the user's and outlives us; names begin with a pid, so that whoever comes
    next removes what a killed process left.

    Args:
        above: directory for ours; empty for the system's temporary one.
    """

    def __init__(self, above: str = "") -> None:
        self._above = above or tempfile.gettempdir()
        self._directory: str | None = None
        self._made = 0

    def fresh(self) -> str:
        """Return a path that nobody uses; empty if there is no safe place for one."""
        if self._directory is None:
            self._directory = self._open()
        if not self._directory:
            return ""
        self._made += 1
        return f"{self._directory}/{os.getpid()}.{id(self):x}.{self._made}"

    def _open(self) -> str:
        path = os.path.join(self._above, f"megatest-ssh-{os.getuid()}")
        if len(os.fsencode(path)) > _LONGEST - len("1234567.7f0000000000.123456"):
            return ""
        with suppress(FileExistsError, OSError):
            os.mkdir(path, 0o700)
        try:
            status = os.lstat(path)
        except OSError:
            return ""
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            return ""  # somebody else made it: whoever can put a socket there can read our channels
        for name in os.listdir(path):
            pid = name.partition(".")[0]
            if pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
                with suppress(OSError):
                    os.unlink(f"{path}/{name}")
        return path
