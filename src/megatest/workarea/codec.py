"""Journal records to lines and back; the format is described in ``docs/journal.md``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from megatest.model.attempt import (
    JOURNAL_VERSION,
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

_BLANKS: Final = " \t\r\n"
_read: Final = json.JSONDecoder().raw_decode
_WIDEST_INTEGER: Final = 1 << 63

_KINDS: Final[dict[str, type[Entry]]] = {
    "start": Started,
    "revoked": Revoked,
    "step": StepSaid,
    "status": StatusSaid,
    "log": LogSaid,
    "value": ValueSaid,
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
    for field in _forms()[kind].fields.values():
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
    known = _usual(line)
    if known is not None:
        return known
    if not line.startswith(BEGIN):
        raise ValueError("a record starts with its kind")
    text = line.decode("utf-8", "surrogateescape")
    try:
        said, end = _read(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if end != len(text) and text[end:].strip(_BLANKS):
        raise ValueError("something stands behind the record")
    kind = str(said["k"])
    form = _forms().get(kind)
    if form is None:
        return None
    values: dict[str, Any] = {}
    for key, value in said.items():
        field = form.fields.get(key)
        if field is None:
            continue
        is_plain = value.__class__ is str and field.is_text and value.isprintable()  # nearly always
        values[field.attribute] = value if is_plain else field.checked(value)
    if not values.keys() >= form.required:
        raise ValueError(f"{', '.join(sorted(form.required - values.keys()))} is missing")
    return form.record(**values)


_NUMBER: Final = rb"(0|[1-9][0-9]{0,8})"
_UPTIME: Final = rb"((?:0|[1-9][0-9]{0,9})\.[0-9]{1,6})"
_TEXT: Final = rb'"([ !#-\[\]-~]*)"'  # printable, nothing escaped
_EXIT: Final = rb'\{"k":"exit","up":%b,"code":%b,"step":""\}' % (_UPTIME, _NUMBER)
_START: Final = rb'\{"k":"start","up":%b,"pid":%b,"boot_id":%b,"host":%b,"v":%d,"attempt":%b\}' % (
    *(_UPTIME, _NUMBER, _TEXT, _TEXT),
    *(JOURNAL_VERSION, _NUMBER),
)


@cache
def _lines_of_here() -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what a job script's first and last line look like; made when first asked: helpers never do."""
    return re.compile(_START), re.compile(_EXIT)


def _usual(line: bytes) -> Entry | None:
    """Return the record that a job script of this host writes, if the line is one: nearly all are.

    Letter by letter as the script writes them; what differs in anything is read as JSON.
    """
    start, last = _lines_of_here()
    if found := last.fullmatch(line):
        uptime, code = found.groups()
        return Ended(code=int(code), uptime_s=float(uptime))
    if found := start.fullmatch(line):
        uptime, pid, boot_id, host, attempt = found.groups()
        return Started(
            attempt=int(attempt),
            pid=int(pid),
            boot_id=boot_id.decode(),
            host=host.decode(),
            uptime_s=float(uptime),
        )
    return None


@dataclass(frozen=True, slots=True)
class _Field:
    key: str
    attribute: str
    checked: Callable[[object], str | int | float | bool]
    is_text: bool
    default: object
    required: bool


@dataclass(frozen=True, slots=True)
class _Form:
    """How a kind of record is read: its fields by the names that they have in a journal."""

    record: type[Entry]
    fields: Mapping[str, _Field]
    required: frozenset[str]


@cache
def _forms() -> Mapping[str, _Form]:
    """Return how each kind of record is read; the names are those of the model."""
    return {kind: _form(record) for kind, record in _KINDS.items()}


def _form(record: type[Entry]) -> _Form:
    defaults = plain_defaults(record)
    known = [
        _Field(
            "up" if name == "uptime_s" else name,
            name,
            _CHECKS[written],
            written == "str",
            defaults.get(name),
            name not in defaults,
        )
        for name, written in field_types(record).items()
    ]
    required = frozenset(field.attribute for field in known if field.required)
    return _Form(record, {field.key: field for field in known}, required)


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
