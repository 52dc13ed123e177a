"""The journal of an attempt: reading on, revoking.

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
import os
import stat
from collections.abc import Iterator
from typing import Final

from megatest.failpoint import reach
from megatest.model.attempt import Entry, JournalPart, Revoked
from megatest.model.rundir import JOURNAL
from megatest.workarea.codec import BEGIN, decode, encode

LONGEST_LINE: Final = 1 << 20
"""Bytes; a longer line is foreign and skipped in bounded memory."""

_CHUNK: Final = 1 << 18
_SPARE: Final = 1 << 9
_TAIL: Final = 1 << 16
_MOST_GLUED: Final = 16


def journal_path(run_dir: str) -> str:
    """Return where the journal of a run directory is."""
    return f"{run_dir}/{JOURNAL}"


def revoke(run_dir: str, attempt: int) -> bool:
    """Make sure that an attempt that has not begun never will: create its journal first.

    The record is written to a file of its own, which is then linked to the journal's name:
    that either creates a journal with its first record in it or fails because there is one.

    Returns:
        True if the attempt can no longer begin (also when it was revoked before, or nothing of
        it is there); False if it has begun, or if the directory cannot be written so that nothing
        is certain.
    """
    path = journal_path(run_dir)
    draft = f"{path}.{os.getpid()}"
    try:
        _write_new(draft, encode(Revoked(attempt=attempt)))
        reach("journal draft written")
        try:
            created = _linked(draft, path)
            reach("journal revoked")
        finally:
            os.unlink(draft)
    except (FileNotFoundError, NotADirectoryError):
        return not os.path.lexists(path)
    except OSError:
        return False
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

    One that the file system does not let be read is trouble for its test, and for no other: the part
    says so, and the next call may find it well again.

    Cost: one pass over the new bytes, at most about a mebibyte of them in memory.
    """
    path = journal_path(run_dir)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return JournalPart(offset=offset, exists=False)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return JournalPart(offset=offset, torn=1)
        return _unread(path, offset, error)
    try:
        return _read(descriptor, offset)
    except OSError as error:
        return _unread(path, offset, error)
    finally:
        os.close(descriptor)


def _unread(path: str, offset: int, error: OSError) -> JournalPart:
    return JournalPart(offset=offset, trouble=f"cannot read {path}: {error.strerror}")


def _read(descriptor: int, offset: int) -> JournalPart:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return JournalPart(offset=offset, torn=1)
    scan = _Scan(offset if 0 <= offset <= status.st_size else 0)
    # A buffer of the size of a chunk would be mapped and unmapped again for every short journal.
    most = min(_CHUNK, max(status.st_size - scan.position, 0) + _SPARE)
    while chunk := os.pread(descriptor, most, scan.position):
        scan.feed(chunk)
        if len(chunk) < most:
            break  # what is written from now on is read the next time
    return scan.part()


class _Scan:
    """Cuts a stream into lines and the lines into records, in bounded memory."""

    __slots__ = ("_entries", "_line", "_overlong", "_torn", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self._entries: list[Entry] = []
        self._torn = 0
        self._line = b""  # what has come of the unfinished line, or the end of it if overlong
        self._overlong = False

    def feed(self, chunk: bytes) -> None:
        self.position += len(chunk)
        first, *rest = chunk.split(b"\n")
        if not rest:
            self._hold(first)
            return
        self._take(self._line + first)
        for line in rest[:-1]:
            self._take(line)
        self._hold(rest[-1])

    def _hold(self, start: bytes) -> None:
        self._line += start
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
        start = line.rfind(BEGIN, 0, start)
        if start < 0:
            return
        yield start
