"""What a test asks of a batch system beyond numbers: ``[requirements]`` by the words that have a meaning."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from megatest.model.slotted import dataclass

_QUEUE = frozenset({"queue", "partition"})
_ACCOUNT = frozenset({"account", "project"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The named wishes of a test.

    Attributes:
        queue, account: instead of those of the executor's section; empty without.
        options: further words for the submit command.
        licenses: how many of which, as in ``licenses sim:2,synth``.
        constraint: features that the machine must have; empty without.
        others: (name, value) of all that has no meaning of its own.
    """

    queue: str = ""
    account: str = ""
    options: tuple[str, ...] = ()
    licenses: tuple[tuple[str, int], ...] = ()
    constraint: str = ""
    others: tuple[tuple[str, str], ...] = ()


def wishes_from(extra: Iterable[tuple[str, str]]) -> Wishes:
    """Return the wishes that are written as these keys and values; empty values wish nothing."""
    queue = account = constraint = ""
    options: tuple[str, ...] = ()
    licenses: tuple[tuple[str, int], ...] = ()
    others = []
    for name, value in extra:
        if not value:
            continue
        if name in _QUEUE:
            queue = value
        elif name in _ACCOUNT:
            account = value
        elif name == "options":
            options = split_options(value)
        elif name == "licenses":
            licenses = _licenses(value)
        elif name == "constraint":
            constraint = value
        else:
            others.append((name, value))
    return Wishes(
        queue=queue,
        account=account,
        options=options,
        licenses=licenses,
        constraint=constraint,
        others=tuple(others),
    )


def split_options(text: str) -> tuple[str, ...]:
    """Return the words of options, quoted as for a shell; with a quote left open, at the blanks."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def _licenses(text: str) -> tuple[tuple[str, int], ...]:
    """Read ``sim:2,synth`` or ``sim:2 synth``; without a number it is one."""
    licenses = []
    for word in text.replace(",", " ").split():
        name, colon, count = word.rpartition(":")
        if colon and count.isascii() and count.isdecimal():
            licenses.append((name, int(count)))
        else:
            licenses.append((word, 1))  # "sim@server" names where it comes from
    return tuple(licenses)
