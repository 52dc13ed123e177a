"""The command that says whether an earlier waiver still holds."""

from __future__ import annotations

from pathlib import Path

from megatest.app.reviewer import comparison
from megatest.model.spec import Variable


def test_each_line_is_compared_by_its_rule_and_all_must_succeed(tmp_path: Path) -> None:
    waivers = (Variable("w1", "diffs  out.txt\n  other *.log"), Variable("w2", "diffs b"))
    rules = {"other": "cmp %file1% %file2% # %waivername%"}
    assert comparison(waivers, rules, "/new dir", "/old") == (
        "(\ndiff '/new dir'/out.txt /old/out.txt\n)"
        " && (\ncmp '/new dir'/*.log /old/*.log # w1\n)"
        " && (\ndiff '/new dir'/b /old/b\n)"
    )


def test_rules_for_the_log_of_a_waivers_name_judge_its_difference(tmp_path: Path) -> None:
    (tmp_path / "w1.logpro").touch()
    assert comparison((Variable("w1", "x a"),), {}, str(tmp_path), "/old") == (
        f"(\ndiff {tmp_path}/a /old/a | logpro w1.logpro w1.html\n)"
    )


def test_without_lines_there_is_nothing_to_compare() -> None:
    assert comparison((), {}, "/new", "/old") == ""
    assert comparison((Variable("w1", "rule-without-file\n\n"),), {}, "/new", "/old") == ""
