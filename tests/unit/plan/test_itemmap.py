from __future__ import annotations

import pytest

from megatest.model.error import ConfigError, Location, UserError
from megatest.model.spec import ItemMap
from megatest.plan.itemmap import ItemMaps, compile_itemmaps


def maps(*lines: tuple[str, str], upstream: str = "%") -> ItemMaps:
    return compile_itemmaps([ItemMap(upstream=upstream, lines=lines)])


def test_lines_apply_in_order_to_the_running_result() -> None:
    two = maps((r"(a\d+)(b\d+)", r"\2foo\1"), (r"b(.*)", r"\1p"))
    assert two.for_upstream("u")("a123b321") == "321fooa123p"


def test_only_the_first_match_of_a_line_is_replaced() -> None:
    assert maps(("o", "0")).for_upstream("u")("oo/oo") == "0o/oo"


def test_escapes_of_a_replacement() -> None:
    assert maps(("b+", r"[\0]&\\")).for_upstream("u")("abbc") == "a[bb]&\\c"
    assert maps(("(a)|(b)", r"<\1\2>")).for_upstream("u")("b") == "<b>"


def test_the_first_map_that_names_the_upstream_test_counts() -> None:
    two = compile_itemmaps(
        [ItemMap(upstream="u%,~v", lines=(("a", "1"),)), ItemMap(upstream="v", lines=(("a", "2"),))]
    )
    assert two.for_upstream("u7")("a") == "1"
    assert two.for_upstream("v")("a") == "2"
    assert ItemMaps().for_upstream("v")("a") == "a"


def test_an_empty_match_is_an_error_except_on_the_empty_path() -> None:
    upstream = maps(("x*", "y")).for_upstream("u")
    assert upstream("") == ""
    assert upstream("xa") == "ya"
    with pytest.raises(UserError):
        upstream("abc")


def test_all_faulty_lines_are_reported_with_their_place() -> None:
    place = Location(file="tests/t/testconfig", line=7)
    faulty = [
        ItemMap(upstream="a", lines=(("a(", "b"), ("a", r"\1")), location=place),
        ItemMap(upstream="re:(", lines=(), location=place),
    ]
    with pytest.raises(ConfigError) as caught:
        compile_itemmaps(faulty)
    findings = caught.value.diagnostics()
    assert len(findings) == 3
    assert {finding.location for finding in findings} == {place}
    assert "names a group" in findings[1].message
