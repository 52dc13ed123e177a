"""Several listeners where the ledger knows one."""

from __future__ import annotations

from collections.abc import Sequence
from megatest.typed import Protocol

from megatest.engine.ports import Bell, Move


class Listener(Bell, Protocol):
    """A bell that holds on to something until the end of the run."""

    def close(self) -> object:
        """Wait for what it started, as long as that makes sense, and let go."""
        ...


class Bells:
    """Satisfies `megatest.engine.ports.Bell`: each listener hears each move."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def moved(self, moves: Sequence[Move]) -> None:
        """See the port."""
        for listener in self._listeners:
            listener.moved(moves)

    def close(self) -> None:
        """Close every listener."""
        for listener in self._listeners:
            listener.close()
