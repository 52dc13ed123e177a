"""Lines that are read without click mean what click says they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatest.cli.declare import Command, Parameter, Value
from megatest.cli.modern import COMMANDS, declared
from megatest.cli.plain import read
from megatest.cli.spoken import click_command

_WORDS = (
    "a",
    "a/b",
    "%",
    "",
    "-",
    "--",
    "3",
    "-1",
    "0",
    "007",
    "x=y",
    "-h",
    "--help",
    "--no-such",
    "-zz",
    "é",
)


def commands() -> Iterator[tuple[Sequence[str], Command]]:
    """Yield every command with the words that call it, without groups."""
    for name in COMMANDS:
        command = declared(name)
        if command.commands:
            yield from (((name, below.name), below) for below in command.commands)
        else:
            yield (name,), command


def told_by_click(command: Command, words: Sequence[str]) -> Mapping[str, object] | None:
    """Return the values that click gives to a command's action; None if it refuses the line or helps."""
    made = click_command(command)
    got: list[Mapping[str, object]] = []
    made.callback = lambda **values: got.append(values)
    try:
        made.main(args=list(words), prog_name="megatest", standalone_mode=False)
    except click.ClickException:
        return None
    return got[0] if got else None


def words_of(parameter: Parameter) -> st.SearchStrategy[tuple[str, ...]]:
    """Return spellings of one parameter, right ones and others."""
    text = st.sampled_from((*_WORDS, *parameter.choices))
    if not parameter.words:
        return st.tuples(text)
    word = st.sampled_from(parameter.words)
    if parameter.value is Value.FLAG:
        return st.one_of(st.tuples(word), st.tuples(word.map(lambda w: f"{w}=1")))
    return st.one_of(
        st.tuples(word, text),
        st.tuples(word),
        st.tuples(st.tuples(word, text).map("=".join)),
        st.tuples(st.tuples(word, text).map("".join)),
    )


@st.composite
def lines(draw: st.DrawFn, command: Command) -> list[str]:
    """Return a line of a command's own words and of others."""
    parts = st.one_of(*map(words_of, command.parameters), st.sampled_from(_WORDS).map(lambda w: (w,)))
    return [word for part in draw(st.lists(parts, max_size=6)) for word in part]


@pytest.mark.parametrize(
    ("call", "command"), [pytest.param(*each, id=" ".join(each[0])) for each in commands()]
)
@given(data=st.data())
def test_a_line_read_without_click_means_the_same_to_click(
    call: Sequence[str], command: Command, data: st.DataObject
) -> None:
    words = data.draw(lines(command))
    found = read(command, words)
    if found is not None:
        assert found == (command, told_by_click(command, words)), call


def test_what_people_type_is_read_without_click() -> None:
    for line in (
        "list",
        "list --runs",
        "list a/% --bad --sort=time --json -t x/y -nw1",
        "show a/b -n w1 --area dir",
        "why a",
        "check -C dir",
        "config get setup linktree",
        "run a b -t x/y -n w1 -j 4 --rerun FAIL,WARN --env A=1 --env B=2 --dry-run",
    ):
        name, *words = line.split()
        assert read(declared(name), words) is not None, line


def test_help_and_what_is_wrong_are_left_to_click() -> None:
    for line in (
        "list -h",
        "list --help",
        "list --sort size",
        "list a b",
        "show",
        "run -j 0",
        "config",
        "-h",
    ):
        name, *words = line.split()
        command = declared(name) if name in COMMANDS else declared("list")
        assert read(command, words if name in COMMANDS else [name]) is None, line
