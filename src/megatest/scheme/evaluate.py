"""The evaluator: runs forms with a stack of its own, within a number of steps.

A form that needs the values of others is a generator (see `procedure.Steps`); the loop in `_Machine` keeps
those that wait in a list.  So the user's recursion ends at a limit with a message, never at Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import GeneratorType
from typing import Final, cast

from megatest.scheme.binding import bind_parameters
from megatest.scheme.fault import FileFault, SchemeError, SchemeFault, UncatchableFault
from megatest.scheme.form import AtomForm, Form, ListForm
from megatest.scheme.library import Output, standard_names
from megatest.scheme.procedure import (
    Call,
    CallSite,
    Closure,
    Environment,
    Escape,
    Evaluate,
    PlacedProcedure,
    Procedure,
    SpecialForm,
    Steps,
    check_arity,
)
from megatest.scheme.syntax import sequence
from megatest.scheme.value import UNSPECIFIED, Symbol, Value, brief, to_text

DEFAULT_STEP_LIMIT: Final = 500_000
DEPTH_LIMIT: Final = 200_000
_LEAVING: Final = (SchemeFault, SchemeError, Escape)


class Interpreter:
    """Runs forms; what they define stays for the forms of the next `run`.

    Args:
        bindings: names that the host adds.  A Python callable becomes a procedure of its positional
            arguments; it may raise `SchemeFault`, or OSError, and the user is shown the place of the call.
            `PlacedProcedure`, `SpecialForm` and any other value are bound as they are.
        step_limit: most calls and evaluations of one `run`.
        output: receives what ``print``, ``display`` and ``write`` write; without it, nothing does.
    """

    def __init__(
        self,
        bindings: Mapping[str, Value] | None = None,
        *,
        step_limit: int = DEFAULT_STEP_LIMIT,
        output: Callable[[str], None] | None = None,
    ) -> None:
        self._output = Output(output)
        names: dict[str, Value] = {**standard_names(), **self._output.procedures()}
        names.update((name, _as_value(name, value)) for name, value in (bindings or {}).items())
        self._global = Environment(names)
        self._step_limit = step_limit

    def run(self, forms: Iterable[Form]) -> Value:
        """Evaluate forms in order and return the last one's value (unspecified without any).

        Raises:
            SchemeError: a form cannot be run; carries its place.
        """
        machine = _Machine(self._step_limit)
        value: Value = UNSPECIFIED
        for form in forms:
            value = machine.run(Evaluate(form, self._global))
        return value

    def run_to_text(self, forms: Sequence[Form]) -> str:
        """Evaluate forms in order and return the last one's value as ``display`` prints it.

        Raises:
            SchemeError: a form cannot be run, or its value is too long to print.
        """
        value = self.run(forms)
        try:
            return to_text(value)
        except SchemeFault as fault:
            raise SchemeError([forms[-1].finding(fault.message, fault.hint)]) from fault

    def evaluation(self, form: Form) -> Evaluate:
        """Return the request to evaluate a form at top level; a host's ``load`` yields it."""
        return Evaluate(form, self._global)


def _as_value(name: str, value: Value) -> Value:
    if callable(value) and not isinstance(value, type):
        return Procedure(name, cast("Callable[..., Value]", value))
    return value


