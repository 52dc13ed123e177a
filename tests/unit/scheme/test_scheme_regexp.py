"""Patterns of the original's dialect in the syntax of the two engines."""

from __future__ import annotations

import re

import pytest
import re2

from megatest.scheme.bracket import RegexpError
from megatest.scheme.regexp import translate
from megatest.scheme.value import Regexp


def spans(pattern: str, text: str, flags: str = "") -> tuple[object, object]:
    """Return what both engines find; RE2's is None where it only filters."""
    regexp = Regexp(source=pattern, ignore_case="i" in flags, extended="x" in flags)
    translation = translate(regexp)
    match = re.search(translation.exact, text)
    options = re2.Options()
    options.longest_match = not translation.is_lazy
    linear = re2.search(translation.linear, text, options=options)
    assert (linear is not None) or (match is None), "RE2 must find at least what re finds"
    if translation.needs_backtracking:
        return match and match[0], None
    return match and match[0], linear and linear[0]


def both(pattern: str, text: str, flags: str = "") -> object:
    exact, linear = spans(pattern, text, flags)
    assert exact == linear
    return exact


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("ab+c", "xabbc", "abbc"),
        (r"^\d+$", "12", "12"),
        (r"\Aab\z", "ab", "ab"),
        (r"a\.b", "axb", None),
        (r"\x41\x42", "AB", "AB"),
        (r"\x41B", "AB", "AB"),
        (r"\x{41}\x{e9}", "Aé", "Aé"),
        (r"[\x41B]+", "AB", "AB"),
        (r"\Qa.b\E+", "a.bb", "a.bb"),
        (r"\Qa.b", "a.b", "a.b"),
        (r"\e\[31m", "\x1b[31m", "\x1b[31m"),
        (r"a\:\@\#\"\/b", 'a:@#"/b', 'a:@#"/b'),
        (r"[[:alpha:]_]+", "1ab_c", "ab_c"),
        (r"[[:^digit:]]+", "12ab", "ab"),
        (r"[^]]+", "]ab", "ab"),
        (r"[]a]+", "b]a", "]a"),
        (r"[[]", "a[", "["),
        (r"[a-]+", "-a", "-a"),
        (r"[\d.]+", "v1.2", "1.2"),
        (r"[\W]", "a b", " "),
        (r"[\b]", "\b b", "b"),
        (r"[a|b]+", "a|b", "a|b"),
        (r"a{b}", "a{b}", "a{b}"),
        (r"a{}", "a{}", "a{}"),
        (r"a}]", "a}]", "a}]"),
        (r"^a{2,3}$", "aaa", "aaa"),
        (r"a{3,2}", "aaa", None),
        (r"a{2}*b", "aaaab", "aaaab"),
        (r"ab??c", "ac", "ac"),
        (r"(?:ab)+", "abab", "abab"),
        (r"(?<n>a)(?P<m>b)", "ab", "ab"),
        (r"a(?#no(te)b", "ab", "ab"),
        (r"a(?i)b|c", "aB", "aB"),
        (r"a(?i)b|c", "C", "C"),
        (r"a(?i:b)c", "aBc", "aBc"),
        (r"(?x) a b # note", "ab", "ab"),
        (r"(?s)a.b", "axb", "axb"),
        (r"a(b|)c", "ac", "ac"),
        (r"()*a", "a", "a"),
        (r"(a*)*b", "aab", "aab"),
        (r"é+", "xéé", "éé"),
        (r"[é-ü]", "aö", "ö"),
        (r"^a.b$", "aéb", "aéb"),
        (r"^a\Wb$", "aéb", "aéb"),
        (r"^a\wb$", "aéb", None),
        (r"\bté\b", "un té x", None),
        (r"a\R", "ab", None),
        (r"^^a$$", "a", "a"),
        (r"a^b", "a^b", None),
        ("", "x", ""),
    ],
)
def test_a_pattern_matches_as_in_the_original_in_both_engines(
    pattern: str, text: str, found: str | None
) -> None:
    assert both(pattern, text) == found


def test_flags_of_the_whole_pattern_are_kept() -> None:
    assert both("a B  c", "xABC", "xi") == "ABC"
    assert both("É", "é", "i") == "é"
    assert both("^[^a-c]+$", "ABC", "i") is None


