"""How a line of the original's options is read."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatest.cli.classic import ORDER, Later
from megatest.cli.grammar import help_text, parse
from megatest.cli.intest import CLASSIC
from megatest.cli.options import GROUPS, OPTIONS, Kind
from megatest.model.error import UserError


def test_options_may_stand_in_any_order_and_take_the_next_word_whatever_it_is() -> None:
    line = parse(["-m", "-force", ":os", "linux", "-run", "-rerun", "FAIL, WARN,", ":runname", "w1"])
    assert line.value("m") == "-force"
    assert not line.has("force")
    assert line.fields == {"os": "linux"}
    assert line.words("rerun") == ("FAIL", "WARN")
    assert (line.value("runname"), line.has("run")) == ("w1", True)


def test_other_spellings_mean_the_same_option() -> None:
    assert parse(["-show-keys"]).has("showkeys")
    assert parse(["--modepatt", "K"]).value("modepatt") == "K"
    assert parse(["-state", "A"]).value("state") == parse([":state", "A"]).value("state")
    assert parse(["--help"]).has("h")


def test_a_second_word_is_taken_where_an_option_may_have_one_and_only_if_it_is_no_option() -> None:
    line = parse(["-envcap", "before", "e.db", "-run"])
    assert (line.value("envcap"), line.further, line.has("run")) == ("before", {"envcap": "e.db"}, True)
    line = parse(["-envdelta", "a-b", "-o", "f"])
    assert (line.value("envdelta"), line.further, line.value("o")) == ("a-b", {}, "f")
    with pytest.raises(UserError, match="unknown argument 'more'"):
        parse(["-envcap", "before", "e.db", "more"])


def test_of_an_option_given_twice_the_last_counts() -> None:
    assert parse(["-testpatt", "a", "-testpatt", "b"]).value("testpatt") == "b"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["-keep-going"], "unknown argument '-keep-going'", "did you mean '-keepgoing'?"),
        (
            ["-C", "DIR", "list"],
            "unknown argument '-C'",
            "options stand behind the command: megatest list -C ...",
        ),
        (["-C", "DIR"], "unknown argument '-C'", "see all options: megatest -h"),
        (["stray"], "unknown argument 'stray'", "see all options: megatest -h"),
        ([":"], "unknown argument ':'", "see all options: megatest -h"),
        ([""], "unknown argument ''", "see all options: megatest -h"),
        (["-target"], "-target needs a value", "write: -target A/B/C"),
        ([":os"], ":os needs a value", "write: :os VALUE"),
    ],
)
def test_a_word_that_is_no_option_and_a_missing_value_are_named(
    words: list[str], message: str, hint: str
) -> None:
    with pytest.raises(UserError) as caught:
        parse(words)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_every_action_is_carried_out_and_every_option_is_in_the_help() -> None:
    carried_out = {name for names, _ in ORDER for name in names} | {"h", "version"}
    actions = {option.name for option in OPTIONS.values() if option.kind is Kind.ACTION}
    assert actions <= carried_out
    assert carried_out <= {option.name for option in OPTIONS.values()}
    page = help_text()
    for word in OPTIONS:
        assert word in page


def test_every_action_that_is_loaded_when_it_is_needed_is_there() -> None:
    late = [action for _, action in ORDER if isinstance(action, Later)]
    assert len(late) > 10
    assert all(callable(action.load()) for action in late)


def test_no_word_means_two_options() -> None:
    words = [word for _, options in GROUPS for option in options for word in option.spellings]
    assert len(words) == len(set(words))


def test_the_options_for_inside_a_test_are_those_that_the_helpers_know() -> None:
    in_test = {word for word, option in OPTIONS.items() if option.kind is Kind.IN_TEST}
    assert in_test >= CLASSIC


@given(st.lists(st.sampled_from([*OPTIONS, ":os", "word", "", ":"]) | st.text(max_size=6), max_size=12))
def test_any_line_is_read_or_refused(words: list[str]) -> None:
    with suppress(UserError):
        assert set(parse(words).given) <= {option.name for option in OPTIONS.values()}
