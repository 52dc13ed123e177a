"""The journal of an attempt: records to lines and back, appending, reading on, revoking.

The format is described in ``docs/journal.md``.  What matters for this code: a record is one
line that starts with ``{"k":"KIND"``; it was written by one ``write``, but a full disk or a
power cut may have left only its beginning, and the next writer's record then stands right
behind that on the same line; and a test may have written anything at all into the file.
So reading never fails because of what it reads, holds at most one line's worth of foreign
bytes in memory, and counts what it could not use.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, Final

from megatest.model.attempt import (
    JOURNAL_VERSION,
    Edited,
    Ended,
    Entry,
    JournalPart,
    LogSaid,
    Revoked,
    Started,
    StatusSaid,
    StepSaid,
    ValueSaid,
)
from megatest.model.error import EnvironmentFault
from megatest.workarea.line import append_lines, record_line

LONGEST_LINE: Final = 1 << 20
"""Bytes; a longer line is foreign and skipped in bounded memory."""

_CHUNK: Final = 1 << 18
_TAIL: Final = 1 << 16
_MOST_GLUED: Final = 16
_WIDEST_INTEGER: Final = 1 << 63
_BEGIN: Final = b'{"k":"'

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


def journal_path(run_dir: str) -> str:
    """Return where the journal of a run directory is."""
    return f"{run_dir}/.megatest/journal"


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
    if not line.startswith(_BEGIN):
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
            values[field.attribute] = _checked(said[field.key], field.type)
        elif field.required:
            raise ValueError(f"{field.key} is missing")
    return _KINDS[kind](**values)


def append(run_dir: str, entry: Entry) -> bool:
    """Add a record to the journal of an attempt that has begun.

    Returns:
        False if there is no journal: the attempt has not begun, and only the job script or
        `revoke` may create one.

    Raises:
        EnvironmentFault: it exists but cannot be written.
    """
    path = journal_path(run_dir)
    try:
        append_lines(path, encode(entry))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise EnvironmentFault(f"cannot write {path}: {error.strerror}") from error
    return True


def revoke(run_dir: str, attempt: int) -> bool:
    """Make sure that an attempt that has not begun never will: create its journal first.

    The record is written to a file of its own, which is then linked to the journal's name:
    that either creates a journal with its first record in it or fails because there is one.

    Returns:
        True if the attempt can no longer begin (also when it was revoked before, or nothing of
        it is there); False if it has begun.

    Raises:
        EnvironmentFault: the directory cannot be written, so nothing is certain.
    """
    path = journal_path(run_dir)
    draft = f"{path}.{os.getpid()}"
    try:
        _write_new(draft, encode(Revoked(attempt=attempt)))
        try:
            created = _linked(draft, path)
        finally:
            os.unlink(draft)
    except (FileNotFoundError, NotADirectoryError):
        return not os.path.lexists(path)
    except OSError as error:
        raise EnvironmentFault(f"cannot revoke the attempt in {run_dir}: {error.strerror}") from error
    return created or _was_revoked(run_dir)


def _write_new(path: str, text: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.write(descriptor, text)
    finally:
        os.close(descriptor)


def _linked(draft: str, path: str) -> bool:
    try:
        os.link(draft, path)
    except FileExistsError:
        # An NFS server that did it but whose answer was lost says EEXIST to the second asking.
        return os.stat(draft).st_nlink == 2
    return True


def _was_revoked(run_dir: str) -> bool:
    part = read_journal(run_dir, 0)
    return bool(part.entries) and isinstance(part.entries[0], Revoked)


def read_journal(run_dir: str, offset: int = 0) -> JournalPart:
    """Return the records of a journal from a byte offset on.

    An empty journal is that of an attempt that has begun: its script created it and was cut
    off before the first record.  A journal that is shorter than `offset` was replaced and is
    read from its beginning.

    Cost: one pass over the new bytes, at most about a mebibyte of them in memory.

    Raises:
        EnvironmentFault: the file system does not let it be read.
    """
    path = journal_path(run_dir)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return JournalPart(offset=offset, exists=False)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return JournalPart(offset=offset, torn=1)
        raise EnvironmentFault(f"cannot read {path}: {error.strerror}") from error
    try:
        return _read(descriptor, offset)
    except OSError as error:
        raise EnvironmentFault(f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _read(descriptor: int, offset: int) -> JournalPart:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return JournalPart(offset=offset, torn=1)
    scan = _Scan(offset if 0 <= offset <= status.st_size else 0)
    while chunk := os.pread(descriptor, _CHUNK, scan.position):
        scan.feed(chunk)
    return scan.part()


class _Scan:
    """Cuts a stream into lines and the lines into records, in bounded memory."""

    __slots__ = ("_entries", "_line", "_overlong", "_since_newline", "_torn", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self._entries: list[Entry] = []
        self._torn = 0
        self._line = b""  # what has come of the unfinished line, or the end of it if overlong
        self._overlong = False
        self._since_newline = 0

    def feed(self, chunk: bytes) -> None:
        self.position += len(chunk)
        first, *rest = chunk.split(b"\n")
        if not rest:
            self._hold(first)
            return
        self._take(self._line + first)
        for line in rest[:-1]:
            self._take(line)
        self._since_newline = 0
        self._hold(rest[-1])

    def _hold(self, start: bytes) -> None:
        self._line += start
        self._since_newline += len(start)
        if len(self._line) > LONGEST_LINE:
            self._torn += not self._overlong
            self._overlong = True
            self._line = self._line[-_TAIL:]

    def _take(self, line: bytes) -> None:
        """Use one whole line: the record that it is, or what can be saved of it."""
        overlong, self._overlong, self._line = self._overlong, False, b""
        if not line and not overlong:
            return
        try:
            entry = None if overlong else decode(line)
        except ValueError:
            self._torn += 1
            overlong = True
        if overlong:
            entry = _behind_a_torn_one(line)
        if entry is not None:
            self._entries.append(entry)

    def part(self) -> JournalPart:
        return JournalPart(
            entries=tuple(self._entries),
            # An overlong line is never a record: reading on from its end keeps every call short.
            offset=self.position - len(self._line),
            torn=self._torn,
            unfinished=self._since_newline,
        )


def _behind_a_torn_one(line: bytes) -> Entry | None:
    """Return the record that ends the line, if one does.

    At most a few beginnings are tried: a record that was cut short has one of its own, and text
    made of nothing but beginnings must not cost the square of its length.
    """
    for start in _beginnings(line):
        try:
            return decode(line[start:])
        except ValueError:
            continue
    return None


def _beginnings(line: bytes) -> Iterator[int]:
    """Yield where records may begin inside the line, the last one first."""
    start = len(line)
    for _ in range(_MOST_GLUED):
        start = line.rfind(_BEGIN, 0, start)
        if start < 0:
            return
        yield start


@dataclass(frozen=True, slots=True)
class _Field:
    key: str
    attribute: str
    type: str
    default: object
    required: bool


@cache
def _fields(kind: str) -> tuple[_Field, ...]:
    """Return how the fields of a record are written; the names are those of the model."""
    return tuple(
        _Field(
            "up" if field.name == "uptime_s" else field.name,
            field.name,
            str(field.type),
            field.default,
            field.default is MISSING,
        )
        for field in fields(_KINDS[kind])
    )


def _checked(value: object, wanted: str) -> str | int | float | bool:
    """Return the value if it has the type that the model gives it."""
    if wanted == "str" and isinstance(value, str):
        return _storable(value)
    if wanted == "bool" and isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if wanted == "float" and abs(value) < _WIDEST_INTEGER and math.isfinite(value):
            return float(value)
        if wanted == "int" and isinstance(value, int) and abs(value) < _WIDEST_INTEGER:
            return value
    raise ValueError(f"{value!r} is no {wanted}")


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
