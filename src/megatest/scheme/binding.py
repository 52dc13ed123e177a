"""The forms that give names to values: ``define``, ``set!``, ``lambda`` and the ``let`` family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from megatest.typed import Final

from megatest.scheme.fault import SchemeFault
from megatest.scheme.form import AtomForm, Form, ListForm
from megatest.scheme.procedure import Call, Closure, Environment, Evaluate, Parameters, Steps
from megatest.scheme.syntax import fail, is_word, items_in, name_of, parts_of, sequence
from megatest.scheme.value import UNSPECIFIED, Keyword, Value, list_from


def bind_parameters(closure: Closure, arguments: Sequence[Value], environment: Environment) -> Steps:
    """Put the arguments of a call into its environment, evaluating the defaults that are needed."""
    parameters = closure.parameters
    required = len(parameters.required)
    _check_count(closure, len(arguments))
    names = environment.names
    names.update(zip(parameters.required, arguments, strict=False))
    rest = list(arguments[required:])
    for name, default in parameters.optional:
        if rest:
            names[name] = rest.pop(0)
        else:
            names[name] = (yield Evaluate(default, environment)) if default is not None else False
    if parameters.rest is not None:
        names[parameters.rest] = list_from(rest)
    for name, default in parameters.keywords:
        given = _keyword_value(name, rest)
        if given:
            names[name] = given[0]
        else:
            names[name] = (yield Evaluate(default, environment)) if default is not None else False
    return None


def _check_count(closure: Closure, count: int) -> None:
    parameters = closure.parameters
    least = len(parameters.required)
    most = least + len(parameters.optional)
    if count < least or (count > most and parameters.rest is None and not parameters.keywords):
        wanted = str(least) if least == most else f"{least} to {most}"
        raise SchemeFault(f"{closure.name} takes {wanted} arguments, not {count}")


def _keyword_value(name: str, arguments: Sequence[Value]) -> list[Value]:
    """Return the value after a keyword, as a list of one; the first wins, one without a value is ignored."""
    for index, argument in enumerate(arguments[:-1]):
        if argument == Keyword(name):
            return [arguments[index + 1]]
    return []


def _define(form: ListForm, environment: Environment) -> Steps:
    parts = parts_of(form, 1)
    target = parts[0]
    if isinstance(target, ListForm) and target.items:
        name = name_of(target.items[0])
        environment.names[name] = _closure(name, target.items[1:], target.tail, parts[1:], environment)
        return UNSPECIFIED
    name = name_of(target)
    if len(parts) > 2:
        fail(form, f"define gives {name} more than one value")
    value = (yield Evaluate(parts[1], environment)) if len(parts) == 2 else UNSPECIFIED
    environment.names[name] = value
    return UNSPECIFIED


def _set(form: ListForm, environment: Environment) -> Steps:
    target, expression = parts_of(form, 2, 2)
    name = name_of(target)
    value = yield Evaluate(expression, environment)
    scope = environment.find(name)
    if scope is None:
        fail(target, f"{name} is not defined")
    scope[name] = value
    return UNSPECIFIED


def _lambda(form: ListForm, environment: Environment) -> Value:
    parameters, *body = parts_of(form, 2)
    if isinstance(parameters, ListForm):
        return _closure("lambda", parameters.items, parameters.tail, body, environment)
    return _closure("lambda", (), parameters, body, environment)


def _closure(
    name: str, items: Sequence[Form], tail: Form | None, body: Sequence[Form], environment: Environment
) -> Closure:
    return Closure(name=name, parameters=_parameters(items, tail), body=tuple(body), environment=environment)


def _parameters(items: Sequence[Form], tail: Form | None) -> Parameters:
    """Read a lambda list: ``a b #!optional c (d 1) #!rest e #!key (f 2)`` or ``a b . e``."""
    required: list[str] = []
    optional: list[tuple[str, Form | None]] = []
    keywords: list[tuple[str, Form | None]] = []
    rest = name_of(tail) if tail is not None else None
    mode = ""
    for item in items:
        if any(is_word(item, mark) for mark in ("#!optional", "#!rest", "#!key")):
            mode = item.text
        elif mode == "#!rest":
            rest = name_of(item)
        elif mode == "":
            required.append(name_of(item))
        else:
            (optional if mode == "#!optional" else keywords).append(_with_default(item))
    return Parameters(required=tuple(required), optional=tuple(optional), rest=rest, keywords=tuple(keywords))


def _with_default(item: Form) -> tuple[str, Form | None]:
    if isinstance(item, ListForm) and len(item.items) == 2:
        return name_of(item.items[0]), item.items[1]
    return name_of(item), None


def _bindings(form: Form) -> Iterator[tuple[str, Form | None]]:
    for binding in items_in(form):
        if isinstance(binding, ListForm) and len(binding.items) == 2:
            yield name_of(binding.items[0]), binding.items[1]
        elif isinstance(binding, ListForm) and len(binding.items) == 1:
            yield name_of(binding.items[0]), None
        else:
            fail(binding, "a binding is written (name value)")


def _let(form: ListForm, environment: Environment) -> Steps:
    parts = parts_of(form, 2)
    if isinstance(parts[0], AtomForm):
        return (yield from _named_let(form, environment))
    names: dict[str, Value] = {}
    for name, expression in _bindings(parts[0]):
        names[name] = (yield Evaluate(expression, environment)) if expression is not None else UNSPECIFIED
    return (yield from sequence(parts[1:], Environment(names, environment)))


def _named_let(form: ListForm, environment: Environment) -> Steps:
    target, bindings, *body = parts_of(form, 3)
    pairs = list(_bindings(bindings))
    values: list[Value] = []
    for _, expression in pairs:
        values.append((yield Evaluate(expression, environment)) if expression is not None else UNSPECIFIED)
    scope = Environment({}, environment)
    name = name_of(target)
    parameters = Parameters(required=tuple(pair[0] for pair in pairs))
    loop = Closure(name=name, parameters=parameters, body=tuple(body), environment=scope)
    scope.names[name] = loop
    return Call(loop, tuple(values), form)


def _let_star(form: ListForm, environment: Environment) -> Steps:
    bindings, *body = parts_of(form, 2)
    scope = Environment({}, environment)
    for name, expression in _bindings(bindings):
        value = (yield Evaluate(expression, scope)) if expression is not None else UNSPECIFIED
        scope = Environment({name: value}, scope)
    return (yield from sequence(body, scope))


def _letrec(form: ListForm, environment: Environment) -> Steps:
    bindings, *body = parts_of(form, 2)
    scope = Environment({}, environment)
    for name, expression in _bindings(bindings):
        scope.names[name] = (yield Evaluate(expression, scope)) if expression is not None else UNSPECIFIED
    return (yield from sequence(body, scope))


FORMS: Final[Mapping[str, Callable[[ListForm, Environment], Value]]] = {
    "define": _define,
    "set!": _set,
    "lambda": _lambda,
    "let": _let,
    "let*": _let_star,
    "letrec": _letrec,
    "letrec*": _letrec,
}
