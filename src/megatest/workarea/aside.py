"""What an earlier attempt left is moved out of the way before a new one begins."""

from __future__ import annotations

import contextlib
import os
from itertools import islice

from megatest.failpoint import reach
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.rundir import OURS, SCRIPT
from megatest.model.slotted import replace
from megatest.workarea.directory import make_directories
from megatest.workarea.journal import revoke
from megatest.workarea.layout import Place
from megatest.workarea.marker import Owner, is_of_test, owner_at
from megatest.workarea.removal import Refused, Roots, earlier_attempts, is_bare, remove_run_dir


def set_aside(run_dir: str, place: Place, owner: Owner, roots: Roots, *, keep: int) -> None:
    """Make the path of a run directory free.

    What stands there is renamed to ``.attempts/...N`` on its own disk, N being the number of
    its attempt, and the oldest beyond `keep` are removed.  An attempt that never began left nothing
    worth keeping: it is removed, as is everything without `keep`.

    Raises:
        EnvironmentFault: it belongs to another test or another area, or cannot be moved.
    """
    if os.path.islink(run_dir):
        os.unlink(run_dir)
        return
    if removed_as_unfinished(run_dir):
        return
    found = owner_at(run_dir)
    if found is None and place.item:
        _refuse_to_move_items(run_dir, place)
    if found is not None:
        if not _is_ours(found, owner, run_dir):
            raise EnvironmentFault(
                f"{run_dir} belongs to {found.test} of the area {found.area}",
                hint="if two areas share a disk, give one of them another directory in [disks]; if this one "
                "was copied from that one, make the copies its own with: megatest rebuild",
            )
        found = replace(found, area=owner.area)
    disk = place.disk_of(run_dir)
    if disk is None:
        raise EnvironmentFault(f"{run_dir} is in the way and is no run directory")
    if found is not None and (keep <= 0 or revoke(run_dir, found.attempt)):
        _remove(run_dir, found, roots)
        return
    _rename(run_dir, disk, place, found, roots)
    for old in list(islice(earlier_attempts(owner, [disk]), max(keep, 0), None)):
        _remove(old, owner, roots)


def removed_as_unfinished(run_dir: str) -> bool:
    """Remove a directory that was made but not yet marked when its engine died."""
    if is_bare(run_dir):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{run_dir}/{SCRIPT}")
    with contextlib.suppress(OSError):
        os.rmdir(f"{run_dir}/{OURS}")
    try:
        os.rmdir(run_dir)
    except OSError:
        return not os.path.lexists(run_dir)
    return True


def _refuse_to_move_items(directory: str, place: Place) -> None:
    """Leave a directory alone that only leads to those of other items (``a`` beside ``a/b``)."""
    waiting = [directory]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        for path in below:
            found = owner_at(path)
            if found is None:
                waiting.append(path)
            elif found.test == place.test:
                raise UserError(
                    f"item {place.item!r} of {place.test} has no place: it holds item {found.item!r}",
                    hint="the value of an item may not be the beginning of another's path",
                )


def _is_ours(found: Owner, owner: Owner, run_dir: str) -> bool:
    """Return whether it is the same test's, whichever of its items'."""
    return is_of_test(replace(found, item=owner.item), owner, run_dir)


def _rename(run_dir: str, disk: str, place: Place, found: Owner | None, roots: Roots) -> None:
    target = f"{disk}/{place.aside(found.attempt if found else 0)}"
    make_directories(os.path.dirname(target))
    if os.path.lexists(target):
        # The numbers began again (the records were removed, or rebuilt): this one is older.
        if found is not None and owner_at(target) is not None:
            _remove(target, found, roots)
        target = _free_name(target)
    reach("attempt before move")
    os.rename(run_dir, target)
    reach("attempt moved aside")


def _free_name(path: str) -> str:
    name, count = path, 1
    while os.path.lexists(name):
        count += 1
        name = f"{path}-{count}"
    return name


def _remove(path: str, owner: Owner, roots: Roots) -> None:
    reach("attempt before removal")
    done = remove_run_dir(path, owner, roots)
    if isinstance(done, Refused):
        raise EnvironmentFault(f"cannot remove {path}: {done.reason}")
