"""Bytes to lines in bounded memory."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatest.logpro.line import Block, Head, Lines, Rest, read_blocks


class Pieces:
    """A stream that gives its bytes in pieces of given sizes, then one by one."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = data
        self._sizes = list(sizes)

    def read(self, size: int, /) -> bytes:
        count = min(size, self._sizes.pop(0) if self._sizes else 1)
        piece, self._data = self._data[:count], self._data[count:]
        return piece


def lines(blocks: list[Block]) -> list[tuple[bytes, bytes]]:
    """Return for each line what is matched of it, and its rest."""
    result: list[tuple[bytes, bytes]] = []
    for block in blocks:
        if isinstance(block, Lines):
            assert block.data.endswith(b"\n")
            result += [(line, b"") for line in block.data[:-1].split(b"\n")]
        elif isinstance(block, Head):
            result.append((block.data, b""))
        else:
            result[-1] = (result[-1][0], result[-1][1] + block.data)
    return result


def read(data: bytes, **options: int) -> list[tuple[bytes, bytes]]:
    return lines(list(read_blocks(io.BytesIO(data), **options)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"\n\n", [b"", b""]),
        (b"a\r\nb\rc\n", [b"a", b"b", b"c"]),
        (b"a\r\r\nb\r", [b"a", b"", b"b"]),
        (b"a\x0bb\x0cc\xc2\x85d\xe2\x80\xa8e", [b"a\x0bb\x0cc\xc2\x85d\xe2\x80\xa8e"]),
        (b"a\0b\x1a\n\x04", [b"a\0b\x1a", b"\x04"]),
    ],
)
def test_lf_crlf_and_cr_end_a_line_and_nothing_else_does(data: bytes, expected: list[bytes]) -> None:
    assert read(data) == [(line, b"") for line in expected]


def test_of_an_overlong_line_the_head_is_matched_and_the_rest_passed_on() -> None:
    assert read(b"ab\n12345678\ncd\n", limit=4) == [(b"ab", b""), (b"1234", b"5678"), (b"cd", b"")]
    assert read(b"1234\n12345", limit=4) == [(b"1234", b""), (b"1234", b"5")]


def test_an_endless_line_is_never_held_in_memory() -> None:
    class Endless:
        def __init__(self) -> None:
            self.left = 500

        def read(self, size: int, /) -> bytes:
            self.left -= 1
            return b"x" * size if self.left else b""

    blocks = read_blocks(Endless(), size=1000, limit=2000)
    sizes = [len(block.data) for block in blocks]
    assert max(sizes) <= 3000
    assert sum(sizes) == 499 * 1000


def test_the_end_of_an_overlong_line_is_marked() -> None:
    blocks = list(read_blocks(io.BytesIO(b"123456\nx"), size=2, limit=3))
    assert [block.is_last for block in blocks if isinstance(block, Rest)][-1]


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"bcdefgh", b"\xff"]), max_size=30),
    st.lists(st.integers(1, 7), max_size=30),
)
def test_lines_do_not_depend_on_how_the_bytes_arrive(parts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(parts)
    assert lines(list(read_blocks(Pieces(data, sizes), size=5, limit=6))) == read(data, limit=6)
