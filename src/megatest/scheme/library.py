"""The names that every Scheme text finds defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from megatest.scheme import arithmetic, control, listing, table, vector, wording
from megatest.scheme.argument import text_of
from megatest.scheme.fault import SchemeFault, UncatchableFault
from megatest.scheme.procedure import Call, Closure, PlacedProcedure, Procedure, Steps
from megatest.scheme.special import SPECIAL_FORMS
from megatest.scheme.value import (
    UNSPECIFIED,
    Special,
    Value,
    brief,
    is_equal,
    is_same,
    is_true,
    to_text,
    to_written,
)
from megatest.scheme.wording import filled


def _is_procedure(value: Value) -> bool:
    return isinstance(value, Closure | Procedure | PlacedProcedure)


def _refused(name: str) -> Callable[..., Value]:
    def refuse(*ignored: Value) -> Value:
        raise UncatchableFault(f"{name}: the text may not read or write files, or start processes, itself")

    return refuse


_OTHERS: Final[Mapping[str, Callable[..., Value]]] = {
    "not": lambda value: not is_true(value),
    "eq?": is_same,
    "eqv?": is_same,
    "equal?": is_equal,
    "boolean?": lambda value: isinstance(value, bool),
    "procedure?": _is_procedure,
    "void": lambda *ignored: UNSPECIFIED,
    "identity": lambda value: value,
    "eof-object": lambda: Special.EOF,
    "eof-object?": lambda value: value is Special.EOF,
}
_REFUSED: Final = (
    "with-input-from-file",
    "with-input-from-pipe",
    "with-output-to-file",
    "with-output-to-pipe",
    "call-with-input-file",
    "call-with-input-pipe",
    "call-with-output-file",
    "open-input-file",
    "open-input-pipe",
    "open-output-file",
    "read-line",
    "read-lines",
    "read-all",
    "directory",
    "delete-file",
    "process",
)


@cache
def standard_names() -> Mapping[str, Value]:
    """Return the forms and procedures of the language; those with output belong to `Output`."""
    modules = (
        {name: _refused(name) for name in _REFUSED},
        arithmetic.PROCEDURES,
        control.PROCEDURES,
        listing.PROCEDURES,
        table.PROCEDURES,
        vector.PROCEDURES,
        wording.PROCEDURES,
        _OTHERS,
    )
    names: dict[str, Value] = dict(SPECIAL_FORMS)
    for procedures in modules:
        names.update((name, Procedure(name, function)) for name, function in procedures.items())
    return names


class Output:
    """Where ``print``, ``display`` and ``write`` write: a sink, or a string that is being made.

    There is one port, and a procedure that is given it writes where it would without.
    """

    def __init__(self, sink: Callable[[str], None] | None) -> None:
        self._sink = sink
        self._captures: list[list[str]] = []

    def procedures(self) -> Mapping[str, Value]:
        """Return the procedures that write here."""
        functions: dict[str, Callable[..., Value]] = {
            "print": lambda *values: self._write("".join(map(to_text, values)) + "\n"),
            "display": lambda value, port=None: self._write(to_text(value)),
            "write": lambda value, port=None: self._write(to_written(value)),
            "newline": lambda port=None: self._write("\n"),
            "print*": lambda *values: self._write("".join(map(to_text, values))),
            "write-string": lambda text, size=None, port=None: self._write(text_of(text, "write-string")),
            "write-line": lambda text, port=None: self._write(text_of(text, "write-line") + "\n"),
            "flush-output": lambda port=None: UNSPECIFIED,
            "printf": lambda template, *rest: self._write(filled("printf", template, *rest)),
            "fprintf": lambda port, template, *rest: self._write(filled("fprintf", template, *rest)),
            "format": self._format,
            "current-output-port": lambda: Special.PORT,
            "current-error-port": lambda: Special.PORT,
            "with-output-to-string": self._with_output_to_string,
            "call-with-output-string": lambda procedure: self._captured(procedure, Special.PORT),
        }
        return {name: Procedure(name, function) for name, function in functions.items()}

    def _write(self, text: str) -> Value:
        if self._captures:
            self._captures[-1].append(text)
        elif self._sink is not None:
            self._sink(text)
        return UNSPECIFIED

    def _format(self, first: Value, *rest: Value) -> Value:
        """Fill in a template; it is returned if it stands first or after ``#f``, else written."""
        if isinstance(first, str):
            return filled("format", first, *rest)
        if not rest:
            raise SchemeFault(f"format: not a string: {brief(first)}")
        text = filled("format", *rest)
        return text if first is False else self._write(text)

    def _with_output_to_string(self, thunk: Value) -> Steps:
        return self._captured(thunk)

    def _captured(self, procedure: Value, *arguments: Value) -> Steps:
        """Call a procedure and return what it writes."""
        pieces: list[str] = []
        self._captures.append(pieces)
        try:
            yield Call(procedure, arguments)
        finally:
            self._captures.pop()
        return "".join(pieces)
