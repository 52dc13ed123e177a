"""The names that every Scheme text finds defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from megatest.typed import Final

from megatest.scheme import arithmetic, listing, table, wording
from megatest.scheme.argument import text_of
from megatest.scheme.fault import SchemeFault
from megatest.scheme.procedure import Call, Closure, PlacedProcedure, Procedure, Steps
from megatest.scheme.special import SPECIAL_FORMS
from megatest.scheme.value import UNSPECIFIED, Special, Value, is_equal, is_same, is_true, to_text, to_written


def _is_procedure(value: Value) -> bool:
    return isinstance(value, Closure | Procedure | PlacedProcedure)


def _error(message: Value, *details: Value) -> Value:
    raise SchemeFault(" ".join([to_text(message), *(to_written(detail) for detail in details)])[:2000])


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
    "error": _error,
}


@cache
def standard_names() -> Mapping[str, Value]:
    """Return the forms and procedures of the language; those with output belong to `Output`."""
    modules = (arithmetic.PROCEDURES, listing.PROCEDURES, wording.PROCEDURES, table.PROCEDURES, _OTHERS)
    names: dict[str, Value] = dict(SPECIAL_FORMS)
    for procedures in modules:
        names.update((name, Procedure(name, function)) for name, function in procedures.items())
    return names


class Output:
    """Where ``print``, ``display`` and ``write`` write: a sink, or a string that is being made."""

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
            "printf": lambda template, *rest: self._write(self._filled(template, *rest)),
            "with-output-to-string": self._with_output_to_string,
        }
        return {name: Procedure(name, function) for name, function in functions.items()}

    def reset(self) -> None:
        """Forget the strings that an error left half made."""
        self._captures.clear()

    def _write(self, text: str) -> Value:
        if self._captures:
            self._captures[-1].append(text)
        elif self._sink is not None:
            self._sink(text)
        return UNSPECIFIED

    def _filled(self, template: Value, *rest: Value) -> str:
        return text_of(wording.PROCEDURES["sprintf"](template, *rest), "printf")

    def _with_output_to_string(self, thunk: Value) -> Steps:
        self._captures.append([])
        yield Call(thunk, ())
        return "".join(self._captures.pop())
