from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from plan_builder import spec

from megatest.model.error import ConfigError, Diagnostic, UserError
from megatest.model.pattern import parse_pattern, parse_words
from megatest.model.spec import TestMeta, TestSpec
from megatest.plan.select import Selection, select


def selected(*specs: TestSpec, pattern: str = "%", tags: str | None = None) -> Selection:
    known = {spec.name: spec for spec in specs}
    return select(
        known, known.__getitem__, parse_pattern(pattern), None if tags is None else parse_words(tags)
    )


def findings(*specs: TestSpec, pattern: str = "%") -> Sequence[Diagnostic]:
    with pytest.raises(ConfigError) as caught:
        selected(*specs, pattern=pattern)
    return caught.value.diagnostics()


def needed(selection: Selection, name: str) -> list[str]:
    return [str(element) for element in selection.tests[name].needed]


def test_every_test_comes_after_what_it_waits_on() -> None:
    selection = selected(spec("a", "b c"), spec("b", "d"), spec("c", "d"), spec("d"))
    order = list(selection.tests)
    assert order.index("d") < order.index("b") < order.index("a")
    assert order.index("c") < order.index("a")


def test_tests_upstream_are_there_and_marked_as_not_asked() -> None:
    selection = selected(spec("a", "b"), spec("b"), spec("z"), pattern="a")
    assert {name: test.asked for name, test in selection.tests.items()} == {"b": False, "a": True}
    assert selection.tests["a"].upstream == ("b",)


def test_only_what_takes_part_is_looked_up_and_only_once() -> None:
    known = {s.name: s for s in (spec("a", "c"), spec("b", "c"), spec("c"), spec("z"))}
    asked: list[str] = []

    def lookup(name: str) -> TestSpec:
        asked.append(name)
        return known[name]

    select(known, lookup, parse_pattern("a,b"))
    assert sorted(asked) == ["a", "b", "c"]


def test_tags_narrow_what_is_asked_but_not_what_is_upstream() -> None:
    tagged = replace(spec("a", "b"), meta=TestMeta(tags=("fast", "rtl")))
    selection = selected(tagged, spec("b", "c"), spec("c"), tags="f%")
    assert {name: test.asked for name, test in selection.tests.items()} == {"c": False, "b": False, "a": True}


def test_an_unknown_name_in_the_pattern_is_an_error_with_the_nearest_name() -> None:
    (finding,) = findings(spec("compile"), pattern="compil,zz%")
    assert finding.message == "unknown test 'compil' in the pattern 'compil,zz%'"
    assert finding.hint == "did you mean 'compile'?"


def test_an_unknown_prerequisite_is_an_error_at_its_place() -> None:
    (finding,) = findings(spec("a", "setup compil"), spec("compile"), spec("setup"))
    assert str(finding.location) == "tests/a/testconfig:3:8"
    assert finding.message == "unknown test 'compil' in waiton of test 'a'"
    assert finding.length == len("compil")
    assert finding.hint == "did you mean 'compile'?"


def test_a_test_that_waits_on_itself_is_a_cycle_of_one() -> None:
    (finding,) = findings(spec("a", "a"))
    assert finding.message == "test 'a' waits on itself"


def test_a_cycle_is_shown_whole_with_the_place_of_each_edge() -> None:
    (finding,) = findings(spec("x", "a"), spec("a", "b"), spec("b", "c"), spec("c", "z a"), spec("z"))
    assert finding.message == "tests wait on each other: a -> b -> c -> a"
    assert finding.notes == (
        "tests/a/testconfig:2:8: 'a' waits on 'b'",
        "tests/b/testconfig:2:8: 'b' waits on 'c'",
        "tests/c/testconfig:3:8: 'c' waits on 'a'",
    )


def test_everything_wrong_is_reported_at_once() -> None:
    def lookup(name: str) -> TestSpec:
        if name == "bad":
            raise UserError("bad: its file cannot be read")
        return {"a": spec("a", "b nosuch"), "b": spec("b", "a bad"), "s": spec("s", "s")}[name]

    with pytest.raises(ConfigError) as caught:
        select(["a", "b", "s", "bad"], lookup, parse_pattern("a,s,gone"))
    messages = [finding.message for finding in caught.value.diagnostics()]
    assert messages[0] == "unknown test 'gone' in the pattern 'a,s,gone'"
    assert "unknown test 'nosuch' in waiton of test 'a'" in messages
    assert "bad: its file cannot be read" in messages
    assert "tests wait on each other: a -> b -> a" in messages
    assert "test 's' waits on itself" in messages
    assert len(messages) == 5


def test_item_patterns_go_upstream_through_the_maps_of_each_step() -> None:
    d = spec("d", "c", modes="itemmatch", maps=[("%", r"(\d+)/res", r"\1/aa")])
    c = spec("c", "a", modes="itemmatch", maps=[("a", r"(\d+)/aa", r"aa/\1")])
    selection = selected(d, c, spec("a"), pattern="d/1/res")
    assert needed(selection, "c") == ["c/1/aa"]
    assert needed(selection, "a") == ["a/aa/1"]


def test_a_test_without_item_matching_needs_the_whole_of_what_it_waits_on() -> None:
    selection = selected(spec("b", "a"), spec("a"), pattern="b/1")
    assert needed(selection, "a") == ["a"]


def test_a_map_that_cannot_be_applied_is_an_error() -> None:
    (finding,) = findings(
        spec("b", "a", modes="itemmatch", maps=[("%", "x*", "y")]), spec("a"), pattern="b/1"
    )
    assert finding.message.startswith("test 'b', waiting on 'a': item map 'x*'")


def test_a_faulty_item_map_is_an_error() -> None:
    (finding,) = findings(spec("b", "a", modes="itemmatch", maps=[("%", "x(", "y")]), spec("a"))
    assert "cannot be read" in finding.message


def test_many_cycles_are_reported_without_going_round_for_ever() -> None:
    size = 300
    everyone = " ".join(f"t{n}" for n in range(size))
    assert len(findings(*(spec(f"t{n}", everyone) for n in range(size)))) >= 1


def test_a_cycle_of_twenty_thousand_is_found_without_recursion() -> None:
    size = 20_000
    (finding,) = findings(*(spec(f"t{n}", f"t{(n + 1) % size}") for n in range(size)))
    assert len(finding.notes) == size
