"""One persistent ssh session to one host, and the agent at its far end.

The host needs sshd, /bin/sh, setsid, grep and dd; nothing is installed on it.  The agent's text is
the first thing that goes through the session: the command line that the remote login shell
(perhaps csh or fish) sees holds no file name and nothing that any shell would expand.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from importlib.resources import files

from megatest.executors.pipe import make_pipes
from megatest.executors.setting import SshSettings
from megatest.executors.sockets import Sockets

_FIRST_RETRY_S = 0.5
_LAST_RETRY_S = 30.0
_CHUNK = 1 << 16
_WRITE_STEP_S = 0.01


class SessionState(Enum):
    """Whether a host can be talked to."""

    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"


class Session:
    """A session that is made again, with growing pauses, whenever it breaks.

    Args:
        host: as ssh knows it.
        settings: options and time limits.
        environment: of the ssh client.
        clock: monotonic seconds.
        sockets: where further channels of the connection are asked for; None if it needs none.

    Attributes:
        state: see there.
        boot_id: of the host, as the agent said; empty before the first time.
        number: how often a connection was begun.
        down_since: monotonic time since when it has not been up.
        trouble: why it is not up.
    """

    def __init__(
        self,
        host: str,
        settings: SshSettings,
        environment: Mapping[str, str],
        clock: Callable[[], float],
        sockets: Sockets | None = None,
    ) -> None:
        self.host = host
        self.state = SessionState.DOWN
        self.boot_id = ""
        self.number = 0
        self.down_since = clock()
        self.trouble = "not connected yet"
        self._settings = settings
        self._environment = environment
        self._clock = clock
        self._sockets = sockets
        self._socket = ""
        self._pid = 0
        self._stdin = self._stdout = self._stderr = -1
        self._to_write = b""
        self._read = b""
        self._complaint = b""
        self._failures = 0
        self._next_try = 0.0
        self._give_up_at = 0.0

    # -- connecting -----------------------------------------------------------------------------

    def _connect(self) -> None:
        agent = files("megatest.executors").joinpath("agent.sh").read_bytes()
        self._read = self._complaint = b""
        self.number += 1
        self._socket = self._sockets.fresh() if self._sockets is not None else ""
        try:
            self._spawn(_ssh_words(self.host, self._settings, len(agent), _main_options(self._socket)))
        except OSError as error:
            self._disconnected(f"cannot start ssh: {error.strerror}")
            return
        self._to_write = agent
        self.state = SessionState.CONNECTING
        self._give_up_at = self._clock() + self._settings.connect_timeout_s
        self._write()

    def _spawn(self, words: list[str]) -> None:
        """Start the client, its three pipes ours and never blocking."""
        path = shutil.which(words[0], path=self._environment.get("PATH"))
        if path is None:
            raise FileNotFoundError(errno.ENOENT, "it is not on the PATH")
        ends = make_pipes(3)
        theirs = (ends[0][0], ends[1][1], ends[2][1])
        ours = (ends[0][1], ends[1][0], ends[2][0])
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(theirs)]
        defaults = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
        for fd in ours:
            os.set_blocking(fd, False)
        self._stdin, self._stdout, self._stderr = ours
        try:
            # A session of its own: ^C at the engine's terminal must not end it.
            self._pid = os.posix_spawn(
                path, words, self._environment, file_actions=actions, setsid=True, setsigdef=defaults
            )
        finally:
            for fd in theirs:
                os.close(fd)

    def _disconnected(self, why: str) -> None:
        """Let go of a broken session and plan the next."""
        now = self._clock()
        if self.state is SessionState.UP:
            self.down_since = now
            self._failures = 0
        self._read_complaint()
        self.drop()
        said = self._complaint.decode("utf-8", "replace").strip().splitlines()
        self.trouble = said[-1] if said else why
        self.state = SessionState.DOWN
        self._next_try = now + min(_FIRST_RETRY_S * 2.0 ** min(self._failures, 10), _LAST_RETRY_S)
        self._failures += 1

    @property
    def has_failed(self) -> bool:
        """Whether the latest attempt to connect came to nothing."""
        return self.state is SessionState.DOWN and self._failures > 0

    def drop(self) -> None:
        """End the client and close its pipes; the agent ends by itself, jobs go on."""
        for fd in (self._stdin, self._stdout, self._stderr):
            if fd >= 0:
                os.close(fd)
        self._stdin = self._stdout = self._stderr = -1
        if self._pid:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)  # at once: KILL, and a client holds no disk
        self._pid = 0
        if self._socket:
            with suppress(OSError):
                os.unlink(self._socket)  # a client that was killed leaves it
            self._socket = ""

    def channel(self, text_bytes: int) -> list[str]:
        """Return the command line of another channel of this connection.

        Should the connection be gone, or its server take no more channels, ssh makes one anew.

        Args:
            text_bytes: length of the shell text that its standard input begins with.
        """
        options = ("ControlMaster=no", f"ControlPath={self._socket or 'none'}")
        return _ssh_words(self.host, self._settings, text_bytes, options)

    # -- talking --------------------------------------------------------------------------------

    def send(self, *words: object) -> None:
        """Send a request; only when it is up."""
        self._to_write += "\t".join(str(word) for word in words).encode("utf-8", "surrogateescape") + b"\n"

    def poll(self) -> list[list[str]]:
        """Write, read, connect, as far as possible without waiting; return the answers' words."""
        if self.state is SessionState.DOWN:
            if self._clock() >= self._next_try:
                self._connect()
            return []
        self._write()
        answers = self._answers()
        if self.state is SessionState.CONNECTING and self._clock() >= self._give_up_at:
            self._disconnected(f"no answer in {self._settings.connect_timeout_s:g} s")
        return answers

    def _answers(self) -> list[list[str]]:
        ended = self._read_answers()
        self._read_complaint()
        *lines, self._read = self._read.split(b"\n")
        answers = [line.decode("utf-8", "replace").split(" ") for line in lines]
        if self.state is SessionState.CONNECTING:
            answers = self._greeted(answers)
        if ended:
            self._disconnected("the connection was closed")
        return answers

    def _greeted(self, answers: list[list[str]]) -> list[list[str]]:
        """Become up by the agent's first line; what a login shell prints before it is passed over."""
        for at, words in enumerate(answers):
            if words[:2] == ["hello", "1"] and len(words) == 4:
                self.state = SessionState.UP
                self.boot_id = words[2]
                self.trouble = ""
                self._failures = 0
                return answers[at:]
        return []

    def _read_answers(self) -> bool:
        """Read what there is; return whether it was the end."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._stdout, _CHUNK):
                self._read += chunk
            return True
        return False

    def _read_complaint(self) -> None:
        """Keep the last words of ssh itself, for the user."""
        if self._stderr < 0:
            return
        with suppress(BlockingIOError):
            while chunk := os.read(self._stderr, _CHUNK):
                self._complaint = (self._complaint + chunk)[-2000:]
            os.close(self._stderr)
            self._stderr = -1

    def flush(self) -> None:
        """Write what there is to say, as far as the pipe takes it."""
        if self.state is SessionState.UP:
            self._write()

    def _write(self) -> None:
        with suppress(BlockingIOError, BrokenPipeError):
            while self._to_write:
                self._to_write = self._to_write[os.write(self._stdin, self._to_write) :]

    # -- waiting --------------------------------------------------------------------------------

    def fds(self) -> list[int]:
        """Return the descriptors that tell of answers and of the end."""
        return [fd for fd in (self._stdout, self._stderr) if fd >= 0]

    def due_at(self) -> float | None:
        """Return when `poll` has something to do that no descriptor tells (monotonic)."""
        if self.state is SessionState.DOWN:
            return self._next_try
        if self._to_write:
            return self._clock() + _WRITE_STEP_S
        return self._give_up_at if self.state is SessionState.CONNECTING else None


def _main_options(socket: str) -> tuple[str, ...]:
    """Return the options that make a connection the master of others, or of none."""
    if socket:
        return ("ControlMaster=yes", f"ControlPath={socket}", "ControlPersist=no")
    # A master connection of the user's would outlive the engine and share its fate with others.
    return ("ControlMaster=no", "ControlPath=none")


def _ssh_words(host: str, settings: SshSettings, text_bytes: int, control: tuple[str, ...]) -> list[str]:
    """Return the client's command line.

    `dd` with blocks of one byte takes the shell text and not a byte more from the session.
    """
    bootstrap = f"exec /bin/sh -c 'eval \"$(dd bs=1 count={text_bytes} 2>/dev/null)\"'"
    options = (
        "BatchMode=yes",
        f"ConnectTimeout={max(1, int(settings.connect_timeout_s))}",
        # A host that falls silent is noticed within 45 s.
        "ServerAliveInterval=15",
        "ServerAliveCountMax=3",
        *control,
    )
    words = [word for option in options for word in ("-o", option)]
    return ["ssh", "-T", *words, *settings.options, "--", host, bootstrap]
