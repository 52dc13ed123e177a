"""Whether what names another directory as its area is this area's own, from before it was moved or copied.

Journals of runs and markers of run directories name their area by its path.  What is taken for ours is
moved, reused and removed, so it has to be certain.
"""

from __future__ import annotations

import os
from typing import Final

_FILES_OF_AN_AREA: Final = ("megatest.config", "megatest.db")


def was_here(former: str, home: str, path: str) -> bool:
    """Return whether what says that it belongs to the area at `former` belongs to the one at `home`.

    So it is when there is no area at `former` any more: this one was moved.  Or when the two are one
    directory.  Or when `path` lies inside `home` and `former` has one of its own at the same place: this
    one is a copy.

    Args:
        former, home: absolute paths of areas.
        path: where it lies.
    """
    if former == home:
        return True
    if not former.startswith("/"):
        return False
    if not any(os.path.exists(f"{former}/{name}") for name in _FILES_OF_AN_AREA):
        return True
    return _is_same(former, home) or _has_its_own(former, home, path)


def lies_inside(path: str, home: str) -> bool:
    """Return whether a path really is one below `home`."""
    return os.path.realpath(path).startswith(f"{os.path.realpath(home)}/")


def _has_its_own(former: str, home: str, path: str) -> bool:
    if not lies_inside(path, home):
        return False
    other = former + os.path.realpath(path).removeprefix(os.path.realpath(home))
    return os.path.exists(other) and not _is_same(other, path)


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
