"""Which engine matches, and what a machine without RE2 is told."""

from __future__ import annotations

import datetime
import io
import sys

import pytest

from megatest.logpro.backtracking import BacktrackingMatcher
from megatest.logpro.linear import LinearMatcher
from megatest.logpro.load import RuleText
from megatest.logpro.matcher import Matcher
from megatest.logpro.pattern import NO_RE2, make_matcher, translate_pattern
from megatest.logpro.run import run_logpro
from megatest.logpro.watchdog import Watchdog
from megatest.scheme.bracket import RegexpError
from megatest.scheme.value import Regexp

TODAY = datetime.date(2026, 3, 1)
CHUNK = b"first\n\nan ERROR\nv=42\n"


@pytest.fixture(params=[LinearMatcher, BacktrackingMatcher])
def matcher(request: pytest.FixtureRequest) -> Matcher:
    sources = ["ERROR", r"v=(4|42)(x)?", "^$", r"(.)\1"]
    made: Matcher = request.param([translate_pattern(Regexp(source=s)) for s in sources], Watchdog())
    return made


def matching(matcher: Matcher, line: bytes) -> list[int]:
    return [i for i in matcher.possible(line) if i not in matcher.doubtful or matcher.confirm(i, line)]


def test_the_candidates_hold_every_line_that_matches(matcher: Matcher) -> None:
    lines = [CHUNK[start:end] for start, end in matcher.candidates(CHUNK)]
    assert [line for line in lines if matching(matcher, line)] == [b"", b"an ERROR", b"v=42"]
    assert list(matcher.candidates(b"\n")) == [(0, 0)]


def test_the_patterns_that_match_a_line_come_in_order(matcher: Matcher) -> None:
    assert matching(matcher, b"ERROR v=42") == [0, 1, 3]
    assert matching(matcher, b"abc") == []


def test_groups_are_text_or_none(matcher: Matcher) -> None:
    assert matcher.groups(3, "éé".encode()) == ("éé", "é")
    assert matcher.groups(1, b"v=4")[1:] == ("4", None)


def test_re2_takes_the_longest_alternative_and_re_the_first() -> None:
    translations = [translate_pattern(Regexp(source="v=(4|42)"))]
    assert LinearMatcher(translations, Watchdog()).groups(0, b"v=42") == ("v=42", "42")
    assert BacktrackingMatcher(translations, Watchdog()).groups(0, b"v=42") == ("v=4", "4")


def test_without_patterns_nothing_is_a_candidate() -> None:
    assert list(LinearMatcher([], Watchdog()).candidates(CHUNK)) == []
    assert LinearMatcher([], Watchdog()).possible(b"x") == []


def test_without_re2_the_verdict_comes_from_re_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "megatest.logpro.linear", None)
    rules = RuleText(file="r", text='(expect:error in "LogFileBody" = 0 "E" #/ERR/)')
    verdict = run_logpro(rules, io.BytesIO(b"ok\nERR\n"), today=TODAY)
    assert (verdict.exit_code, [finding.message for finding in verdict.findings]) == (1, [NO_RE2])
    assert isinstance(make_matcher([], Watchdog())[0], BacktrackingMatcher)
    with pytest.raises(RegexpError, match="needs RE2"):
        translate_pattern(Regexp(source=r"\p{L}"))


def test_a_property_that_re2_does_not_know_is_refused() -> None:
    translate_pattern(Regexp(source=r"\p{Greek}"))
    with pytest.raises(RegexpError, match="needs RE2"):
        translate_pattern(Regexp(source=r"\p{Klingon}"))
