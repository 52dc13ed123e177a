"""Laws of log rules: blocks change nothing, any bytes give a verdict, filters lose nothing."""

from __future__ import annotations

import datetime
import io
import re

import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from megatest.logpro.host import Host
from megatest.logpro.judge import Verdict
from megatest.logpro.load import RuleText
from megatest.logpro.pattern import translate_pattern
from megatest.logpro.run import Outputs, run_logpro
from megatest.scheme.bracket import RegexpError
from megatest.scheme.value import Regexp

TODAY = datetime.date(2026, 3, 1)
RULES = """
(trigger-with-limit "on" 3 #/on/) (trigger-with-limit "off" 2 #/off/) (section "S" "on" "off")
(expect:ignore in "S" >= 0 "i" #/x.z/)
(expect:error in (list "S" "LogFileBody") = 0 "e" #/x(?!y)/)
(expect:required not-in "S" > 0 "r" #/^$|^.$/)
(expect:value in "LogFileBody" 5 1 "v" #/v=([^ ]*)/)
(expect:warning in "LogFileBody" = 0 "w" (list #/\\xe9|[^a-z\\s=]/ "(.)\\\\1"))
"""
PIECES = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\r\n",
        b"x",
        b"xyz",
        b"on",
        b"off",
        b"v=5",
        b"v=1/0 ",
        b"\xe9",
        b"\xc3\xa9",
        b"\0",
        b"ab",
    ]
)


def judge(log: bytes, block_bytes: int) -> tuple[Verdict, bytes]:
    written: list[bytes] = []
    verdict = run_logpro(
        RuleText(file="r", text=RULES),
        io.BytesIO(log),
        today=TODAY,
        outputs=Outputs(annotated=written.append),
        host=Host(),
        block_bytes=block_bytes,
    )
    return verdict, b"".join(written)


@settings(max_examples=150)
@given(st.lists(PIECES, max_size=40).map(b"".join), st.integers(1, 40))
def test_scanning_in_blocks_gives_what_scanning_the_whole_gives(log: bytes, block_bytes: int) -> None:
    assert judge(log, block_bytes) == judge(log, 1 << 20)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_in_a_log_give_a_verdict(log: bytes) -> None:
    verdict, written = judge(log, 64)
    assert 0 <= verdict.exit_code <= 6
    assert verdict.lines == len(re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", log))
    assert b"LOGPRO SUMMARY" in written


WORDS = st.sampled_from(
    [
        "expect:error",
        "expect:value",
        "in",
        "not-in",
        '"S"',
        "=",
        "<",
        "0",
        "5",
        "1.5",
        "#/x(/",
        "#/(a)\\1/",
        '"n"',
        "(",
        ")",
        "'",
        "#t",
        "(list",
        "#/x/)",
        "hook:",
        "type:",
        "'skip",
        "trigger",
        "section",
        "load",
        "define",
        "lambda",
        "let",
        "(x)",
        "#;",
        "#|",
        "|#",
        "\\",
        "#/",
        '"',
        "é",
        "\x00",
    ]
)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=25).map(" ".join) | st.text(max_size=60))
def test_any_text_as_a_rule_file_gives_a_verdict(text: str) -> None:
    verdict = run_logpro(RuleText(file="r", text=text), io.BytesIO(b"x\naa\n"), today=TODAY)
    assert 0 <= verdict.exit_code <= 6
    assert all(finding.render() for finding in verdict.findings)


ATOMS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "[ab]",
        "[^a]",
        r"\w",
        r"\b",
        "^",
        "$",
        "é",
        r"\x61",
        "(?:a|b)",
        "(a)",
        r"\<",
        "(?=a)",
        "(?!b)",
        "(?i)",
    ]
)
PARTS = st.tuples(ATOMS, st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{1,2}", "|"])).map("".join)


@settings(max_examples=500)
@given(st.lists(PARTS, max_size=5).map("".join), st.text(alphabet="abAB é-", max_size=8))
def test_re2_and_re_agree_and_a_filter_loses_nothing(source: str, line: str) -> None:
    try:
        translation = translate_pattern(Regexp(source=source))
    except RegexpError:
        return
    exact = re.search(translation.exact, line)
    options = re2.Options()
    options.never_nl = True
    linear = re2.search(translation.linear, line, options=options)
    if translation.needs_backtracking:
        assert linear is not None or exact is None
    else:
        assert (linear is None) == (exact is None)
        assert linear is None or linear.start() == exact.start()  # type: ignore[union-attr]
