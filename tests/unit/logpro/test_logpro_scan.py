"""Scanning and judging: sections, triggers, counts, values, and what is passed on."""

from __future__ import annotations

import datetime
import io

import pytest

from megatest.logpro.backtracking import BacktrackingMatcher
from megatest.logpro.finding import Event, Excerpt, Findings, RuleHit
from megatest.logpro.judge import Verdict, judge
from megatest.logpro.line import read_blocks
from megatest.logpro.load import RuleText, load_rules
from megatest.logpro.pattern import make_matcher, translate_pattern
from megatest.logpro.scan import patterns_of, scan
from megatest.logpro.watchdog import Watchdog
from megatest.scheme.regexp import translate
from megatest.scheme.value import Regexp

TODAY = datetime.date(2026, 3, 1)
SECTION = '(trigger-with-limit "St" 9 #/BEGIN/) (trigger-with-limit "En" 9 #/END/) (section "S" "St" "En")\n'


class LogSink:
    """Remembers the log that it was given, and which rule counted which line."""

    def __init__(self) -> None:
        self.raw = b""
        self.text = b""
        self.counted: list[tuple[int, str]] = []

    def plain(self, raw: bytes, text: bytes) -> None:
        self.raw += raw
        self.text += text

    def hit(self, number: int, raw: bytes, text: bytes, events: tuple[Event, ...], end: bytes) -> None:
        self.raw += raw + end
        self.text += text + end
        self.counted += [(number, event.rule.name) for event in events if isinstance(event, RuleHit)]


def find(
    rules: str, log: bytes, sink: LogSink, *, limit_s: float = 2, line_limit: int = 1000, size: int = 64
) -> Findings:
    loaded = load_rules([RuleText(file="r", text=rules)], TODAY)
    with Watchdog(limit_s) as watchdog:
        matcher, _ = make_matcher([translate_pattern(p) for p in patterns_of(loaded)], watchdog)
        return scan(loaded, matcher, read_blocks(io.BytesIO(log), size=size, limit=line_limit), [sink])


def counted(rules: str, log: str) -> list[tuple[int, str]]:
    sink = LogSink()
    find(rules, log.encode(), sink)
    assert sink.raw.decode().rstrip("\n") == log.rstrip("\n")
    return sink.counted


def verdict(rules: str, log: str, **options: float) -> Verdict:
    return judge(find(rules, log.encode(), LogSink(), **options))  # type: ignore[arg-type]


def test_only_the_rule_defined_first_counts_a_line() -> None:
    rules = '(expect:ignore in logfile >= 0 "I" #/foo error/) (expect:error in logfile = 0 "E" #/error/)'
    assert counted(rules, "foo error\nbar error\nnothing\n") == [(1, "I"), (2, "E")]


def test_a_section_holds_its_first_line_and_not_its_last() -> None:
    rules = SECTION + '(expect:error in "S" = 0 "in" #/x/) (expect:error not-in "S" = 0 "out" #/x/)'
    assert counted(rules, "x\nx BEGIN\nx\nx END\nx\nx BEGIN\n") == [
        (1, "out"),
        (2, "in"),
        (3, "in"),
        (4, "out"),
        (5, "out"),
        (6, "in"),
    ]


def test_a_section_that_starts_and_ends_on_one_line_is_active_for_that_line() -> None:
    rules = SECTION + '(expect:error in "S" = 0 "in" #/x/)'
    assert counted(rules, "x END BEGIN\nx\nx BEGIN END\nx\n") == [(1, "in"), (3, "in")]


def test_a_rule_in_several_sections_counts_once_in_any_of_them() -> None:
    rules = SECTION + '(section "T" "En" "none") (expect:error in (list "S" "T") = 2 "st" #/x/)'
    result = verdict(rules, "x\nBEGIN\nx\nEND\nx\n")
    assert [outcome.tally.count for outcome in result.rules] == [2]
    assert result.exit_code == 0


