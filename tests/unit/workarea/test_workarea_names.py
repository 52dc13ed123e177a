from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatest.model.ids import Target, TestId
from megatest.workarea.disk import kib_from_text
from megatest.workarea.layout import place_of
from megatest.workarea.marker import Owner, mark_line, owner_from_head, owner_line
from megatest.workarea.quote import is_exportable, sh_quote

names = st.text(st.characters(exclude_categories=["Cs"]))
owners = st.builds(
    Owner, area=names, target=names, runname=names, test=names, item=names, attempt=st.integers()
)


def head(owner: Owner) -> bytes:
    return f"#!/bin/sh\n{mark_line(owner)}\n{owner_line(owner)}\nrest".encode()


def test_a_place_is_the_same_on_every_disk_and_in_the_link_tree() -> None:
    place = place_of(Target(("ubuntu", "nfs")), "w1", TestId("t", "a/b"))

    assert place.path == "ubuntu/nfs/w1/t/a/b"
    assert place.test_path == "ubuntu/nfs/w1/t"
    assert place.aside(3) == "ubuntu/nfs/w1/.attempts/t/a/b.3"
    assert place.disk_of("/d/ubuntu/nfs/w1/t/a/b") == "/d"
    assert place.disk_of("/d/ubuntu/nfs/w2/t/a/b") is None


@given(owners)
def test_the_owner_can_be_read_from_the_head_of_the_script(owner: Owner) -> None:
    assert owner_from_head(head(owner)) == owner


@given(st.binary())
def test_no_bytes_are_taken_for_an_owner(junk: bytes) -> None:
    assert owner_from_head(junk) is None
    assert owner_from_head(b"#!/bin/sh\n\n# megatest owner " + junk + b"\n") is None


@pytest.mark.parametrize(
    "said",
    ["{}", "[]", '"area"', '{"area":1}', "[" * 100_000],
    ids=lambda said: said[:10],
)
def test_an_owner_line_that_says_something_else_is_nobodys(said: str) -> None:
    mark = mark_line(Owner(area="", target="", runname="", test=""))

    assert owner_from_head(f"#!/bin/sh\n{mark}\n# megatest owner {said}\n".encode()) is None


def test_the_two_lines_of_a_script_must_agree() -> None:
    owner = Owner(area="/a", target="t", runname="r", test="x", attempt=1)

    assert owner_from_head(head(owner).replace(b"attempt 1", b"attempt 2")) is None


def test_only_items_of_the_same_test_lie_inside_its_directory() -> None:
    test = Owner(area="/a", target="t", runname="r", test="x")
    item = Owner(area="/a", target="t", runname="r", test="x", item="i")
    inner = Owner(area="/a", target="t", runname="r", test="x", item="i/j")
    beside = Owner(area="/a", target="t", runname="r", test="x", item="ij")
    other = Owner(area="/b", target="t", runname="r", test="x", item="i/j")

    assert test.holds_item_of(item)
    assert item.holds_item_of(inner)
    assert not item.holds_item_of(beside)
    assert not item.holds_item_of(other)


@pytest.mark.parametrize(
    ("text", "kib"),
    [
        ("10", 10),
        ("10M", 10240),
        ("1.5 g", 1572864),
        ("2T\n", 2 << 30),
        (" 7 KiB free", 7),
        ("", -1),
        ("none", -1),
    ],
)
def test_free_space_is_in_kib_unless_a_unit_is_given(text: str, kib: int) -> None:
    assert kib_from_text(text) == kib


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", "'it'\\''s'"),
        ("a/b:c,d%e=f@g+h", "a/b:c,d%e=f@g+h"),
        ("$x", "'$x'"),
        ("é", "'é'"),
    ],
)
def test_a_word_is_quoted_only_if_it_needs_to_be(text: str, word: str) -> None:
    assert sh_quote(text) == word


@pytest.mark.parametrize("name", ["a-b", "1a", "", "a b", "UID", "a:b", "é", "BASH_FUNC_x%%"])
def test_names_that_shells_cannot_export_are_known(name: str) -> None:
    assert not is_exportable(name)
