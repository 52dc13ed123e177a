"""A batch system's command that fails or hangs when a test wants it to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

_SCRIPT = """\
#!/bin/sh
# Fails as often as "failures" says, then does what it always did.
here=${{0%/*}}
echo called >>"$here/calls"
if [ -e "$here/hangs" ]; then exec sleep 1000; fi
left=$(cat "$here/failures")
if [ "$left" -gt 0 ]; then
  echo $((left - 1)) >"$here/failures"
  echo "{program}: error: the daemon is having tea" >&2
  exit 1
fi
exec {real} "$@"
"""


class Unreliable:
    """Stands before a command on the PATH.

    Args:
        program: its name.
        directory: of its own; made.
        environment: with the PATH on which the command is.
    """

    def __init__(self, program: str, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        directory.mkdir()
        real = shutil.which(program, path=environment["PATH"])
        script = directory / program
        script.write_text(_SCRIPT.format(program=program, real=real))
        script.chmod(0o755)
        self.fail(0)
        self.environment = {**environment, "PATH": f"{directory}{os.pathsep}{environment['PATH']}"}

    def fail(self, times: int) -> None:
        """Fail so many times from now on."""
        new = self._directory / "failures.new"
        new.write_text(f"{times}\n")
        new.rename(self._directory / "failures")

    def left(self) -> int:
        """Return how many failures are to come."""
        return int((self._directory / "failures").read_text().strip() or 1)

    def hang(self, *, so: bool) -> None:
        """Hang, or hang no more."""
        path = self._directory / "hangs"
        if so:
            path.touch()
        else:
            path.unlink()