def test_the_body_begins_on_the_first_line_and_may_be_ended() -> None:
    rules = '(trigger "LogFileBodyEnd" #/STOP/) (expect:error in logfile = 0 "E" #/x/)'
    assert counted(rules, "x\nx STOP\nx\n") == [(1, "E")]


def test_before_and_after_are_accepted_and_never_count() -> None:
    rules = '(expect:error before logfile = 0 "B" #/x/) (expect:error after logfile = 0 "A" #/x/)'
    assert counted(rules, "x\n") == []


def test_values_are_judged_one_by_one_and_the_last_is_kept() -> None:
    result = verdict('(expect:value in logfile 5 1 "V" #/v=(\\S+)/)', "v=5\nv=nan\nv=+nan.0\nv=1/2\nv=6\n")
    tally = result.rules[0].tally
    assert (tally.passed, tally.failed, tally.measured, tally.measured_number) == (2, 3, "6", 6)
    assert result.message == "value: V"


def test_a_value_without_its_group_shows_the_whole_match() -> None:
    result = verdict('(expect:value in logfile 5 1 "V" #/v=(x)?5/)', "v=5\n")
    assert result.rules[0].tally.measured == "(v=5 #f)"


def test_alternatives_are_leftmost_longest_unless_the_pattern_is_lazy() -> None:
    rules = (
        '(expect:value in logfile 42 = "V" #/v=(4|42)/) (expect:value in logfile 4 = "W" #/w=(4|42)(?:x)??/)'
    )
    assert verdict(rules, "v=42\nw=42\n").exit_code == 0


def test_an_unfired_required_trigger_fails_the_log() -> None:
    result = verdict('(trigger "T" #/go/) (trigger:non-required "U" #/go/)', "x\n")
    assert (result.exit_code, result.message) == (1, "trigger: T")
    assert [(t.tally.trigger.name, t.state.value) for t in result.triggers] == [
        ("U", "OPTIONAL"),
        ("T", "FAIL"),
        ("LogFileBodyStart", "OK"),
    ]
    assert verdict("", "").exit_code == 0


@pytest.mark.parametrize(
    ("kinds", "code", "message"),
    [
        ("skip abort check error warning waive ignore", 6, "skip: skip"),
        ("abort check error", 5, "abort: abort"),
        ("error check", 3, "check: check"),
        ("warning required waive", 1, "required: required"),
        ("waive required-warn", 2, "required-warn: required-warn"),
        ("waive note", 4, "waive: waive"),
        ("ignore note", 0, ""),
    ],
)
def test_the_strongest_code_wins_and_its_first_rule_is_the_message(
    kinds: str, code: int, message: str
) -> None:
    rules = "".join(f'(expect:{kind} in logfile > 0 "{kind}" #/never/)' for kind in kinds.split())
    result = verdict(rules, "x\n")
    assert (result.exit_code, result.message) == (code, message)


def test_the_summary_has_sections_by_name_descending_and_rules_ascending() -> None:
    names = ["alpha", "Zed", "LogFileBody", "9", "10"]
    rules = "".join(f'(expect:note in "{name}" = 0 "{name}{i}" #/x/)' for i in (1, 2) for name in names)
    assert [outcome.rule.name for outcome in verdict(rules, "").rules] == [
        f"{name}{i}" for name in ("alpha", "Zed", "LogFileBody", "9", "10") for i in (1, 2)
    ]


def test_the_first_lines_of_a_rule_are_kept_and_cut() -> None:
    tally = verdict('(expect:error in logfile = 0 "E" #/^x/)', "x" * 300 + "\n" + "x\n" * 10).rules[0].tally
    assert tally.count == 11
    assert tally.first_lines[0] == Excerpt(number=1, text="x" * 197 + "...")
    assert [excerpt.number for excerpt in tally.first_lines] == [1, 2, 3, 4, 5]


