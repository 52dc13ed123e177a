"""Deleting by directory descriptors: what is deleted is what was looked at, whatever moves meanwhile.

A path names something else as soon as somebody swaps one of its directories for a link; a
descriptor does not.  Every step here opens one name in a directory that is already open and
refuses links, so nothing outside the tree can be reached.  Going up again checks that ``..``
is still the directory that we came from.  Two or three descriptors are open at a time, however
deep the tree.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection

from megatest.failpoint import reach
from megatest.model.slotted import dataclass
from megatest.workarea.layout import draft_of_page, page_of_items

OnStep = Callable[[str], None]
"""Is told the name of each directory just before it is opened (a test swaps it then)."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class MovedError(OSError):
    """A directory was moved or swapped while its contents were being deleted."""


def open_root(path: str) -> int:
    """Return a descriptor of a root directory; links on the way to it are the admin's and followed."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def open_below(root: str, relative: str) -> int:
    """Return a descriptor of the directory ``root/relative``, without following links below `root`.

    Raises:
        OSError: it does not exist, a part is a link or no directory, or another file system
            is mounted on the way (EXDEV).
    """
    descriptor = open_root(root)
    for part in filter(None, relative.split("/")):
        if part in (".", ".."):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a plain path", relative)
        try:
            inner = open_directory(part, descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def open_directory(name: str, parent: int) -> int:
    """Return a descriptor of a directory in an open one; made readable for us if it is not.

    Raises:
        OSError: it is a link or no directory, or another file system is mounted on it (EXDEV).
    """
    try:
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    except PermissionError:
        _allow(name, parent)
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    if os.fstat(descriptor).st_dev != os.fstat(parent).st_dev:
        os.close(descriptor)
        raise OSError(errno.EXDEV, "another file system is mounted there", name)
    return descriptor


def _allow(name: str, parent: int) -> None:
    """Make a directory readable for us; by its descriptor, since ``chmod`` would follow a link."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.chmod(f"/proc/self/fd/{descriptor}", 0o700)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Level:
    """A directory on the way down: its name in its parent, who it is, what is still to be entered."""

    name: str
    identity: tuple[int, int]
    to_enter: list[str]


def empty_directory(
    directory: int,
    *,
    spare: Collection[str] = (),
    keep: Callable[[int], bool] = lambda _: False,
    on_step: OnStep = lambda _: None,
) -> int:
    """Delete everything in an open directory.

    Args:
        directory: its descriptor; it stays open.
        spare: names at its top that stay.
        keep: told the descriptor of each directory below; True leaves it as it is, and with it
            the directories above it.
        on_step: see `OnStep`.

    Returns:
        How many files, links and directories were deleted.

    Raises:
        OSError: something cannot be deleted; the rest of the tree may be gone.

    Cost: a few system calls per entry; memory grows with the widest directories on one path.
    """
    current = os.dup(directory)
    try:
        first, count = _delete_files(current, spare)
        levels = [_Level("", _identity(current), first)]
        while levels:
            if levels[-1].to_enter:
                name = levels[-1].to_enter.pop()
                on_step(name)
                inner = _enter(name, current)
                if inner is None:
                    count += 1
                    continue
                if keep(inner):
                    os.close(inner)
                    continue
                os.close(current)
                current = inner
                names, deleted = _delete_files(current, ())
                count += deleted
                levels.append(_Level(name, _identity(current), names))
            else:
                done = levels.pop()
                if levels:
                    current = _leave(current, levels[-1])
                    count += _remove_directory(done.name, current)
    finally:
        os.close(current)
    return count


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _delete_files(directory: int, spare: Collection[str]) -> tuple[list[str], int]:
    """Delete all but directories; return the names of those, and how many entries went."""
    directories: list[str] = []
    files: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name not in spare:
                (directories if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    for name in files:
        _unlink(name, directory)
    return directories, len(files)


def _unlink(name: str, directory: int) -> None:
    reach("removal before file")
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return
    except PermissionError:
        os.fchmod(directory, 0o700)
        os.unlink(name, dir_fd=directory)


def _enter(name: str, parent: int) -> int | None:
    """Open a directory; None if something else has taken its place, which is deleted instead."""
    try:
        return open_directory(name, parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        _unlink(name, parent)
        return None


def _leave(current: int, parent: _Level) -> int:
    """Return the descriptor of the parent, having closed `current`."""
    above = os.open("..", _DIRECTORY, dir_fd=current)
    if _identity(above) != parent.identity:
        os.close(above)
        raise MovedError(errno.ESTALE, "a directory was moved while it was being deleted", parent.name)
    os.close(current)
    return above


def _remove_directory(name: str, parent: int) -> int:
    """Remove an emptied directory; one that holds what is kept stays."""
    reach("removal before inner directory")
    try:
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return 0
    except PermissionError:
        os.fchmod(parent, 0o700)
        os.rmdir(name, dir_fd=parent)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return 0
    return 1


def _remove_empty(name: str, parent: int) -> None:
    """Remove a directory in which there is nothing, or only our page about the items that went."""
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        directory = open_directory(name, parent)
        try:
            page = page_of_items(name)
            left = os.listdir(directory)
            if not {page, draft_of_page(page)}.issuperset(left):
                raise
            for each in left:
                os.unlink(each, dir_fd=directory)
        finally:
            os.close(directory)
        os.rmdir(name, dir_fd=parent)


def prune(root: str, relative: str) -> list[str]:
    """Remove ``root/relative`` and its parents as long as they are empty; `root` itself stays.

    Returns:
        The absolute paths that went.
    """
    gone: list[str] = []
    while relative:
        above, _, name = relative.rpartition("/")
        try:
            parent = open_below(root, above)
        except FileNotFoundError:
            relative = above
            continue
        except OSError:
            break
        reach("removal before empty parent")
        try:
            _remove_empty(name, parent)
        except FileNotFoundError:
            pass
        except OSError:
            break
        else:
            gone.append(f"{root}/{relative}")
        finally:
            os.close(parent)
        relative = above
    return gone
