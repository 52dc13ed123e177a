"""Removing what a test left on disk: its run directory, its earlier attempts, its links.

Only a directory whose job script names the very test of the record is removed, only below a
disk or the run area, never one that holds or is a place that must stay, and never across a
mount point or a link.  Everything else is refused with a reason; the caller goes on with the
rest.  The marker goes last, so that a removal that was cut off can be done again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from megatest.failpoint import reach
from megatest.model.rundir import OURS, SCRIPT_NAME
from megatest.model.slotted import dataclass
from megatest.workarea.layout import Place
from megatest.workarea.linktree import draft_of
from megatest.workarea.marker import Owner, is_of_test, owner_at
from megatest.workarea.tree import MovedError, OnStep, empty_directory, open_below, open_directory, prune

_ESCAPED: Final = r"\\([0-7]{3})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where removal may work.

    Attributes:
        disks: directories that hold run directories.
        linktree: the link tree.
        sources: directories of tests: nothing in them is removed.
        precious: directories that are never removed nor any that holds them: the area, home.
    """

    disks: tuple[str, ...]
    linktree: str
    sources: tuple[str, ...] = ()
    precious: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What went, or in a dry run would go.

    Attributes:
        paths: run directories, earlier attempts, links and emptied parents, absolute.
        entries: how many files and directories that was in all (0 in a dry run).
        kept: whether the directory itself stays because items of the same test are in it.
    """

    paths: tuple[str, ...] = ()
    entries: int = 0
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why nothing, or not everything, was removed."""

    path: str
    reason: str


def place_of_owner(owner: Owner) -> Place:
    """Return where the directories of an owner are on their disks."""
    return Place(run=f"{owner.target}/{owner.runname}", test=owner.test, item=owner.item)


def remove_test(
    run_dir: str, owner: Owner, roots: Roots, *, dry_run: bool = False, on_step: OnStep = lambda _: None
) -> Removed | Refused:
    """Remove everything that a test (or item) left: directory, earlier attempts, links.

    Args:
        run_dir: the real path in its record.
        owner: whose it has to be; attempt, run and row numbers do not count.
        roots: where.
        dry_run: only tell.
        on_step: see `megatest.workarea.tree.OnStep`.
    """
    done = remove_run_dir(run_dir, owner, roots, dry_run=dry_run, on_step=on_step)
    if isinstance(done, Refused):
        return done
    paths, entries = list(done.paths), done.entries
    for attempt in earlier_attempts(owner, roots.disks):
        more = remove_run_dir(attempt, owner, roots, dry_run=dry_run, on_step=on_step)
        if isinstance(more, Refused):
            return more
        paths += more.paths
        entries += more.entries
    if not dry_run:
        above = os.path.dirname(place_of_owner(owner).aside(0))
        for disk in roots.disks:
            prune(os.path.realpath(disk), above)  # what a removal that was cut off left empty
    if not done.kept:
        paths += remove_links(run_dir, owner, roots, dry_run=dry_run)
    return Removed(paths=tuple(dict.fromkeys(paths)), entries=entries, kept=done.kept)


def remove_run_dir(
    run_dir: str, owner: Owner, roots: Roots, *, dry_run: bool = False, on_step: OnStep = lambda _: None
) -> Removed | Refused:
    """Remove one directory of the owner's, and the empty directories above it.

    A directory that is not there is removed already.  One without a marker goes only if it is
    empty, as that of a test whose items were removed, or bare, see `is_bare`.
    """
    reason = _why_not_there(run_dir, roots)
    found = _root_of(run_dir, roots.disks)
    if reason or found is None:
        return Refused(path=run_dir, reason=reason or "it is on none of the area's disks")
    root, relative = found
    above, _, name = relative.rpartition("/")
    try:
        parent = open_below(root, above)
    except FileNotFoundError:
        return Removed(paths=() if dry_run else tuple(prune(root, above)))
    except OSError as error:
        return Refused(path=run_dir, reason=f"{error.filename or above}: {error.strerror}")
    try:
        done = _remove_at(parent, name, run_dir, owner, dry_run=dry_run, on_step=on_step)
    except MovedError as error:
        return Refused(path=run_dir, reason=f"{error.strerror}; try again")
    except OSError as error:
        return Refused(path=run_dir, reason=f"{error.filename or name}: {error.strerror}")
    finally:
        os.close(parent)
    if isinstance(done, Refused) or dry_run:
        return done
    return Removed(paths=(*done.paths, *prune(root, above)), entries=done.entries, kept=done.kept)


