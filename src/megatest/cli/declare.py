"""What a command's line may have, as records: the one source of both readings of it.

`megatest.cli.spoken` makes click commands of them, for help, completion and messages about wrong lines.
`megatest.cli.plain` reads by itself the lines that are beyond doubt, because click costs as much as all
the rest of a listing.  Nothing here loads click.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from megatest.model.slotted import dataclass


class Value(Enum):
    """What a parameter's value is."""

    TEXT = "text"
    PATTERN = "text that is not empty where it is given"
    CHOICE = "one of a list"
    COUNT = "whole number from 1"
    SECONDS = "number from 0"
    DIRECTORY = "path that is no file"
    FLAG = "there or not"
    REST = "the rest of the line, whatever it looks like"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument or option of a command.

    Attributes:
        name: of the action's parameter.
        words: how an option is written, ``--json``; none for an argument.
        value: what it takes.
        default: without it on the line.
        metavar: what its value is called; empty for click's own word.
        text: what it does, in a line.
        choices: of CHOICE.
        show_default: the help says what the default is.
        required: a line without it is wrong.
        many: it may be given many times, and the action gets a tuple.
    """

    name: str
    words: tuple[str, ...] = ()
    value: Value = Value.TEXT
    default: str | None = None
    metavar: str = ""
    text: str = ""
    choices: tuple[str, ...] = ()
    show_default: bool = False
    required: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: what its line may have and what it does.

    Attributes:
        name: the word that calls it.
        parameters: arguments in their order, options in that of the help.
        action: does it, with a value for each parameter; returns the exit status, None for 0.
        commands: those below it; it has then no parameters and its action is never called.
    """

    name: str
    parameters: tuple[Parameter, ...]
    action: Callable[..., int | None]
    commands: tuple[Command, ...] = ()


EMPTY_PATTERN = "an empty pattern matches no test; % means all"
"""What is wrong with an empty word for a pattern, as from an unset variable: nobody means all by it."""


class Misuse(Exception):  # noqa: N818 - becomes click's message about a wrong line
    """A value that no type describes is wrong; raised before anything is done."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter


class Declined(Exception):  # noqa: N818 - an answer, not a fault
    """The user was asked and did not agree."""


def command(name: str, *parameters: Parameter) -> Callable[[Callable[..., int | None]], Command]:
    """Return the decorator that makes a command of the function that does it; its docstring is the help."""
    return lambda action: Command(name=name, parameters=parameters, action=action)


def group(name: str, *commands: Command) -> Callable[[Callable[..., int | None]], Command]:
    """Return the decorator that puts commands below a word; the function is there for its docstring."""
    return lambda action: Command(name=name, parameters=(), action=action, commands=commands)


def argument(name: str, value: Value = Value.TEXT, *, choices: tuple[str, ...] = ()) -> Parameter:
    """Return an argument that must be there."""
    return Parameter(name=name, value=value, choices=choices, required=True)


def optional(name: str, value: Value = Value.TEXT) -> Parameter:
    """Return an argument that is empty if it is not there; only the last ones may be optional."""
    return Parameter(name=name, value=value, default="")


def rest(name: str, metavar: str, value: Value = Value.TEXT) -> Parameter:
    """Return an argument that takes all words that are left."""
    return Parameter(name=name, value=value, metavar=metavar, many=True)


def flag(words: str, text: str, *, name: str = "") -> Parameter:
    """Return an option without a value.

    Args:
        words: how it is written, separated by blanks.
        text: its help.
        name: of the action's parameter; that of the first long word if empty.
    """
    written = tuple(words.split())
    return Parameter(name=name or _name(written), words=written, value=Value.FLAG, text=text)


def option(
    words: str,
    metavar: str,
    text: str,
    *,
    name: str = "",
    value: Value = Value.TEXT,
    default: str | None = "",
    choices: tuple[str, ...] = (),
    show_default: bool = False,
    required: bool = False,
    many: bool = False,
) -> Parameter:
    """Return an option with a value; see `flag` and `Parameter`."""
    written = tuple(words.split())
    return Parameter(
        name=name or _name(written),
        words=written,
        value=value,
        default=default,
        metavar=metavar,
        text=text,
        choices=choices,
        show_default=show_default,
        required=required,
        many=many,
    )


def _name(words: tuple[str, ...]) -> str:
    return next(word for word in words if word.startswith("--"))[2:].replace("-", "_")


AREA = (
    option("--area -C", "DIR", "The area. [default: the nearest one upward]"),
    option("--config-name", "NAME", "Name of the area's file.", default="megatest.config"),
)
"""The options that say which area is meant."""

RUN = (
    option("--target -t", "A/B/C", "A value for each field."),
    option("--runname -n", "NAME", "Name of the run."),
)
"""The options that say which run is meant."""

JSON = flag("--json", "Print JSON.", name="as_json")
