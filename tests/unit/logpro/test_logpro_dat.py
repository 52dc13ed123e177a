"""Reading a ``.dat``: what ours writes, and what others wrote."""

from __future__ import annotations

import datetime
import io

from hypothesis import given
from hypothesis import strategies as st

from megatest.logpro.dat import dat_text, sections_from_dat
from megatest.logpro.load import RuleText
from megatest.logpro.run import run_logpro


def test_what_was_written_is_read_again() -> None:
    rules = '(expect:value in "LogFileBody" 5 <= "größe #1" #/size=([0-9]+)/)\n'
    verdict = run_logpro(
        RuleText(file="r", text=rules), io.BytesIO(b"size=7\n"), today=datetime.date(2030, 1, 1)
    )

    assert sections_from_dat(dat_text(verdict)) == {
        "rule-0": {
            "operator": "in",
            "section": "LogFileBody",
            "desc": "größe #1",
            "status": "FAIL",
            "expected": "5",
            "measured": "7",
            "type": "<=",
            "pass": "0",
            "fail": "1",
        },
        "final": {"exit-code": "1", "exit-status": "FAIL", "message": "value: größe #1"},
    }


def test_the_last_of_equal_keys_counts_and_lines_that_say_nothing_are_passed_over() -> None:
    text = "outside 1\n\n# a comment\n[final]\nmessage a\n  message  b c \nexit-code\n[x\n[final]\nlast 1\n"

    assert sections_from_dat(text) == {
        "final": {"message": "b c", "exit-code": "", "[x": "", "last": "1"},
    }


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    for keys in sections_from_dat(text).values():
        assert all("\n" not in key and "\n" not in value for key, value in keys.items())
