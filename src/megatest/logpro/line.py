"""A stream of bytes as blocks of lines, in bounded memory.

LF, CR LF and a lone CR end a line, as in the original; other controls do not.  Blocks come out with LF.
"""

from __future__ import annotations

from collections.abc import Iterator
from megatest.typed import Final, Protocol, TypeAlias

from megatest.model.slotted import dataclass

BLOCK_BYTES: Final = 1 << 18
LINE_LIMIT: Final = 1 << 20
"""So much of a line is matched; what is longer is passed on unread, so a line may be longer than memory."""


class ByteStream(Protocol):
    """What is read: a file opened in binary mode, a pipe, an io.BytesIO."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines, each with its LF; at least one."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The first `LINE_LIMIT` bytes of a line that is longer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Rest:
    """More of that line; `is_last` where it ends."""

    data: bytes
    is_last: bool


Block: TypeAlias = Lines | Head | Rest


def read_blocks(stream: ByteStream, *, size: int = BLOCK_BYTES, limit: int = LINE_LIMIT) -> Iterator[Block]:
    """Yield the lines of a stream.

    Which lines come out, and where an overlong one is cut, does not depend on how the bytes arrive.

    Args:
        stream: read to its end; a last line without an end is given one.
        size: how much to ask for at once; at most `limit` is used.
        limit: see `LINE_LIMIT`.
    """
    assembler = _Assembler(limit)
    for data in _with_lf(stream, min(size, limit)):
        yield from assembler.add(data)
    yield from assembler.finish()


def _with_lf(stream: ByteStream, size: int) -> Iterator[bytes]:
    """Yield the bytes with every line ended by LF; a CR at the end of one read waits for the next."""
    read = getattr(stream, "read1", stream.read)  # takes what a pipe has, without waiting for more
    waiting = b""
    while data := read(size):
        data = waiting + data
        waiting = b""
        if b"\r" in data:
            if data.endswith(b"\r"):
                data, waiting = data[:-1], b"\r"
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if data:
            yield data
    if waiting:
        yield b"\n"


class _Assembler:
    """Puts lines together; holds at most the limit and one read."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0
        self._in_long_line = False

    def add(self, data: bytes) -> Iterator[Block]:
        if self._in_long_line:
            end = data.find(b"\n")
            yield Rest(data if end < 0 else data[:end], is_last=end >= 0)
            if end < 0:
                return
            self._in_long_line = False
            data = data[end + 1 :]
        cut = data.rfind(b"\n") + 1
        if cut:
            yield from self._whole(b"".join([*self._parts, data[:cut]]))
            self._parts, self._held = [], 0
        if cut < len(data):
            self._parts.append(data[cut:])
            self._held += len(data) - cut
        if self._held > self._limit:
            yield from self._overlong(b"".join(self._parts))
            self._parts, self._held = [], 0
            self._in_long_line = True

    def finish(self) -> Iterator[Block]:
        if self._in_long_line:
            yield Rest(b"", is_last=True)
        elif self._held:
            yield from self._whole(b"".join([*self._parts, b"\n"]))

    def _whole(self, data: bytes) -> Iterator[Block]:
        """Yield lines of which the first may be too long; the others came in one read and are not."""
        end = data.find(b"\n")
        if end > self._limit:
            yield from self._overlong(data[:end])
            yield Rest(b"", is_last=True)
            data = data[end + 1 :]
        if data:
            yield Lines(data)

    def _overlong(self, data: bytes) -> Iterator[Block]:
        yield Head(data[: self._limit])
        yield Rest(data[self._limit :], is_last=False)


def valid_text(raw: bytes) -> bytes:
    """Return the bytes as valid UTF-8, themselves if they are: what is none becomes U+FFFD."""
    if raw.isascii():
        return raw
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace").encode()
    return raw


class Cursor:
    """How far a block of lines has been passed on, in its bytes and in its text, which is often the same.

    Where it is not, offsets in the text are none in the bytes, but the lines are the same lines.
    """

    def __init__(self, raw: bytes, text: bytes) -> None:
        self._text = text
        self._raws = None if raw is text else raw.split(b"\n")
        self.done = 0
        self._done_lines = 0

    def lines_before(self, begin: int, index: int) -> tuple[bytes, bytes]:
        """Return bytes and text of the lines not yet passed on, up to a place in the text and its line."""
        text = self._text[self.done : begin]
        if self._raws is None:
            return text, text
        raw = b"".join(line + b"\n" for line in self._raws[self._done_lines : index])
        self.done, self._done_lines = begin, index
        return raw, text

    def line(self, line: bytes, end: int, index: int) -> bytes:
        """Return the bytes of a line, and go past it."""
        self.done, self._done_lines = end + 1, index + 1
        return line if self._raws is None else self._raws[index]


def line_spans(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each line of a block."""
    start = 0
    while (end := text.find(b"\n", start)) >= 0:
        yield start, end
        start = end + 1