class _Machine:
    """The loop: how much was done, and the form to blame."""

    def __init__(self, step_limit: int) -> None:
        self.step_limit = step_limit
        self.steps = 0

    def run(self, request: Evaluate) -> Value:
        self.blame = request.form
        waiting: list[tuple[Steps, Form]] = []
        result: Value = request
        try:
            while True:
                try:
                    return self._loop(waiting, result)
                except _LEAVING as error:
                    result = self._leave(waiting, error)
        except SchemeFault as fault:
            raise SchemeError([self.blame.finding(fault.message, fault.hint)]) from fault

    def _leave(self, waiting: list[tuple[Steps, Form]], error: Exception) -> Value:
        """Throw an error at those that wait, last first; return what the one that handles it returns."""
        blame = self.blame
        while waiting:
            steps, self.blame = waiting[-1]
            try:
                return steps.throw(error.with_traceback(None))
            except StopIteration as stop:
                waiting.pop()
                return stop.value
            except _LEAVING as other:
                waiting.pop()
                if other is not error:
                    error, blame = other, self.blame
        self.blame = blame
        raise error

    def _loop(self, waiting: list[tuple[Steps, Form]], result: Value) -> Value:
        """Do requests until nothing waits.

        `result` is a request to be done, a generator to be started, or the value for the one that waits last.
        """
        while True:
            kind = type(result)
            if kind is Evaluate:
                result = self._evaluate(cast("Evaluate", result))
            elif kind is Call:
                result = self._call(cast("Call", result))
            elif isinstance(result, GeneratorType):
                if len(waiting) >= DEPTH_LIMIT:
                    raise UncatchableFault(f"more than {DEPTH_LIMIT} calls wait for each other")
                waiting.append((result, self.blame))
                result = self._resume(waiting, None)
            elif waiting:
                result = self._resume(waiting, result)
            else:
                return result

    def _resume(self, waiting: list[tuple[Steps, Form]], value: Value) -> Value:
        steps, self.blame = waiting[-1]
        try:
            return steps.send(value)
        except StopIteration as stop:
            waiting.pop()
            return stop.value

    def _count(self, form: Form | None) -> None:
        self.steps += 1
        if form is not None:
            self.blame = form
        if self.steps > self.step_limit:
            raise UncatchableFault(
                f"stopped after {self.step_limit} steps", hint="does a loop or a recursion never end?"
            )

    def _evaluate(self, request: Evaluate) -> Value:
        form, environment = request.form, request.environment
        self._count(form)
        if isinstance(form, AtomForm):
            return _atom_value(form, environment)
        if form.is_vector:
            raise SchemeFault("a vector must be quoted")
        if not form.items:
            raise SchemeFault("an empty list cannot be called", hint="an empty list is written '()")
        head = form.items[0]
        if isinstance(head, AtomForm) and isinstance(head.value, Symbol):
            self.blame = head
            operator = _look_up(head.value.name, environment)
            self.blame = form
            if isinstance(operator, SpecialForm):
                return operator.function(form, environment)
        return self._combination(form, environment)

    def _combination(self, form: ListForm, environment: Environment) -> Steps:
        if form.tail is not None:
            raise SchemeFault("a call cannot end in a dotted tail")
        values: list[Value] = []
        for item in form.items:
            if isinstance(item, AtomForm):
                self.blame = item
                values.append(_atom_value(item, environment))
            else:
                values.append((yield Evaluate(item, environment)))
        return Call(values[0], tuple(values[1:]), form)

    def _call(self, call: Call) -> Value:
        self._count(call.form)
        procedure = call.procedure
        if isinstance(procedure, Closure):
            return _enter(procedure, call.arguments)
        try:
            if isinstance(procedure, Procedure):
                return procedure.function(*call.arguments)
            if isinstance(procedure, PlacedProcedure):
                return procedure.function(
                    CallSite(form=self.blame, is_direct=call.form is not None), call.arguments
                )
        except TypeError:
            if isinstance(procedure, Procedure):
                check_arity(procedure, call.arguments)
            raise
        except ArithmeticError as error:
            raise SchemeFault(f"{_name_of(procedure)}: {error}") from error
        except OSError as error:
            raise FileFault(f"{_name_of(procedure)}: {error.strerror or error}") from error
        raise SchemeFault(f"{brief(procedure)} cannot be called: it is no procedure")


def _enter(closure: Closure, arguments: tuple[Value, ...]) -> Steps:
    environment = Environment({}, closure.environment)
    yield from bind_parameters(closure, arguments, environment)
    return (yield from sequence(closure.body, environment))


def _atom_value(form: AtomForm, environment: Environment) -> Value:
    value = form.value
    if isinstance(value, Symbol):
        found = _look_up(value.name, environment)
        if isinstance(found, SpecialForm):
            raise SchemeFault(f"{value.name} is a form, not a value")
        return found
    return value


def _look_up(name: str, environment: Environment) -> Value:
    scope = environment.find(name)
    if scope is None:
        raise UncatchableFault(f"{name} is not defined", hint=_suggestion(name, environment))
    return scope[name]


def _suggestion(name: str, environment: Environment) -> str | None:
    from difflib import get_close_matches  # costs 5 ms to import, and only a mistake needs it

    scope: Environment | None = environment
    known: set[str] = set()
    while scope is not None:
        known.update(scope.names)
        scope = scope.outer
    close = get_close_matches(name, sorted(known), n=1)
    return f"did you mean {close[0]!r}?" if close else None


def _name_of(procedure: Value) -> str:
    return procedure.name if isinstance(procedure, Procedure | PlacedProcedure) else "call"