def test_line_numbers_are_right_across_blocks_and_long_lines() -> None:
    log = b"".join(b"pad " * (i % 40) + (b"HIT\n" if i % 7 == 0 else b"\n") for i in range(1, 400))
    sink = LogSink()
    find('(expect:error in logfile = 0 "E" #/HIT/)', log, sink, line_limit=100, size=64)
    longest = 100 - len("HIT")
    expected = [i for i in range(7, 400, 7) if 4 * (i % 40) <= longest]
    assert [number for number, _ in sink.counted] == expected
    assert sink.raw == log


def test_a_line_of_which_only_the_beginning_is_judged_brings_a_warning_once() -> None:
    log = "ok\n" + 2 * ("x" * 100 + "HIT\n")
    found = verdict('(expect:error in logfile = 0 "E" #/HIT/)', log, line_limit=50)
    assert (found.exit_code, found.lines) == (0, 3)
    assert [f.message for f in found.findings] == ["line 2 is too long: only its first 50 bytes are judged"]


@pytest.mark.parametrize("dense", [False, True])
def test_bytes_that_are_no_utf8_are_one_character_each_and_written_through(dense: bool) -> None:
    every = '(expect:note in logfile >= 0 "any" #/./)' if dense else ""
    log = b"plain\n" * 20 + b"a\xe9b\n" + b"plain\n" * 20 + b"a\xff\xfeb\n"
    sink = LogSink()
    find(
        '(expect:error in logfile = 0 "E" #/^a.b$/) (expect:error in logfile = 0 "F" #/^a..b$/)' + every,
        log,
        sink,
    )
    assert [pair for pair in sink.counted if pair[1] != "any"] == [(21, "E"), (42, "F")]
    assert sink.raw == log
    assert sink.text == log.decode("utf-8", "replace").encode()


def test_a_pattern_that_runs_away_is_stopped_and_fails_its_rule() -> None:
    rules = (
        '(expect:warning in logfile = 0 "slow" #/(?=a)(a+)+\\1$/)'
        '(expect:required in logfile = 2 "fine" #/done/)'
        '(trigger:non-required "slow too" #/(?=a)(a+)+\\1$/)'
    )
    result = verdict(rules, "a" * 60 + "b done\ndone\n" + "a" * 60 + "b\n", limit_s=0.02)
    assert [(o.rule.name, o.ok, o.tally.stopped) for o in result.rules] == [
        ("slow", False, True),
        ("fine", True, False),
    ]
    assert (result.exit_code, result.message) == (1, "warning: slow")
    assert {finding.message for finding in result.findings} == {
        "'slow': its pattern took too long on line 1 and was given up",
        "'slow too': its pattern took too long on line 1 and was given up",
    }


def test_without_re2_everything_is_matched_by_backtracking() -> None:
    rules = load_rules(
        [RuleText(file="r", text='(expect:value in logfile 42 = "V" #/v=(\\d+)(?= ms)/)')], TODAY
    )
    sink = LogSink()
    with Watchdog() as watchdog:
        matcher = BacktrackingMatcher([translate_pattern(p) for p in patterns_of(rules)], watchdog)
        findings = scan(rules, matcher, read_blocks(io.BytesIO(b"a\nv=42 ms\nv=1\n\xff\n")), [sink])
    assert judge(findings).exit_code == 0
    assert sink.counted == [(2, "V")]


def test_patterns_too_large_for_one_automaton_are_still_matched() -> None:
    patterns = [f"(?i)x.{{0,300}}foo{i}" for i in range(60)]
    rules = "".join(f'(expect:error in logfile = 0 "{i}" "{p}$")' for i, p in enumerate(patterns))
    assert counted(rules, "nothing\nxyz FOO7\n") == [(2, "7")]


def test_the_watchdog_leaves_the_signal_as_it_was() -> None:
    import signal

    before = signal.getsignal(signal.SIGVTALRM)
    with Watchdog(1):
        assert signal.getsignal(signal.SIGVTALRM) is not before
    assert signal.getsignal(signal.SIGVTALRM) is before
    assert translate(Regexp(source="a")).groups == 0
