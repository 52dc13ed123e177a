"""What the ssh executor needs of run directories that travel, as a Protocol of its own."""

from __future__ import annotations

from typing import Protocol


class Luggage(Protocol):
    """Run directories whose tests run on hosts that do not share them.

    Each method raises OSError where the disk here does not do its part.
    """

    @property
    def parent(self) -> str:
        """The directory that holds the package that tests call."""
        ...

    @property
    def package(self) -> str:
        """The name of that package."""
        ...

    def kit_name(self) -> str:
        """Return the name of what tests call, as it is on hosts; it changes with its content."""
        ...

    def pack(self, run_dir: str, host: str, directory: str, kit: str) -> None:
        """Note which host gets a run directory, and write what is needed to send it.

        That is the scripts for its place over there (`carry.NEW`), and what is not sent (`carry.STAYS`).
        """
        ...

    def note(self, run_dir: str) -> tuple[str, str] | None:
        """Return the host that has a copy, and its directory there; None if none has."""
        ...

    def claim(self, run_dir: str) -> bool:
        """Let the attempt begin; False if it was revoked or has begun."""
        ...

    def heard(self, run_dir: str) -> int:
        """Return how many bytes of the journal over there are here."""
        ...

    def append(self, run_dir: str, text: bytes) -> None:
        """Add what the journal over there says."""
        ...

    def is_final(self, line: bytes) -> bool:
        """Return whether a line of a journal says how the test came out."""
        ...

    def returned(self, run_dir: str, journal: str) -> None:
        """Believe the rest of the journal that came back under that name, and remove it."""
        ...

    def forget(self, run_dir: str, directory: str) -> None:
        """The host has no such copy any more."""
        ...
