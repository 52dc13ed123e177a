"""Standard output and standard error that cannot be written: a full disk, a reader that is gone, closed.

Every failed write is met here, so that nothing else of the program has to expect it.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, NoReturn, TextIO, cast

from megatest.model.error import EnvironmentFault


class Output:
    """A stream that knows what to do when it cannot be written.

    Args:
        stream: standard output or standard error, or the bytes below it.
        lasting: what cannot be written is dropped, and the command goes on.
    """

    def __init__(self, stream: Any, *, lasting: bool) -> None:
        self._stream = stream
        self.lasting = lasting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> Output:
        """The same for bytes."""
        return Output(self._stream.buffer, lasting=self.lasting)

    def write(self, text: Any) -> Any:
        """Write as the stream does.

        Raises:
            BrokenPipeError: its reader is gone, and this ends the command.
            EnvironmentFault: it cannot be written for another reason, and this ends the command.
        """
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Flush as the stream does; raises what `write` does."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Let all that is still to come, and what the stream has buffered, go nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if not self.lasting:
            _end_by(error)


def _end_by(error: OSError) -> NoReturn:
    if error.errno == errno.EPIPE:
        raise error
    raise EnvironmentFault(f"cannot write standard output: {error.strerror}") from error


def guard_streams() -> None:
    """Let a command end in words when its output cannot be written, and go on without its messages."""
    sys.stdout = cast(TextIO, Output(sys.stdout, lasting=False))
    sys.stderr = cast(TextIO, Output(sys.stderr, lasting=True))


def go_on_without_output() -> None:
    """Let the present command do its work to the end, also when nobody can be told of it any more."""
    if isinstance(sys.stdout, Output):
        sys.stdout.lasting = True


def open_closed_streams() -> None:
    """Open what was closed when the program began, or a database would get the descriptor of the output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            stream = os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False)
            setattr(sys, name, stream)
