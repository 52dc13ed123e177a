"""Text and positions: bytes to logical lines, each of which knows where it stands."""

from __future__ import annotations

import os
import re
import stat
from itertools import accumulate
from sys import intern
from typing import Final, NamedTuple

from megatest.config.line import Kind, classify
from megatest.model.error import Location

MOST_ALIKE: Final = 256
"""Different texts that are kept for the files to come that say the same."""

_MOST_AT_ONCE: Final = 1 << 20
_BOM: Final = "\ufeff"
_ASSIGNMENT: Final = Kind.ASSIGNMENT
# Every line; key and value only of those that are assignments beyond doubt.  `classify` does the others.
_LINES: Final = re.compile(r"^((?:([^\s\[#]\S*+)[ \t\f\v]++(?!\[system)(\S.*))|.*)$", re.MULTILINE | re.ASCII)


class Line(NamedTuple):
    """One logical line: physical lines glued by backslashes (a tuple: files have thousands).

    Attributes:
        number: 1-based number of its first physical line.
        text: all of it, glued, before any expansion.
        kind, first, second, offset: see `megatest.config.line`, for the text as it stands.
        dynamic: it has ``#{``, so what it is shows only when it is expanded.
        breaks: offsets in `text` at which its second, third ... physical line begins.
    """

    number: int
    text: str
    kind: Kind
    first: str
    second: str
    offset: int
    dynamic: bool
    breaks: tuple[int, ...] = ()

    def place(self, file: str, offset: int) -> Location:
        """Return the place of a character of `text`."""
        if not self.breaks:
            return Location(file=file, line=self.number, column=max(0, offset) + 1)
        index = self._piece(offset)
        start = self.breaks[index - 1] if index else 0
        return Location(file=file, line=self.number + index, column=max(0, offset - start) + 1)

    def physical(self, offset: int) -> str:
        """Return the physical line that has the character at `offset`, for an excerpt."""
        if not self.breaks:
            return self.text
        index = self._piece(offset)
        start = self.breaks[index - 1] if index else 0
        end = self.breaks[index] if index < len(self.breaks) else None
        return self.text[start:end]

    def _piece(self, offset: int) -> int:
        """Return the index of the physical line that has the character at `offset`."""
        from bisect import bisect_right  # few lines are continued

        return bisect_right(self.breaks, offset)


class Source(NamedTuple):
    """The logical lines of one file or of one script's output.

    Attributes:
        name: path of the file, for messages; for a script its command.
        directory: what relative includes in it refer to.
        lines: in order.
        torn: the last line ended in a backslash that had nothing to be glued to.
        identity: of the file on disk, the same under any of its names.
        content: the bytes it was parsed from.
    """

    name: str
    directory: str
    lines: tuple[Line, ...]
    torn: bool = False
    identity: object = None
    content: bytes = b""


def parse(data: bytes, name: str, directory: str) -> Source:
    """Split text into classified logical lines.  Any bytes will do; those that are not UTF-8 survive.

    Cost: about 2 microseconds a line.
    """
    text = data.decode("utf-8", "surrogateescape").removeprefix(_BOM)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\\\n" in text or text.endswith("\\"):
        return _parse_glued(text, name, directory)._replace(content=data)
    return Source(name, directory, _parse_plain(text), content=data)


def _parse_plain(text: str) -> tuple[Line, ...]:
    """Split text in which logical and physical lines are the same.

    Most lines of most files are assignments: one regular expression takes these apart for the whole text
    at once, and tuples are made without the detour over `Line.__new__`.  Half the time of the plain way.
    Keys are few words that return in every file: they are kept once.
    """
    make = tuple.__new__
    lines: list[Line] = []
    for number, (whole, key, value) in enumerate(_LINES.findall(text), 1):
        dynamic = "#{" in whole
        if key:
            parts = (number, whole, _ASSIGNMENT, intern(key), value, len(whole) - len(value), dynamic, ())
        else:
            parts = (number, whole, *classify(whole), dynamic, ())
        lines.append(make(Line, parts))
    return tuple(lines)


def _parse_glued(text: str, name: str, directory: str) -> Source:
    """Split text in which some physical line ends in a backslash."""
    lines: list[Line] = []
    pieces: list[str] = []
    for number, physical in enumerate(text.split("\n"), 1):
        if physical.endswith("\\"):
            pieces.append(physical[:-1])
            continue
        pieces.append(physical)
        lines.append(_glue(number - len(pieces) + 1, pieces))
        pieces = []
    if pieces:
        lines.append(_glue(text.count("\n") + 2 - len(pieces), pieces))
    torn = bool(pieces) or (text.endswith("\\\n"))
    return Source(name, directory, tuple(lines), torn)


def _glue(number: int, pieces: list[str]) -> Line:
    text = "".join(pieces)
    breaks = tuple(accumulate(len(piece) for piece in pieces[:-1]))
    return Line(number, text, *classify(text), "#{" in text, breaks)


class Unreadable(Exception):  # noqa: N818 - the reader turns it into a finding
    """A file cannot be read as configuration; the text says why."""


class ParseCache:
    """Parsed files by path, as long as the file on disk is the same one.

    Held by the caller, who decides how long it lives; nothing in it depends on the environment.
    Of the last files that were read, those that say the same share their lines.  Cost of a hit: one ``stat``.
    """

    def __init__(self) -> None:
        self._parsed: dict[str, tuple[tuple[int, int, int, int], Source]] = {}
        self._alike: dict[bytes, Source] = {}

    def read(self, path: str) -> Source:
        """Return the parsed file.

        Raises:
            FileNotFoundError: there is no such file.
            Unreadable: it is there and is no file, or may not be read.
        """
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(path) from error
        except (OSError, ValueError) as error:
            raise Unreadable(_reason(error)) from error
        identity = (status.st_dev, status.st_ino)
        mark = (status.st_mtime_ns, status.st_size, *identity)
        known = self._parsed.get(path)
        if known is not None and known[0] == mark:
            return known[1]
        content = _content(path, status)
        like = self._alike.get(content)
        if like is None:
            if len(self._alike) >= MOST_ALIKE:
                self._alike.clear()
            like = self._alike[content] = parse(content, path, "")
        source = Source(path, os.path.dirname(path), like.lines, like.torn, identity, like.content)
        self._parsed[path] = (mark, source)
        return source

    def forget(self, path: str) -> None:
        """Let a file go that is not going to be read again; read again it is parsed again."""
        self._parsed.pop(path, None)

    def forget_copies(self) -> None:
        """Let go what was kept for files that say the same, when many have been read and few will come."""
        self._alike.clear()


def _content(path: str, status: os.stat_result) -> bytes:
    mode, size = status.st_mode, status.st_size
    # A pipe or a device could keep a reader waiting for ever.
    if not stat.S_ISREG(mode) and path != os.devnull:
        raise Unreadable("it is a directory" if stat.S_ISDIR(mode) else "it is not a regular file")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # A file object would ask the kernel four things more, for each of thousands of small files.
            content = os.read(descriptor, size + 1)
            while len(content) != size and (more := os.read(descriptor, _MOST_AT_ONCE)):
                content += more
            return content
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unreadable(_reason(error)) from error


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
