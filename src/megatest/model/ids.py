"""Names and ids: what may be a name, targets, and the id of a test within a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from megatest.typed import NamedTuple

from megatest.model.error import UserError
from megatest.model.slotted import dataclass

LONGEST_PART_BYTES = 255
_CONTROL = r"[\x00-\x1f\x7f]"


def check_name(text: str, what: str) -> str:
    """Return `text` if it may be the name of a test, a run or a part of a target.

    Args:
        text: the name; it becomes the name of a directory.
        what: what it names, for the message: ``test``, ``run`` ...

    Raises:
        UserError: it is empty, too long, has a slash or a control character, starts with a
            dash, or is ``.`` or ``..``.
    """
    problem = _problem(text)
    if problem is None and "/" in text:
        problem = "has a '/'"
    if problem:
        raise UserError(
            f"{what} name {text!r} {problem}", hint="choose a name that can be a directory's name"
        )
    return text


def check_item_path(text: str) -> str:
    """Return `text` if it may be an item path: parts joined by ``/``; empty means no item.

    A part may be exactly ``-``, which pads tables.

    Raises:
        UserError: a part could not be a directory's name or would leave the run directory.
    """
    if text == "":
        return text
    for part in text.split("/"):
        problem = None if part == "-" else _problem(part)
        if problem:
            raise UserError(
                f"item {text!r}: part {part!r} {problem}",
                hint="item values become directories: no empty part, no '..', no control character",
            )
    return text


def _problem(part: str) -> str | None:
    if part == "":
        return "is empty"
    if part in (".", ".."):
        return "is not a name of its own"
    if part.startswith("-"):
        return "starts with '-'"
    plain = part.isascii() and part.isprintable()
    if not plain and re.search(_CONTROL, part):
        return "has a control character"
    if (
        len(part) * 4 > LONGEST_PART_BYTES
        and len(part.encode("utf-8", "surrogateescape")) > LONGEST_PART_BYTES
    ):
        return f"is longer than {LONGEST_PART_BYTES} bytes"
    return None


@dataclass(frozen=True, slots=True)
class Target:
    """One value for each field of the area, in the fields' order."""

    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, fields: Sequence[str]) -> Target:
        """Read ``a/b/c`` for an area with these fields.

        Raises:
            UserError: a part is missing, too many, or no name.
        """
        values = tuple(text.split("/"))
        if len(values) != len(fields):
            shape = "/".join(fields)
            raise UserError(
                f"target {text!r} has {len(values)} {'part' if len(values) == 1 else 'parts'}, "
                f"this area has {len(fields)} {'field' if len(fields) == 1 else 'fields'}",
                hint=f"give a value for each field: {shape}",
            )
        for field, value in zip(fields, values, strict=True):
            check_name(value, f"target value for {field}:")
        return cls(values)

    def __str__(self) -> str:
        return "/".join(self.values)


class TestId(NamedTuple):
    """A test of a run, or one of its items (a tuple: it is the key of the engine's tables)."""

    test: str
    item: str = ""

    def __str__(self) -> str:
        return f"{self.test}/{self.item}" if self.item else self.test
