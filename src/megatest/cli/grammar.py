"""How a line of the original's options is read, and its help.

An option is an exact word anywhere on the line; one that takes a value takes the next word, whatever
it looks like.  ``:name value`` gives a field of the target, or run name, state and status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from megatest.cli.modern import COMMANDS, declared
from megatest.cli.options import GROUPS, OPTIONS, Kind, Option
from megatest.config.nearest import did_you_mean
from megatest.model.error import UserError
from megatest.model.slotted import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A command line, read.

    Attributes:
        given: name of each option that is there -> its value, empty for a switch.  Of an option
            given twice the last counts.
        fields: ``:name value`` pairs that are no option: fields of the target.
        further: name of each option that has a second word -> that word.
    """

    given: Mapping[str, str]
    fields: Mapping[str, str]
    further: Mapping[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Return whether an option is there."""
        return name in self.given

    def value(self, name: str, default: str = "") -> str:
        """Return an option's value."""
        return self.given.get(name, default)

    def words(self, name: str) -> tuple[str, ...]:
        """Return the elements of an option's comma list."""
        return tuple(word for word in map(str.strip, self.value(name).split(",")) if word)


def parse(words: Sequence[str]) -> Line:
    """Read a command line.

    Raises:
        UserError: a word is no option, or an option's value is missing.
    """
    given: dict[str, str] = {}
    fields: dict[str, str] = {}
    further: dict[str, str] = {}
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        option = OPTIONS.get(word)
        if option is None and not _is_field(word):
            raise UserError(f"unknown argument {word!r}", hint=_modern(word, words) or _meant(word))
        if option is not None and not option.value:
            given[option.name] = ""
            continue
        if not rest:
            wanted = f"{word} {option.value}" if option else f"{word} VALUE"
            raise UserError(f"{word} needs a value", hint=f"write: {wanted}")
        value = rest.pop()
        if option is None:
            fields[word[1:]] = value
        else:
            given[option.name] = value
            if option.further and rest and rest[-1][:1] not in ("", "-", ":"):
                further[option.name] = rest.pop()
    return Line(given=given, fields=fields, further=further)


def _is_field(word: str) -> bool:
    return len(word) > 1 and word.startswith(":")


def _modern(word: str, words: Sequence[str]) -> str | None:
    """Return the hint about an option of a modern command that stands in front of it."""
    command = next((each for each in words if each in COMMANDS), None)
    if command is None or not any(word in each.words for each in declared(command).parameters):
        return None
    return f"options stand behind the command: megatest {command} {word} ..."


def _meant(word: str) -> str:
    return did_you_mean(word, OPTIONS) or "see all options: megatest -h"


def help_text() -> str:
    """Return the help of the original's options; those without effect are only named."""
    lines = [
        "usage: megatest ACTION... [OPTION...]       (the modern commands: megatest --help)",
        "",
        "The original's options.  Actions are done in a fixed order, whatever theirs on the line:",
        "-set-state-status NOT_STARTED,n/a -run ... resets, then runs.  For a target with the fields",
        "OS and SITE, -target linux/here and :OS linux :SITE here say the same.",
    ]
    for title, options in GROUPS:
        if options[0].kind in (Kind.INERT, Kind.MISSING):
            names = [" ".join(option.spellings) for option in options]
            lines += ["", f"{title}:", *_wrapped(names)]
        else:
            lines += ["", f"{title}:", *map(_help_line, options)]
    return "\n".join(lines)


def _help_line(option: Option) -> str:
    words = f"{', '.join(option.spellings)} {option.values}".rstrip()
    return f"  {words:<32} {option.text}"


def _wrapped(names: Sequence[str]) -> list[str]:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > 96:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else '  '}{name}"
    return lines
