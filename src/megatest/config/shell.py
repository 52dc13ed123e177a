"""The user's own commands: ``/bin/sh -c`` in a given directory with a given environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from megatest.typed import Final

from megatest.model.slotted import dataclass

_STDERR: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a command.

    Attributes:
        code: exit status, 128+n when signal n ended it, 127 when it could not be started.
        output: what it wrote to its standard output.
        problem: why it could not be started; empty if it was.
    """

    code: int
    output: str = ""
    problem: str = ""


def run_shell(command: str, *, cwd: str, env: Mapping[str, str], capture: bool = True) -> Outcome:
    """Run a shell line and wait for its end and for the end of its output.

    What it writes to stderr goes to ours; so does stdout without `capture`, so that it cannot mix
    with the output of the command that reads the configuration.
    """
    import subprocess  # costs 8 ms to import, and most configurations start no process

    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else _STDERR,
            check=False,
        )
    except (OSError, ValueError) as error:
        # ValueError: a NUL or half a surrogate pair in the command or the environment.
        return Outcome(code=127, problem=str(error))
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return Outcome(code=code, output=os.fsdecode(done.stdout or b""))


def joined_lines(output: str) -> str:
    """Return a command's output as one line: its lines joined by blanks, without the last line's end."""
    text = output.replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").replace("\n", " ")
