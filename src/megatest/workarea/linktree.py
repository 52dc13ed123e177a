"""The link tree: one link per test, through which people and the database find run directories."""

from __future__ import annotations

import contextlib
import errno
import os

from megatest.failpoint import reach
from megatest.workarea.directory import make_directories
from megatest.workarea.layout import Place


def link_from_area(home: str, linktree: str) -> None:
    """Make the link ``lt`` in the area to a link tree elsewhere, as the original's; only if nothing is there.

    It is for people and their scripts: a run does as well without it.
    """
    link = f"{home}/lt"
    if linktree != link:
        with contextlib.suppress(OSError):
            os.symlink(linktree, link)


def home_of(linktree: str, place: Place) -> str | None:
    """Return where the link tree says that the test's directory is; None if it has no link."""
    try:
        return os.readlink(f"{linktree}/{place.test_path}")
    except OSError:
        return None


def standing(home: str | None, place: Place) -> tuple[str, ...]:
    """Return what the link tree shows of earlier attempts: a directory, or a link and its end.

    Args:
        home: see `home_of`.
        place: of the test or item.
    """
    if home is None:
        return ()
    if not place.item:
        return (home,) if place.disk_of(home) and os.path.isdir(home) else ()
    inner = f"{home}/{place.item}"
    if os.path.islink(inner):
        end = os.readlink(inner)
        elsewhere = (end,) if place.disk_of(end) and os.path.isdir(end) else ()
        return (*elsewhere, inner)
    return (inner,) if os.path.isdir(inner) else ()


def link_new(linktree: str, run_dir: str, place: Place) -> bool:
    """Make the link of a test without items if nothing is in its place; return whether it was made.

    Cost: one call of the system, but for the first test of a run.
    """
    link = f"{linktree}/{place.test_path}"
    reach("link before make")
    try:
        try:
            os.symlink(run_dir, link)
        except FileNotFoundError:
            make_directories(os.path.dirname(link))
            os.symlink(run_dir, link)
    except FileExistsError:
        return False
    return True


def link_up(linktree: str, run_dir: str, place: Place) -> None:
    """Make a new run directory reachable through the link tree.

    A test has one link.  Its items are found behind it; one on another disk than the first
    gets a link of its own inside the directory of the first.
    """
    link = f"{linktree}/{place.test_path}"
    if not place.item:
        _point(link, run_dir)
        return
    test_dir = run_dir.removesuffix(f"/{place.item}")
    home = home_of(linktree, place)
    if home is None or not os.path.isdir(home):
        _point(link, test_dir)
    elif home != test_dir:
        _point(f"{home}/{place.item}", run_dir)


def bring_home(directory: str, former: str, home: str) -> None:
    """Let the links of a run lead into the area, where they led to what it had at its former place.

    Args:
        directory: of the run, in the link tree.
        former, home: absolute paths of the area then and now.

    Raises:
        OSError: a link cannot be made.
    """
    with os.scandir(directory) as entries:
        links = [entry.path for entry in entries if entry.is_symlink()]
    for link in links:
        there = at_home(os.readlink(link), former, home)
        if os.path.isdir(there):
            _point(link, there)


def at_home(path: str, former: str, home: str) -> str:
    """Return where a path of an area's former place is now; empty if it was not inside of it."""
    return home + path.removeprefix(former) if path.startswith(f"{former}/") else ""


def draft_of(link: str) -> str:
    """Return where a link is made before it takes the place of an older one."""
    above, _, name = link.rpartition("/")
    return f"{above}/.{name}.new"


def _point(link: str, target: str) -> None:
    """Make `link` lead to `target`, whatever it led to before; never over a directory."""
    reach("link before make")
    try:
        os.symlink(target, link)
    except FileNotFoundError:
        make_directories(os.path.dirname(link))
        os.symlink(target, link)
    except FileExistsError:
        draft = draft_of(link)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)  # of an engine that died here
        if os.path.realpath(link) == os.path.realpath(target):
            return
        if not os.path.islink(link):
            raise FileExistsError(errno.EEXIST, "a directory is where a link should be", link) from None
        # A link cannot be changed; a reader must never find none in between.
        os.symlink(target, draft)
        reach("link draft made")
        os.rename(draft, link)