def test_under_the_flag_i_switching_it_off_has_no_effect_as_in_the_original() -> None:
    assert both("(?-i:b)", "B", "i") == "B"
    assert both("(?i)a(?-i:b)", "AB") is None


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"(ab|cd)\1", "abcd", None),
        (r"(ab|cd)\1", "cdcd", "cdcd"),
        (r"(?<n>ab)\k<n>", "abab", "abab"),
        (r"foo(?!bar)", "foobar foobaz", "foo"),
        (r"(?<!x)foo", "xfoo", None),
        (r"(?<=v=)\d+(?= ms)", "v=42 ms", "42"),
        (r"(?>a+)b", "aab", "aab"),
        (r"(a)?b(?(1)c|d)", "abc", "abc"),
        (r"^(a)?b(?(1)c)$", "b", "b"),
        (r"\<cat\>", "the cat sat", "cat"),
        (r"\<cat\>", "concat", None),
        (r"a{1001}", "a" * 1001, "a" * 1001),
    ],
)
def test_what_only_backtracking_can_do_is_filtered_by_re2(pattern: str, text: str, found: str | None) -> None:
    exact, linear = spans(pattern, text)
    assert (exact, linear) == (found, None)


@pytest.mark.parametrize(
    ("pattern", "offset", "message"),
    [
        ("(a", 0, "this group is never closed"),
        ("a)", 1, "this ) closes no group"),
        ("[a", 0, "this class is never closed"),
        ("[]", 0, "this class is never closed"),
        ("[^]", 0, "this class is never closed"),
        ("[z-a]", 2, "this range is backwards"),
        (r"[\d-x]", 3, "a range goes from a character to a character, not to a class"),
        (r"[a-\d]", 2, "a range goes from a character to a character, not to a class"),
        ("[[:foo:]]", 1, "unknown class [:foo:]"),
        ("*a", 0, "there is nothing for * to repeat"),
        ("^*a", 1, "there is nothing for * to repeat"),
        ("(?=a)*", 5, "there is nothing for * to repeat"),
        ("a|+", 2, "there is nothing for + to repeat"),
        ("a**", 2, "* repeats a repetition"),
        ("a++", 2, "+ repeats a repetition"),
        ("a{1, 2}", 1, "a count is written {2}, {2,} or {2,3}"),
        ("a{,2}", 1, "a count is written {2}, {2,} or {2,3}"),
        ("a{999999}", 1, "a count above 100000"),
        (r"(a)\2", 3, "there is no such group before this back-reference"),
        (r"(a\1)", 2, "there is no such group before this back-reference"),
        (r"\101", 0, "there is no such group before this back-reference"),
        (r"\01", 0, "octal escapes are not known; write \\xHH"),
        (r"\k<n>", 0, "there is no such group before this back-reference"),
        (r"a\Kb", 1, "unknown escape \\K"),
        (r"a\hb", 1, "unknown escape \\h"),
        (r"\cA", 0, "unknown escape \\c"),
        (r"[\q]", 1, "unknown escape \\q in a class"),
        (r"\x4", 0, "\\x wants two hexadecimal digits, or some in braces"),
        (r"\x{110000}", 0, "there is no character 110000"),
        (r"\x{d800}", 0, "there is no character d800"),
        ("(?'n'a)", 0, "unknown kind of group (?'n"),
        ("(?|a)", 0, "unknown kind of group (?|a"),
        ("(?)", 0, "a group of flags without a flag"),
        ("(?<n>a)(?<n>b)", 7, "there are two groups n"),
        ("(?#", 0, "this comment is never closed"),
        ("a(?(1)b)", 1, "there is no such group before this condition"),
        ("(a)(?(1)b|c|d)", 11, "a condition has at most two branches"),
        ("a\\", 1, "the pattern ends in a backslash"),
        (r"\p{L}(?=a)", 0, "\\p{...} cannot be combined with look-around, back-references or \\< \\>"),
        ("(" * 300, 200, "groups are nested more than 200 deep"),
    ],
)
def test_what_is_no_pattern_is_refused_at_its_place(pattern: str, offset: int, message: str) -> None:
    with pytest.raises(RegexpError) as caught:
        translate(Regexp(source=pattern))
    assert (caught.value.offset, caught.value.message) == (offset, message)


def test_by_line_every_anchor_is_an_end_of_a_line() -> None:
    translation = translate(Regexp(source=r"\Ab$"), by_line=True)
    assert re.findall(translation.exact, "a\nb\nbb") == ["b"]
    assert re2.findall(translation.linear, "a\nb\nbb") == ["b"]


def test_groups_are_counted_and_lazy_patterns_marked() -> None:
    translation = translate(Regexp(source=r"(a)(?:b)(?<c>d+?)"))
    assert (translation.groups, translation.is_lazy, translation.needs_backtracking) == (2, True, False)


def test_a_pattern_of_a_hundred_thousand_characters_is_translated() -> None:
    assert translate(Regexp(source="(a|b)?" * 20_000)).groups == 20_000