def _remove_at(
    parent: int, name: str, run_dir: str, owner: Owner, *, dry_run: bool, on_step: OnStep
) -> Removed | Refused:
    try:
        directory = open_directory(name, parent)
    except FileNotFoundError:
        return Removed()
    try:
        found = owner_at(directory)
        if found is None:
            return _remove_unmarked(parent, directory, name, run_dir, dry_run=dry_run)
        if not is_of_test(found, owner, run_dir):
            return Refused(path=run_dir, reason=f"it belongs to {_told(found)}, not to {_told(owner)}")
        if dry_run:
            return Removed(paths=(run_dir,))
        return _remove_marked(parent, directory, name, run_dir, found, on_step)
    finally:
        os.close(directory)


def _remove_unmarked(
    parent: int, directory: int, name: str, run_dir: str, *, dry_run: bool
) -> Removed | Refused:
    if os.listdir(directory) and not is_bare(directory):
        return Refused(path=run_dir, reason="it is not empty and carries no marker of a test of ours")
    if not dry_run:
        empty_directory(directory)
        os.rmdir(name, dir_fd=parent)
    return Removed(paths=(run_dir,), entries=1)


def _remove_marked(
    parent: int, directory: int, name: str, run_dir: str, owner: Owner, on_step: OnStep
) -> Removed | Refused:
    kept: list[bool] = []

    def is_item_of_it(below: int) -> bool:
        other = owner_at(below)
        inside = other is not None and owner.holds_item_of(other) and not owner.same_test(other)
        kept.extend([True] * inside)
        return inside

    entries = empty_directory(directory, spare={OURS}, keep=is_item_of_it, on_step=on_step)
    if not kept and os.listdir(directory) != [OURS]:
        return Refused(path=run_dir, reason="files came in, or are still open on a network disk")
    inner = open_directory(OURS, directory)
    try:
        entries += empty_directory(inner, spare={SCRIPT_NAME}, on_step=on_step)
        reach("removal before marker")
        os.unlink(SCRIPT_NAME, dir_fd=inner)
        reach("removal marker gone")
    finally:
        os.close(inner)
    os.rmdir(OURS, dir_fd=directory)
    if kept:
        return Removed(paths=(), entries=entries + 2, kept=True)
    reach("removal before directory")
    os.rmdir(name, dir_fd=parent)
    return Removed(paths=(run_dir,), entries=entries + 3)


def is_bare(directory: str | int) -> bool:
    """Return whether a directory holds nothing but the place of a marker, and no marker in it.

    So looks one whose making or removal was cut off.
    """
    try:
        if os.listdir(directory) != [OURS]:
            return False
        inner = os.open(
            f"{directory}/{OURS}" if isinstance(directory, str) else OURS,
            os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC,
            dir_fd=None if isinstance(directory, str) else directory,
        )
    except OSError:
        return False
    try:
        return set(os.listdir(inner)) <= {SCRIPT_NAME} and owner_at(directory) is None
    finally:
        os.close(inner)


def _told(owner: Owner) -> str:
    item = f"/{owner.item}" if owner.item else ""
    return f"{owner.target}/{owner.runname}/{owner.test}{item} of {owner.area}"


