"""What kind of line a line is."""

from __future__ import annotations

import pytest

from megatest.config.line import Kind, classify


@pytest.mark.parametrize(
    ("text", "kind", "first", "second"),
    [
        ("", Kind.BLANK, "", ""),
        (" \t\f\v", Kind.BLANK, "", ""),
        ("# c", Kind.COMMENT, "", ""),
        ("  #c", Kind.COMMENT, "", ""),
        ("[configf:settings trim-trailing-spaces yes]", Kind.SETTING, "trim-trailing-spaces", "yes"),
        ("[configf:settings one]", Kind.SECTION, "configf:settings one", ""),
        ("[include a b.config ]  ", Kind.INCLUDE, "a b.config ", ""),
        ("[include a] # c", Kind.ASSIGNMENT, "[include", "a] # c"),
        ("[scriptinc ./gen.sh one two]", Kind.SCRIPT, "./gen.sh", " one two"),
        ("[scriptinc ./gen.sh x]y]", Kind.SECTION, "scriptinc ./gen.sh x]y", ""),
        ("[a [b] ]", Kind.SECTION, "a [b] ", ""),
        ("[]", Kind.SECTION, "", ""),
        ("[sec", Kind.BARE, "[sec", ""),
        (" [a]", Kind.CONTINUATION, " ", "[a]"),
        ("x [system echo a] ", Kind.SYSTEM, "x", "echo a"),
        ("x [system ]", Kind.ASSIGNMENT, "x", "[system ]"),
        ("x [system a] b", Kind.ASSIGNMENT, "x", "[system a] b"),
        ("x a [system b]", Kind.ASSIGNMENT, "x", "a [system b]"),
        ("x", Kind.BARE, "x", ""),
        ("x  \t", Kind.BARE, "x", "  \t"),
        ("x=y", Kind.BARE, "x=y", ""),
        ("x   v  # c ", Kind.ASSIGNMENT, "x", "v  # c "),
        ("x one\ntwo", Kind.ASSIGNMENT, "x", "one\ntwo"),
        ("nb\u00a0sp v\u2003w", Kind.ASSIGNMENT, "nb\u00a0sp", "v\u2003w"),
        ("  more text ", Kind.CONTINUATION, "  ", "more text "),
    ],
)
def test_a_line_has_the_first_shape_that_fits(text: str, kind: Kind, first: str, second: str) -> None:
    assert classify(text)[:3] == (kind, first, second)


def test_the_offset_says_where_the_second_part_begins() -> None:
    for text in ("key   value", "key [system  echo a]", "   more", "[configf:settings a b]"):
        _, _, second, offset = classify(text)
        assert text[offset:].startswith(second)
