"""What can be called: procedures of the user's text, of this package and of the host."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias

from megatest.model.slotted import dataclass
from megatest.scheme.fault import UncatchableFault
from megatest.scheme.form import Form, ListForm
from megatest.scheme.value import Value


class Environment:
    """Names and values of one scope, on top of the scope that it stands in."""

    __slots__ = ("names", "outer")

    def __init__(self, names: dict[str, Value], outer: Environment | None = None) -> None:
        self.names = names
        self.outer = outer

    def find(self, name: str) -> dict[str, Value] | None:
        """Return the names of the innermost scope that has this name; None if none has."""
        scope: Environment | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names
            scope = scope.outer
        return None


# Requests are made at every step, and a frozen dataclass takes three times as long to make.


@dataclass(slots=True, eq=False)
class Evaluate:
    """Asks for the value of a form."""

    form: Form
    environment: Environment


@dataclass(slots=True, eq=False)
class Call:
    """Asks for what a procedure returns; `form` is the place to blame."""

    procedure: Value
    arguments: tuple[Value, ...]
    form: Form | None = None


Request: TypeAlias = Evaluate | Call
Steps: TypeAlias = Generator[Request, Value, Value]
"""A computation that asks for others: it yields a request and is sent the value.

What it returns is its value; a returned request is done in its place (a tail call: nothing waits for it).
"""


class Escape(Exception):  # noqa: N818 - no error: the way out of a ``call/cc``
    """A continuation was called.

    Attributes:
        target: the continuation.
        value: what its ``call/cc`` is to return.
    """

    def __init__(self, target: Value, value: Value) -> None:
        super().__init__()
        self.target = target
        self.value = value


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSite:
    """Where a procedure was called from.

    Attributes:
        form: the call, or what made another procedure call it (``apply``).
        is_direct: `form` is the call itself, with its arguments.
    """

    form: Form
    is_direct: bool

    def argument(self, index: int) -> Form:
        """Return the form of an argument if the call shows it, else of the whole call."""
        if self.is_direct and isinstance(self.form, ListForm) and index + 1 < len(self.form.items):
            return self.form.items[index + 1]
        return self.form


@dataclass(frozen=True, slots=True, eq=False)
class Procedure:
    """A procedure in Python.

    Attributes:
        name: as printed and in messages.
        function: takes the arguments; returns a value, or `Steps` if it has to call other procedures.
    """

    name: str
    function: Callable[..., Value]


@dataclass(frozen=True, slots=True, eq=False)
class PlacedProcedure:
    """A procedure in Python that is told where it was called, before its arguments."""

    name: str
    function: Callable[[CallSite, Sequence[Value]], Value]


@dataclass(frozen=True, slots=True, eq=False)
class SpecialForm:
    """A form that decides itself what of it is evaluated.

    `function` returns a value, a request or `Steps`.
    """

    name: str
    function: Callable[[ListForm, Environment], Value]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameters:
    """What a lambda takes: required names, optional and keyword ones with defaults, the rest."""

    required: tuple[str, ...] = ()
    optional: tuple[tuple[str, Form | None], ...] = ()
    rest: str | None = None
    keywords: tuple[tuple[str, Form | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Closure:
    """A procedure of the user's text."""

    name: str
    parameters: Parameters
    body: tuple[Form, ...]
    environment: Environment


def check_arity(procedure: Procedure, arguments: Sequence[Value]) -> None:
    """Raise a fault if these cannot be the arguments of the procedure; asked only after it failed."""
    try:
        inspect.signature(procedure.function).bind(*arguments)
    except TypeError:
        count = len(arguments)
        raise UncatchableFault(
            f"{procedure.name} does not take {count} argument{'s' * (count != 1)}"
        ) from None
