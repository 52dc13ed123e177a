"""Hooks: what is filled in, and that it stays data."""

from __future__ import annotations

import datetime
import io
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatest.logpro.hook import fill_in
from megatest.logpro.host import Host
from megatest.logpro.load import RuleText
from megatest.logpro.run import run_logpro

TODAY = datetime.date(2026, 3, 1)
NASTY = "a'b\"c $HOME `id` $(id) \\ ; # *\ttab"


def hook_lines(rules: str, log: bytes) -> list[str]:
    lines: list[str] = []

    def run_shell(line: str) -> int:
        lines.append(line)
        return 3

    host = Host(run_shell=run_shell)
    run_logpro(RuleText(file="r", text=rules), io.BytesIO(log), today=TODAY, host=host)
    return lines


def test_a_hook_runs_for_each_counted_line_with_the_line_the_match_and_its_groups() -> None:
    rules = """(hook:add "h" "echo #{msg} / #{line} / #{m1} / #{m2} / #{m3}")
               (expect:error in logfile = 0 "E" #/x(\\d)(y)?/ hook: "h")"""
    assert hook_lines(rules, b"ab x1 cd\nno\n") == ["echo 'ab x1 cd' / x1 / 1 / '' / #{m3}"]


def test_the_hook_of_a_value_rule_runs_once_more_with_the_value() -> None:
    rules = """(hook:add "h" "#{measured} #{expected} #{tolerance} #{message} #{m1}")
               (expect:value in logfile 5 < "V" #/v=(\\S+)/ hook: "h")"""
    assert hook_lines(rules, b"v=4.50\nv=x\n") == [
        "#{measured} #{expected} #{tolerance} #{message} 4.50",
        "#{measured} #{expected} #{tolerance} #{message} x",
    ]
    assert hook_lines(rules, b"v=4.50\n")[-1] == "4.5 5 '<' V #{m1}"


def test_a_one_time_hook_runs_once_and_one_that_is_not_defined_never() -> None:
    rules = """(hook:add "once" "echo #{msg}" one-time: #t)
               (expect:error in logfile = 0 "E" #/x/ hook: "once")
               (expect:error in logfile = 0 "F" #/y/ hook: "no")"""
    assert hook_lines(rules, b"x1\ny\nx2\n") == ["echo x1"]


def test_without_a_runner_hooks_are_accepted_and_ignored() -> None:
    rules = '(hook:add "h" "echo") (expect:error in logfile = 0 "E" #/x/ hook: "h")'
    assert run_logpro(RuleText(file="r", text=rules), io.BytesIO(b"x\n"), today=TODAY).exit_code == 1


@pytest.mark.parametrize(
    "template",
    ["printf %s #{v}", "printf %s '#{v}'", 'printf %s "#{v}"', "printf %s #{escaped v}", "printf %s 'x'#{v}"],
)
def test_the_shell_sees_a_value_as_data_wherever_it_stands(template: str) -> None:
    line = fill_in(template, {"v": NASTY})
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.removeprefix("x") == NASTY


@given(st.text(alphabet="ab'\"\\$` ", max_size=12))
def test_any_value_in_any_quotes_leaves_the_rest_of_the_line_as_it_was(value: str) -> None:
    assert shlex.split(fill_in("a #{v} '#{v}' z", {"v": value})) == ["a", value, value, "z"]
