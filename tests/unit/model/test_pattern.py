from __future__ import annotations

import time

import pytest

from megatest.model.error import UserError
from megatest.model.pattern import Element, parse_pattern, parse_words, pattern_from_elements


def test_a_test_alone_means_all_its_items_and_its_parent() -> None:
    pattern = parse_pattern("build")
    assert pattern.matches("build", "")
    assert pattern.matches("build", "linux/gcc")
    assert not pattern.matches("build2", "")


def test_a_test_with_a_slash_means_only_the_empty_item_path() -> None:
    pattern = parse_pattern("build/")
    assert pattern.matches("build", "")
    assert not pattern.matches("build", "linux")


def test_an_element_is_split_at_its_first_slash() -> None:
    pattern = parse_pattern("build/linux/gcc")
    assert pattern.matches("build", "linux/gcc")
    assert pattern.elements == (Element("build", "linux/gcc"),)


@pytest.mark.parametrize("text", ["", ",", " , ,", ",,"])
def test_a_pattern_without_elements_matches_nothing(text: str) -> None:
    pattern = parse_pattern(text)
    assert not pattern.matches("", "")
    assert not pattern.matches_name("a")


@pytest.mark.parametrize("text", ["a,b", "a , b", "a ,b", "a,\tb,"])
def test_blanks_round_commas_do_not_count(text: str) -> None:
    pattern = parse_pattern(text)
    assert pattern.matches_name("a")
    assert pattern.matches_name("b")
    assert str(pattern) == "a,b"


def test_a_blank_at_an_end_of_the_text_belongs_to_the_name() -> None:
    assert not parse_pattern(" a").matches_name("a")


@pytest.mark.parametrize(
    ("word", "name", "matches"),
    [
        ("a%", "a/b", True),
        ("a*", "a/b", True),
        ("a?c", "a/c", True),
        ("a?c", "ac", False),
        ("%", "", True),
        ("a_c", "abc", False),
        ("a.c", "abc", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[^a-c]x", "dx", True),
        ("[]]", "]", True),
        ("[!]]", "]", False),
        ("[*]", "*", True),
        ("[*]", "a", False),
        ("[ab", "[ab", True),
        ("[]", "[]", True),
        ("[[:digit:]_]", "7", True),
        ("[[:digit:]_]", "x", False),
        ("[a\\]", "\\", True),
        ("[a-]", "-", True),
        ("[[]", "[", True),
        ("A", "a", False),
        ("line%end", "line\nend", True),
        ("%a%b%", "xaxbx", True),
        ("a%a", "a", False),
    ],
)
def test_wildcards_are_those_of_a_shell_and_percent(word: str, name: str, matches: bool) -> None:
    assert parse_words(word).matches(name) is matches


def test_a_part_that_starts_with_re_is_a_regular_expression_for_the_whole_part() -> None:
    pattern = parse_pattern("re:t\\d+/re:a|bc")
    assert pattern.matches("t12", "bc")
    assert not pattern.matches("t12", "abc")
    assert not pattern.matches("xt12", "a")


def test_a_leading_tilde_negates_its_part_only() -> None:
    pattern = parse_pattern("~a%/~x")
    assert pattern.matches("b", "y")
    assert not pattern.matches("ab", "y")
    assert not pattern.matches("b", "x")
    assert not parse_words("~re:a+").matches("aa")
    assert parse_words("~re:a+").matches("b")


@pytest.mark.parametrize("word", ["re:(", "ok,~re:[", "a/re:*", "[z-a]", "x%[b-a]"])
def test_a_part_that_cannot_be_read_is_named(word: str) -> None:
    bad = word.rpartition(",")[2].rpartition("/")[2]
    with pytest.raises(UserError) as caught:
        parse_pattern(word)
    assert repr(bad) in caught.value.message


def test_matching_by_name_asks_whether_any_item_could_match() -> None:
    pattern = parse_pattern("a/x,b%/y,~c")
    assert pattern.matches_name("a")
    assert pattern.matches_name("bb")
    assert not parse_pattern("a/x,b%/y").matches_name("d")


def test_item_patterns_are_those_of_elements_that_name_the_test_itself() -> None:
    pattern = parse_pattern("a/x,a/y%,a%/z,b/q,a")
    assert pattern.item_patterns_for("a") == ("x", "y%")
    assert pattern.item_patterns_for("ab") == ()


def test_elements_make_the_same_pattern_as_their_text() -> None:
    elements = (Element("a", None), Element("b%", "x"), Element("c", ""))
    assert pattern_from_elements(elements) == parse_pattern("a,b%/x,c/")


def test_ten_thousand_names_cost_no_more_than_one() -> None:
    names = [f"t{number}" for number in range(10_000)]
    pattern = parse_pattern(",".join([*names, "zz%", "q/%"]))
    began = time.process_time()
    assert all(pattern.matches(name, "x") for name in names)
    assert not any(pattern.matches(f"u{number}", "x") for number in range(10_000))
    assert time.process_time() - began < 2


def test_many_wildcards_on_a_long_name_do_not_explode() -> None:
    began = time.process_time()
    assert not parse_words("%a" * 60 + "%b").matches("a" * 255)
    assert time.process_time() - began < 1
