"""Pipes to and from child processes."""

from __future__ import annotations

import os


def make_pipes(count: int) -> list[tuple[int, int]]:
    """Make so many pipes, or none: an engine that is short of descriptors must not lose more at each try.

    Returns:
        The reading and the writing end of each; no child inherits them.

    Raises:
        OSError: there are not enough descriptors.
    """
    made: list[tuple[int, int]] = []
    try:
        for _ in range(count):
            made.append(os.pipe2(os.O_CLOEXEC))  # noqa: PERF401 # the ones before a failure are closed
    except OSError:
        for ends in made:
            for fd in ends:
                os.close(fd)
        raise
    return made
