"""Whose run directory this is: the lines at the head of its job script.

They make a directory ours: nothing without them, or with those of another record, is moved,
reused or removed.
"""

from __future__ import annotations

import json
import os
from json.encoder import encode_basestring_ascii as json_text
from typing import Final

from megatest.model.attempt import AttemptSpec
from megatest.model.rundir import OURS, SCRIPT, SCRIPT_NAME
from megatest.model.slotted import dataclass, field_names, replace
from megatest.workarea.former import was_here

LONGEST_HEAD: Final = 1 << 14
"""Bytes at the start of a job script within which its owner is named."""

_MARK: Final = "# megatest job 1: "
_OWNER: Final = "# megatest owner "


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The attempt that a run directory belongs to.

    Attributes:
        area: absolute path of the area.
        target: its values joined by ``/``.
        item: empty for a test without items.
        run_id, row: rows of the store that made it; another store may number differently.
    """

    area: str
    target: str
    runname: str
    test: str
    item: str = ""
    attempt: int = 0
    run_id: int = 0
    row: int = 0

    def same_test(self, other: Owner) -> bool:
        """Return whether both are attempts of one test or item of one run of one area."""
        return self._names() == other._names()

    def holds_item_of(self, other: Owner) -> bool:
        """Return whether `other` is an item whose directory lies inside this one's."""
        inside = f"{self.item}/" if self.item else ""
        return self._names()[:-1] == other._names()[:-1] and other.item.startswith(inside)

    def _names(self) -> tuple[str, ...]:
        return (self.area, self.target, self.runname, self.test, self.item)


def is_of_test(found: Owner, owner: Owner, path: str) -> bool:
    """Return whether a directory is of the same test or item of one run of one area.

    Args:
        found: whom its marker names; the area may have been moved or copied since.
        owner: whose it has to be.
        path: where it lies.
    """
    return found.same_test(replace(owner, area=found.area)) and was_here(found.area, owner.area, path)


def owner_of_spec(area: str, spec: AttemptSpec) -> Owner:
    """Return who owns the run directory that is about to be made."""
    return Owner(
        area=area,
        target=str(spec.target),
        runname=spec.runname,
        test=spec.test_id.test,
        item=spec.test_id.item,
        attempt=spec.attempt,
        run_id=spec.run_id,
        row=spec.row,
    )


def mark_line(owner: Owner) -> str:
    """Return the script's second line: short, so that the shell itself can compare it."""
    return f"{_MARK}run {owner.run_id}, row {owner.row}, attempt {owner.attempt}"


def owner_line(owner: Owner) -> str:
    """Return the script's third line: everything about the owner, in ASCII."""
    return (
        f'{_OWNER}{{"area":{json_text(owner.area)},"target":{json_text(owner.target)},'
        f'"runname":{json_text(owner.runname)},"test":{json_text(owner.test)},"item":{json_text(owner.item)},'
        f'"attempt":{owner.attempt},"run_id":{owner.run_id},"row":{owner.row}}}'
    )


def owner_from_head(head: bytes) -> Owner | None:
    """Return the owner that the first bytes of a job script name; None if they are not one's."""
    lines = head.split(b"\n", 3)
    if len(lines) < 4 or not lines[2].startswith(_OWNER.encode()):
        return None
    try:
        said = json.loads(lines[2][len(_OWNER) :])
        known = {name: said[name] for name in field_names(Owner)}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    numbers = ("attempt", "run_id", "row")
    if not all(isinstance(value, int if name in numbers else str) for name, value in known.items()):
        return None
    owner = Owner(**known)
    return owner if lines[1] == mark_line(owner).encode() else None


def owner_at(directory: str | int) -> Owner | None:
    """Return whose run directory this is; None if it is nobody's or cannot be read.

    Args:
        directory: a path, or the descriptor of an open directory.
    """
    try:
        descriptor = _open_script(directory)
    except OSError:
        return None
    try:
        return owner_from_head(os.read(descriptor, LONGEST_HEAD))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _open_script(directory: str | int) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    if isinstance(directory, str):
        return os.open(f"{directory}/{SCRIPT}", flags)
    # Step by step: a link in the place of .megatest must not lend another directory's marker.
    inner = os.open(OURS, flags | os.O_DIRECTORY, dir_fd=directory)
    try:
        return os.open(SCRIPT_NAME, flags, dir_fd=inner)
    finally:
        os.close(inner)
