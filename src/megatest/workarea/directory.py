"""Making a directory with all its parents."""

from __future__ import annotations

import os


def make_directories(path: str) -> None:
    """Make `path` and the parents that it lacks; no error if it exists.

    `os.makedirs` recurses, and an item may have more parts than Python has stack.
    """
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for part in reversed(missing):
        try:
            os.mkdir(part)
        except FileExistsError:
            if not os.path.isdir(part):
                raise
