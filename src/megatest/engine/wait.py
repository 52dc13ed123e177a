"""The engine's one blocking call."""

from __future__ import annotations

import math
import select
from collections.abc import Sequence


class DescriptorWaiter:
    """Waits with ``poll(2)``; keeps its set of descriptors from call to call."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._fds: Sequence[int] = ()

    def wait(self, fds: Sequence[int], timeout_s: float) -> None:
        """Return when a descriptor is readable or the time is over, whichever is first."""
        if fds != self._fds:  # they are the same from turn to turn, nearly always
            for fd in set(self._fds).difference(fds):
                self._poll.unregister(fd)
            for fd in set(fds).difference(self._fds):
                self._poll.register(fd, select.POLLIN)
            self._fds = fds
        # Rounded up: to wake a moment too early would only mean another turn.
        self._poll.poll(math.ceil(timeout_s * 1000))