def earlier_attempts(owner: Owner, disks: Iterable[str]) -> Iterator[str]:
    """Yield the directories that earlier attempts of a test left aside, the newest first per disk."""
    place = place_of_owner(owner)
    for disk in map(os.path.realpath, disks):
        above, _, leaf = f"{disk}/{place.aside(0)}".rpartition("/")
        stem = leaf.removesuffix("0")
        try:
            names = os.listdir(above)
        except OSError:
            continue
        numbers = [n[len(stem) :] for n in names if n.startswith(stem)]
        for number in sorted((int(n) for n in numbers if n.isascii() and n.isdigit()), reverse=True):
            path = f"{above}/{stem}{number}"
            found = owner_at(path)
            if is_of_test(found, owner, path) if found is not None else _is_abandoned(path):
                yield path


def _is_abandoned(path: str) -> bool:
    """Return whether the removal of an earlier attempt was cut off when its marker had gone."""
    if is_bare(path):
        return True
    try:
        return not os.listdir(path)
    except OSError:
        return False


def _why_not_there(run_dir: str, roots: Roots) -> str:
    """Return why this path may not be removed whatever is in it; empty if it may."""
    if not run_dir.startswith("/") or {"", ".", ".."} & set(run_dir[1:].split("/")):
        return "it is not a plain absolute path"
    for place in ("/", *roots.precious, *roots.sources, roots.linktree, *roots.disks):
        if _holds(run_dir, os.path.realpath(place)):
            return f"it is or holds {place}"
    for source in roots.sources:
        if _holds(os.path.realpath(source), run_dir):
            return f"it is in {source}, which holds tests"
    mounted = next((point for point in _mount_points() if _holds(run_dir, point)), None)
    return f"another file system is mounted on {mounted}" if mounted else ""


def _holds(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")


def _mount_points() -> list[str]:
    """Return all mount points: bind mounts too, which have their parent's device number."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    return [re.sub(_ESCAPED, lambda m: chr(int(m[1], 8)), line.split(" ")[4]) for line in lines]


def _root_of(path: str, disks: Iterable[str]) -> tuple[str, str] | None:
    """Return the disk that holds `path`, and the rest of the path."""
    for disk in disks:
        root = os.path.realpath(disk)
        if path.startswith(f"{root}/"):
            return root, path[len(root) + 1 :]
    return None


def remove_links(run_dir: str, owner: Owner, roots: Roots, *, dry_run: bool = False) -> list[str]:
    """Remove the links to a directory that is gone, and the directories that they leave empty.

    Returns:
        The paths that went, or would.
    """
    place = place_of_owner(owner)
    gone: list[str] = []
    tree = os.path.realpath(roots.linktree)
    home = _link_at(tree, place.test_path)
    if home is None:
        return gone
    found = _root_of(home, roots.disks)
    if place.item and found is not None and run_dir != f"{home}/{place.item}":
        disk, relative = found
        gone += _unlink(disk, f"{relative}/{place.item}", run_dir, dry_run=dry_run)
    if dry_run:
        return [*gone, f"{tree}/{place.test_path}"] if home == run_dir else gone
    if not os.path.lexists(home):
        gone += _unlink(tree, place.test_path, home, dry_run=False)
    return gone


def _link_at(root: str, relative: str) -> str | None:
    above, _, name = relative.rpartition("/")
    try:
        parent = open_below(root, above)
    except OSError:
        return None
    try:
        return os.readlink(name, dir_fd=parent)
    except OSError:
        return None
    finally:
        os.close(parent)


def _unlink(root: str, relative: str, target: str, *, dry_run: bool) -> list[str]:
    """Remove the link ``root/relative`` if it leads to `target`, then its empty parents."""
    if _link_at(root, relative) != target:
        return []
    link = f"{root}/{relative}"
    if dry_run:
        return [link]
    above, _, name = relative.rpartition("/")
    try:
        parent = open_below(root, above)
    except OSError:
        return []
    reach("removal before link")
    try:
        os.unlink(name, dir_fd=parent)
        with suppress(FileNotFoundError):
            os.unlink(os.path.basename(draft_of(link)), dir_fd=parent)
    finally:
        os.close(parent)
    return [link, *prune(root, above)]
