"""Helpers in a line, and what echo would print."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from megatest.config.expand import (
    MOST_EXPANSIONS,
    Found,
    absolute_path,
    expand,
    expand_home,
    shell_echo,
    shell_special,
)


@dataclass
class FakeScope:
    """A scope of given values that remembers what was said."""

    env: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    commands: bool = True
    said: list[str] = field(default_factory=list)
    cwd: str = "/"
    home: str = "/area"

    def variable(self, name: str) -> str | None:
        return self.env.get(name)

    def look_up(self, section: str, key: str) -> Found | None:
        value = self.values.get((section, key))
        return None if value is None else Found(value)

    def look_up_run(self, key: str) -> Found | None:
        return self.look_up("run", key)

    def may_run_commands(self) -> bool:
        return self.commands

    def run_scheme(self, expression: str, offset: int) -> str | None:
        return None

    def warn(self, message: str, offset: int, length: int, hint: str | None = None) -> None:
        self.said.append(f"{offset}+{length} warning: {message}")

    def fail(self, message: str, offset: int, length: int, hint: str | None = None) -> None:
        self.said.append(f"{offset}+{length} error: {message}")


def test_the_right_most_helper_is_expanded_first() -> None:
    scope = FakeScope()
    expand("#{getenv A} #{getenv B}", scope)
    assert [line.split()[-4] for line in scope.said] == ["'B'", "'A'"]


def test_helpers_nest() -> None:
    scope = FakeScope(env={"DEPS": "std"}, values={("std", "t1"): "a b"})
    assert expand("waiton #{get #{getenv DEPS} t1}", scope).text == "waiton a b"


def test_a_result_is_expanded_again_even_where_it_only_completes_a_helper() -> None:
    scope = FakeScope(env={"HASH": "#", "V": "val", "H": "#{getenv V}"})
    assert expand("x #{getenv H}", scope).text == "x val"
    assert expand("x #{getenv HASH}{getenv V}", scope).text == "x val"


@pytest.mark.parametrize(
    "text", ["x #{foo bar}", "x #{ getenv V}", "x #{getenv}", "x #{getenv V", "x #{sh {a}}"]
)
def test_what_is_no_helper_stays(text: str) -> None:
    assert expand(text, FakeScope()).text == text


def test_what_looks_like_a_helper_is_pointed_at_and_what_is_disabled_is_not() -> None:
    scope = FakeScope()
    expand("x #{getnev V} #{ shell a} #{(shell) b} #{getenv V", scope)
    assert scope.said == [
        "39+8 warning: helper 'getenv' has no closing brace; the text stays as it is",
        "2+8 warning: 'getnev' is no helper; the text stays as it is",
    ]


def test_a_value_that_names_itself_is_stopped() -> None:
    scope = FakeScope(env={"A": "#{getenv A}", "B": "#{getenv B}#{getenv B}", "C": "x#{getenv C}" * 1000})
    for name in "ABC":
        expand(f"x #{{getenv {name}}}", scope)
    assert len(scope.said) == 3
    assert all("without end" in line for line in scope.said)
    assert MOST_EXPANSIONS > 1000


def test_a_newline_becomes_a_blank_except_in_a_whole_value() -> None:
    scope = FakeScope(values={("a", "m"): "one\ntwo"})
    assert expand("k #{get a m}", scope).text == "k one\ntwo"
    assert expand("k #{get a m} ", scope).text == "k one\ntwo "
    assert expand("  #{get a m}", scope).text == "  one\ntwo"
    assert expand("k (#{get a m})", scope).text == "k (one two)"
    assert expand("k v #{get a m}", scope).text == "k v one two"
    assert expand("#{get a m}", scope).text == "one two"
    assert expand("[#{get a m}]", scope).text == "[one two]"


def test_commands_that_are_not_allowed_stay_as_text() -> None:
    scope = FakeScope(commands=False)
    assert expand("x #{shell  echo a} #{sh b} #{system c}", scope).text == (
        "x #{(shell) echo a} #{(sh) b} #{(system) c}"
    )


def test_quotes_and_backslashes_reach_the_shell() -> None:
    scope = FakeScope(env={"PATH": "/usr/bin:/bin"})
    assert expand(r"""x #{shell printf '%s|%s' "a  b" 'c\d'}""", scope).text == r"x a  b|c\d"


def test_a_command_that_fails_gives_nothing_and_says_its_exit_status() -> None:
    scope = FakeScope(env={"PATH": "/usr/bin:/bin"})
    assert expand("x =#{shell echo out; exit 3}=", scope).text == "x =="
    assert scope.said == ["3+25 warning: the command ended with exit status 3"]


def test_a_command_that_cannot_be_started_is_a_warning() -> None:
    scope = FakeScope(cwd="/no/such/directory")
    assert expand("x #{shell true}#{system true}", scope).text == "x 127"
    assert len(scope.said) == 2


def test_get_needs_two_words_and_ignores_more() -> None:
    scope = FakeScope(values={("a", "k"): "v"})
    assert expand("x #{get a}", scope) == ("x ", False, True)
    assert expand("x #{get a k z}", scope).text == "x v"
    assert scope.said == ["2+8 error: get needs a section and a key"]


def test_rget_finds_the_run_variable() -> None:
    scope = FakeScope(values={("run", "V"): "v"})
    assert expand("#{rget V}#{runconfigs-get V}#{rget W}", scope).text == "vv"


def test_paths_are_made_absolute_without_resolving_links() -> None:
    env = {"HOME": "/home/me"}
    assert absolute_path("a/../b/./c//d/", "/cwd", env) == "/cwd/b/c/d/"
    assert absolute_path("~/x", "/cwd", env) == "/home/me/x"
    assert absolute_path("/", "/cwd", env) == "/"
    assert absolute_path("//a//b", "/cwd", env) == "/a/b"
    assert expand_home("~", env) == "/home/me"
    assert expand_home("~no-such-user/x", env) == "~no-such-user/x"
    assert expand_home("~root/x", {}).endswith("/x")
    assert (
        expand("#{realpath a}#{rp a}#{mtrah}#{mtrah }#{mtrah b}", FakeScope()).text == "/a/a/area/area/area/b"
    )


@pytest.mark.parametrize("value", ["plain", "a,b=c:d", "/p/q.r", "a b", "é", "50%", "a@b+c", "^x", ""])
def test_plain_values_need_no_shell(value: str) -> None:
    assert not shell_special(value)


@pytest.mark.parametrize(
    "value", ["$X", "~", "a*", "'a'", '"a"', "a;b", "a|b", "#a", "a\\b", "-n", " -n", "{a,b}", "`a`", "a\nb"]
)
def test_everything_a_shell_acts_on_is_special(value: str) -> None:
    assert shell_special(value)


@pytest.mark.parametrize(
    "value", ["a   b", "\ta b ", "x", "", "$X/y", "'a   b'", "a # c", "-n a", "$(echo 1; echo 2)", "a\nb"]
)
def test_echo_gives_what_the_shell_gives(value: str) -> None:
    env = {"PATH": "/usr/bin:/bin", "X": "ex"}
    shell = subprocess.run(
        ["/bin/sh", "-c", f"echo {value}"], env=env, cwd="/", capture_output=True, text=True
    )
    assert shell_echo(value, env, "/") == shell.stdout.split("\n")[0]


def test_an_argument_of_blanks_without_an_end_costs_no_more_than_its_length() -> None:
    text = "x #{get" + " " * 200_000
    assert expand(text, FakeScope()).text == text
