"""Logical lines, their places, and the cache of parsed files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from megatest.config.line import Kind
from megatest.config.source import Line, ParseCache, Source, Unreadable, parse
from megatest.model.error import Location


def _parse(text: str) -> Source:
    return parse(text.encode("utf-8", "surrogateescape"), "f", "/")


def _texts(text: str) -> list[str]:
    return [line.text for line in _parse(text).lines]


def test_lf_crlf_and_a_lone_cr_end_a_line_and_nothing_else_does() -> None:
    assert _texts("a\nb\r\nc\rd\x0be\x0cf\x85g\u2028h") == ["a", "b", "c", "d\x0be\x0cf\x85g\u2028h"]


def test_a_byte_order_mark_is_ignored() -> None:
    assert _texts("\ufeff[a]") == ["[a]"]


def test_bytes_that_are_no_utf8_survive() -> None:
    (line,) = parse(b"k \xff\xfe", "f", "/").lines
    assert os.fsencode(line.second) == b"\xff\xfe"


def test_a_backslash_glues_the_next_line_even_in_comments() -> None:
    assert _texts("x one \\\n  two\n# c \\\ny 1\n") == ["x one   two", "# c y 1", ""]


def test_places_in_glued_lines_are_those_of_the_physical_line() -> None:
    line = _parse("z 1\nx one\\\ntwo \\\nthree\n").lines[1]
    assert line.text == "x onetwo three"
    offset = line.text.index("three")
    assert line.place("f", offset) == Location(file="f", line=4, column=1)
    assert line.place("f", line.text.index("wo")) == Location(file="f", line=3, column=2)
    assert line.place("f", 2) == Location(file="f", line=2, column=3)
    assert line.physical(offset) == "three"
    assert line.physical(0) == "x one"


@pytest.mark.parametrize("text", ["x 1\\", "x 1\\\n", "y\nx a\\\nb\\"])
def test_a_backslash_on_the_last_line_is_dropped_and_noted(text: str) -> None:
    source = _parse(text)
    assert source.torn
    assert not source.lines[-1].text.endswith("\\")


def test_the_quick_way_and_the_plain_way_see_the_same_lines() -> None:
    text = "\n".join(
        [
            "[a]",
            "k v",
            "k  [system x]",
            "[inc x",
            "b",
            " c d",
            "#e",
            "",
            "x\ty z ",
            "#{getenv X} 1",
            "k #{",
            "é ü",
        ]
    )
    quick = _parse(text)
    glued = _parse(text + "\n\\\n")
    assert quick.lines == glued.lines[: len(quick.lines)]
    assert [line.dynamic for line in quick.lines].count(True) == 2


def test_lines_are_numbered_from_one() -> None:
    assert [line.number for line in _parse("a\n\nb").lines] == [1, 2, 3]
    assert isinstance(_parse("a").lines[0], Line)
    assert _parse("a").lines[0].kind is Kind.BARE


def test_a_file_is_parsed_again_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x 1\n")
    cache = ParseCache()
    first = cache.read(str(path))
    assert cache.read(str(path)) is first
    path.write_text("x 22\n")
    assert cache.read(str(path)).lines[0].second == "22"


def test_a_file_that_was_replaced_by_one_of_the_same_size_and_time_is_parsed_again(tmp_path: Path) -> None:
    path, other = tmp_path / "f", tmp_path / "g"
    path.write_text("x 1\n")
    other.write_text("x 2\n")
    for name in (path, other):
        os.utime(name, ns=(10**18, 10**18))
    cache = ParseCache()
    cache.read(str(path))
    os.replace(other, path)
    assert cache.read(str(path)).lines[0].second == "2"


def test_files_that_say_the_same_share_their_lines_and_have_their_own_names(tmp_path: Path) -> None:
    cache = ParseCache()
    for name in ("f", "g"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(b"a 1\nb 2\\\n")
    first, second = (cache.read(str(tmp_path / name / "x")) for name in ("f", "g"))
    assert second.lines is first.lines
    assert first.torn
    assert second.torn
    assert [(s.name, s.directory) for s in (first, second)] == [
        (str(tmp_path / name / "x"), str(tmp_path / name)) for name in ("f", "g")
    ]
    assert first.identity != second.identity
    cache.forget_copies()
    (tmp_path / "h").write_bytes(b"a 1\nb 2\\\n")
    third = cache.read(str(tmp_path / "h"))
    assert third.lines == first.lines
    assert third.lines is not first.lines


def test_a_file_that_was_forgotten_is_read_again(tmp_path: Path) -> None:
    cache, path = ParseCache(), tmp_path / "f"
    path.write_text("x 1\n")
    before = cache.read(str(path))
    assert cache.read(str(path)) is before
    cache.forget(str(path))
    cache.forget(str(path))
    assert cache.read(str(path)) is not before
    assert cache.read(str(path)) == before


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    cache = ParseCache()
    with pytest.raises(Unreadable, match="not a regular file"):
        cache.read(str(tmp_path / "pipe"))
    with pytest.raises(Unreadable, match="directory"):
        cache.read(str(tmp_path))
    with pytest.raises(Unreadable):
        cache.read("nul\0")
    with pytest.raises(FileNotFoundError):
        cache.read(str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError):
        cache.read(str(tmp_path / "pipe" / "under"))
    assert cache.read(os.devnull).lines[0].kind is Kind.BLANK
