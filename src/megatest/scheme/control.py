"""Leaving and going on: several values, continuations, handlers.

A continuation can only be left through, while its ``call/cc`` still runs; that is what areas use it for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from megatest.model.slotted import dataclass
from megatest.scheme.argument import symbol_of
from megatest.scheme.fault import FileFault, SchemeFault, UncatchableFault
from megatest.scheme.form import Form, ListForm
from megatest.scheme.procedure import Call, Environment, Escape, Evaluate, Procedure, Steps
from megatest.scheme.syntax import fail, items_in, name_of, parts_of, sequence
from megatest.scheme.value import UNSPECIFIED, Value, brief, list_from, to_text, to_written

_LONGEST_MESSAGE: Final = 2000
_KINDS: Final = frozenset({"exn"})
_FILE_KINDS: Final = frozenset({"exn", "i/o", "file"})


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """What an expression returns that does not return one value."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What a handler is given of a fault."""

    message: str
    arguments: tuple[Value, ...] = ()
    kinds: frozenset[str] = _KINDS


class RaisedFault(SchemeFault):
    """A value that the text raised itself."""

    def __init__(self, message: str, value: Value) -> None:
        super().__init__(message[:_LONGEST_MESSAGE])
        self.value = value


def values_in(value: Value) -> tuple[Value, ...]:
    """Return the values that an expression returned."""
    return value.items if isinstance(value, Values) else (value,)


def _values(*values: Value) -> Value:
    return values[0] if len(values) == 1 else Values(values)


def _call_with_values(producer: Value, consumer: Value) -> Steps:
    produced = yield Call(producer, ())
    return Call(consumer, values_in(produced))


def _call_with_continuation(receiver: Value) -> Steps:
    is_running = True

    def leave(*values: Value) -> Value:
        if not is_running:
            raise UncatchableFault("a continuation can only be called before its call/cc has returned")
        raise Escape(continuation, _values(*values))

    continuation = Procedure("continuation", leave)
    try:
        return (yield Call(receiver, (continuation,)))
    except Escape as escape:
        if escape.target is not continuation:
            raise
        return escape.value
    finally:
        is_running = False


def _error(message: Value, *details: Value) -> Value:
    text = " ".join([to_text(message), *map(to_written, details)])
    raise RaisedFault(text, Condition(to_text(message), details))


def _raise(value: Value) -> Value:
    if isinstance(value, Condition):
        raise RaisedFault(" ".join([value.message, *map(to_written, value.arguments)]), value)
    raise RaisedFault(f"uncaught exception: {to_written(value)}", value)


def _raised(fault: SchemeFault) -> Value:
    """Return what a handler is given."""
    if isinstance(fault, RaisedFault):
        return fault.value
    return Condition(fault.message, kinds=_FILE_KINDS if isinstance(fault, FileFault) else _KINDS)


def _handle_exceptions(form: ListForm, environment: Environment) -> Steps:
    """``(handle-exceptions NAME HANDLER BODY...)``: the handler's value if the body fails."""
    name, handler, *body = parts_of(form, 3)
    try:
        return (yield from _awaited(body, environment))
    except UncatchableFault:
        raise
    except SchemeFault as fault:
        return Evaluate(handler, Environment({name_of(name): _raised(fault)}, environment))


def _condition_case(form: ListForm, environment: Environment) -> Steps:
    """``(condition-case EXPRESSION ([NAME] (KIND...) BODY...)...)``."""
    expression, *clauses = parts_of(form, 1)
    handlers = [_handler(clause) for clause in clauses]
    try:
        return (yield Evaluate(expression, environment))
    except UncatchableFault:
        raise
    except SchemeFault as fault:
        value = _raised(fault)
        kinds = value.kinds if isinstance(value, Condition) else frozenset()
        for name, wanted, body in handlers:
            if wanted <= kinds:
                names = {} if name is None else {name: value}
                return (yield from sequence(body, Environment(names, environment)))
        raise


def _handler(clause: Form) -> tuple[str | None, frozenset[str], tuple[Form, ...]]:
    """Return the name, the kinds and the body of a clause; without kinds it takes all."""
    items = items_in(clause)
    name = None
    if items and not isinstance(items[0], ListForm):
        name, items = name_of(items[0]), items[1:]
    if not items:
        fail(clause, "a clause is written ([NAME] (KIND...) BODY...)")
    kinds = frozenset(name_of(kind) for kind in items_in(items[0]))
    if not kinds <= _FILE_KINDS:
        fail(items[0], "the kinds that can be told apart are exn, i/o and file; () takes all")
    return name, kinds, items[1:]


def _with_exception_handler(handler: Value, thunk: Value) -> Steps:
    try:
        return (yield Call(thunk, ()))
    except UncatchableFault:
        raise
    except SchemeFault as fault:
        yield Call(handler, (_raised(fault),))
        raise


def _awaited(body: list[Form], environment: Environment) -> Steps:
    """Evaluate forms in order, the last one not in the tail."""
    value: Value = UNSPECIFIED
    for form in body:
        value = yield Evaluate(form, environment)
    return value


def _property(condition: Value, kind: Value, name: Value, default: Value = None) -> Value:
    who = "get-condition-property"
    wanted = (symbol_of(kind, who).name, symbol_of(name, who).name)
    if isinstance(condition, Condition):
        if wanted == ("exn", "message"):
            return condition.message
        if wanted == ("exn", "arguments"):
            return list_from(condition.arguments)
    if default is None:
        raise SchemeFault(f"{who}: {brief(condition)} has no {' '.join(wanted)}")
    return default


def _property_accessor(kind: Value, name: Value, default: Value = None) -> Value:
    return Procedure("condition-property", lambda condition: _property(condition, kind, name, default))


def _assert(form: ListForm, environment: Environment) -> Steps:
    expression, *rest = parts_of(form, 1)
    value = yield Evaluate(expression, environment)
    if value is not False:
        return value
    message: Value = "assertion failed"
    if rest:
        message = yield Evaluate(rest[0], environment)
    return _error(message)


FORMS: Final[Mapping[str, Callable[[ListForm, Environment], Value]]] = {
    "handle-exceptions": _handle_exceptions,
    "condition-case": _condition_case,
    "assert": _assert,
}

PROCEDURES: Final[Mapping[str, Callable[..., Value]]] = {
    "values": _values,
    "call-with-values": _call_with_values,
    "call/cc": _call_with_continuation,
    "call-with-current-continuation": _call_with_continuation,
    "error": _error,
    "abort": _raise,
    "raise": _raise,
    "signal": _raise,
    "with-exception-handler": _with_exception_handler,
    "condition?": lambda value: isinstance(value, Condition),
    "get-condition-property": _property,
    "condition-property-accessor": _property_accessor,
}
