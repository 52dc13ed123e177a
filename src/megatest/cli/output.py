"""Printing what a command has to say."""

from __future__ import annotations

import sys

_WHOLE = frozenset({"utf-8", "UTF-8", "utf8"})


def echo(text: str) -> None:
    """Print a line of text and flush it, as `click.echo` does.

    Click is asked only where it would change something: control sequences go unless a terminal reads
    them, and a stream that knows no more than ASCII is given another encoding.
    """
    out = sys.stdout
    if out.encoding not in _WHOLE or "\x1b" in text:
        import click

        click.echo(text)
        return
    out.write(text + "\n")
    out.flush()


def count_of(number: int, noun: str) -> str:
    """Return ``1 test`` or ``3 tests``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
