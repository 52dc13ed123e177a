"""Laws of the pattern language, and that no text breaks it."""

from __future__ import annotations

import warnings

from hypothesis import given
from hypothesis import strategies as st

from megatest.model.error import UserError
from megatest.model.pattern import parse_pattern, parse_words

names = st.text("ab_.[1", max_size=4)
parts = st.text("ab%*?[]!~_-1", max_size=5)


@given(st.text(max_size=20), st.text(max_size=5), st.text(max_size=5))
def test_any_text_is_a_pattern_or_a_user_error(text: str, test: str, item: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Python, about odd sets after "re:"
        try:
            pattern = parse_pattern(text)
        except UserError:
            return
    if pattern.matches(test, item):
        assert pattern.matches_name(test)


@given(st.lists(parts, max_size=4), names)
def test_a_list_matches_what_any_of_its_elements_matches(words: list[str], name: str) -> None:
    try:
        each = [parse_words(word).matches(name) for word in words]
    except UserError:
        return
    assert parse_words(",".join(words)).matches(name) is any(each)


@given(parts.filter(lambda part: part and not part.startswith("~")), names)
def test_negation_turns_the_answer_round(part: str, name: str) -> None:
    try:
        plain = parse_words(part).matches(name)
    except UserError:
        return
    assert parse_words(f"~{part}").matches(name) is not plain


@given(st.text("ab%*?1", max_size=6), st.text("ab1", max_size=6))
def test_wildcards_agree_with_a_slow_matcher(part: str, name: str) -> None:
    if part:
        assert parse_words(part).matches(name) is slow_match(part, name)


def slow_match(part: str, name: str) -> bool:
    reached = {0}
    for char in part:
        if char in "%*":
            reached = {end for start in reached for end in range(start, len(name) + 1)}
        else:
            reached = {i + 1 for i in reached if i < len(name) and char in ("?", name[i])}
    return len(name) in reached
