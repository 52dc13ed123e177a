"""Reads the lines that are beyond doubt, as click would read them; leaves all others to click.

What is read here: options by a whole word, with the value as the next word, after ``=`` or behind a
short option; arguments; ``--``.  Whatever else a line has (help, joined or unknown options, words that
are missing or too many, a value that is not of its kind) is click's to explain.  That the two agree is
a law in tests/property.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from megatest.cli.declare import Command, Parameter, Value

_UNREAD = (Value.SECONDS, Value.DIRECTORY, Value.REST)
_LONGEST_COUNT = 9


def read(command: Command, words: Sequence[str]) -> tuple[Command, dict[str, object]] | None:
    """Return the command that a line means and the values of its parameters; None if click must say.

    Args:
        command: by the line's first word.
        words: the line behind it.
    """
    if command.commands:
        below = next((each for each in command.commands if words and each.name == words[0]), None)
        return None if below is None else read(below, words[1:])
    split = _split(command, words)
    if split is None:
        return None
    given, arguments = split
    if not _place(command, arguments, given):
        return None
    values: dict[str, object] = {}
    for parameter in command.parameters:
        texts = given.get(parameter.name)
        if not _is_sound(parameter, texts):
            return None
        values[parameter.name] = _value(parameter, texts)
    return command, values


def _split(command: Command, words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]] | None:
    """Return the texts of each option that is there, by name, and the arguments; None for a doubt."""
    options = {word: parameter for parameter in command.parameters for word in parameter.words}
    given: dict[str, list[str]] = {}
    arguments: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            arguments.extend(left)
        elif word[:1] != "-" or word == "-":
            arguments.append(word)
        elif (found := _option(word, options)) is None:
            return None
        else:
            parameter, text = found
            if text is None:
                text = "" if parameter.value is Value.FLAG else next(left, None)
            if text is None:
                return None
            given.setdefault(parameter.name, []).append(text)
    return given, arguments


def _option(word: str, options: Mapping[str, Parameter]) -> tuple[Parameter, str | None] | None:
    """Return the option that a word is, and the value in the same word, if it has one."""
    known = options.get(word)
    if known is not None:
        return known, None
    if word.startswith("--"):
        name, equals, text = word.partition("=")
        known = options.get(name) if equals else None
    else:
        known, text = options.get(word[:2]), word[2:]
    return None if known is None or known.value is Value.FLAG else (known, text)


def _place(command: Command, arguments: list[str], given: dict[str, list[str]]) -> bool:
    """Give each argument of the line to the parameter that it is; return whether that comes out even."""
    wanted = [parameter for parameter in command.parameters if not parameter.words]
    if any(parameter.many for parameter in wanted):
        if len(wanted) > 1:
            return False
        given[wanted[0].name] = arguments
        return True
    for parameter, text in zip(wanted, arguments, strict=False):
        given[parameter.name] = [text]
    return len(arguments) <= len(wanted)


def _is_sound(parameter: Parameter, texts: Sequence[str] | None) -> bool:
    """Return whether texts are values of a parameter beyond doubt."""
    if texts is None:
        return not parameter.required
    if parameter.value in _UNREAD or (parameter.required and "" in texts):
        return False
    if parameter.value is Value.PATTERN:
        return all(text.strip() for text in texts)
    if parameter.value is Value.CHOICE:
        return all(text in parameter.choices for text in texts)
    if parameter.value is Value.COUNT:
        return all(_is_count(text) for text in texts)
    return True


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_COUNT and int(text) > 0


def _value(parameter: Parameter, texts: Sequence[str] | None) -> object:
    """Return what the action gets; of an option given twice the last counts."""
    if parameter.many:
        return tuple(texts or ())
    if parameter.value is Value.FLAG:
        return texts is not None
    if texts is None:
        return parameter.default
    return int(texts[-1]) if parameter.value is Value.COUNT else texts[-1]
