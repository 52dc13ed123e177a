"""Journal records to lines and back; the format is described in ``docs/journal.md``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from megatest.model.attempt import (
    JOURNAL_VERSION,
    Edited,
    Ended,
    Entry,
    LogSaid,
    Revoked,
    Started,
    StatusSaid,
    StepSaid,
    ValueSaid,
)
from megatest.model.slotted import dataclass, field_types, plain_defaults
from megatest.workarea.line import record_line

BEGIN: Final = b'{"k":"'
"""What every record starts with, so that one can be found behind a torn one."""

_WIDEST_INTEGER: Final = 1 << 63

_KINDS: Final[dict[str, type[Entry]]] = {
    "start": Started,
    "revoked": Revoked,
    "step": StepSaid,
    "status": StatusSaid,
    "log": LogSaid,
    "value": ValueSaid,
    "edited": Edited,
    "exit": Ended,
}
_KIND_OF: Final = {entry: kind for kind, entry in _KINDS.items()}
_OPENING: Final = (Started, Revoked)


def encode(entry: Entry) -> bytes:
    """Return the line of a record, newline included; fields at their default are left out."""
    said: list[tuple[str, str | int | float]] = []
    if isinstance(entry, _OPENING):
        said.append(("v", JOURNAL_VERSION))
    kind = _KIND_OF[type(entry)]
    for field in _fields(kind):
        value = getattr(entry, field.attribute)
        if field.required or value != field.default:
            said.append((field.key, value))
    return record_line(kind, said)


def decode(line: bytes) -> Entry | None:
    """Return the record of one line (without its newline), or None if it has no known kind.

    Fields that are not known are ignored, as is a kind that is not: a newer writer may use them.
    Characters that no database takes (NUL, bytes that are not UTF-8) come out as ``\\xNN``.

    Raises:
        ValueError: it is no record, a required field is missing, or one has the wrong type.
    """
    if not line.startswith(BEGIN):
        raise ValueError("a record starts with its kind")
    try:
        said = json.loads(line.decode("utf-8", "surrogateescape"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    kind = str(said["k"])
    if kind not in _KINDS:
        return None
    values: dict[str, Any] = {}
    for field in _fields(kind):
        if field.key in said:
            values[field.attribute] = field.checked(said[field.key])
        elif field.required:
            raise ValueError(f"{field.key} is missing")
    return _KINDS[kind](**values)


@dataclass(frozen=True, slots=True)
class _Field:
    key: str
    attribute: str
    checked: Callable[[object], str | int | float | bool]
    default: object
    required: bool


@cache
def _fields(kind: str) -> tuple[_Field, ...]:
    """Return how the fields of a record are written; the names are those of the model."""
    defaults = plain_defaults(_KINDS[kind])
    return tuple(
        _Field(
            "up" if name == "uptime_s" else name,
            name,
            _CHECKS[written],
            defaults.get(name),
            name not in defaults,
        )
        for name, written in field_types(_KINDS[kind]).items()
    )


def _checked_text(value: object) -> str:
    if isinstance(value, str):
        return _storable(value)
    raise ValueError(f"{value!r} is no text")


def _checked_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is no truth value")


def _checked_integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WIDEST_INTEGER:
        return value
    raise ValueError(f"{value!r} is no integer")


def _checked_number(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value) if abs(value) < _WIDEST_INTEGER else math.inf
        if math.isfinite(number):
            return number
    raise ValueError(f"{value!r} is no number")


_CHECKS: Final[dict[str, Callable[[object], str | int | float | bool]]] = {
    "str": _checked_text,
    "bool": _checked_flag,
    "int": _checked_integer,
    "float": _checked_number,
}
"""By the type that the model gives a field."""


def _storable(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "\\x00")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = _without_surrogates(text)
    return text.replace("\0", "\\x00")


def _without_surrogates(text: str) -> str:
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
