"""The engine's one blocking call."""

from __future__ import annotations

import math
import select
from collections.abc import Sequence


class DescriptorWaiter:
    """Waits with ``poll(2)``; keeps its set of descriptors from call to call."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._fds: frozenset[int] = frozenset()

    def wait(self, fds: Sequence[int], timeout_s: float) -> None:
        """Return when a descriptor is readable or the time is over, whichever is first."""
        wanted = frozenset(fds)
        for fd in self._fds - wanted:
            self._poll.unregister(fd)
        for fd in wanted - self._fds:
            self._poll.register(fd, select.POLLIN)
        self._fds = wanted
        # Rounded up: to wake a moment too early would only mean another turn.
        self._poll.poll(math.ceil(timeout_s * 1000))
