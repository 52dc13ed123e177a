"""The forms that give names to values: ``define``, ``set!``, ``lambda`` and the ``let`` family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from megatest.scheme.control import values_in
from megatest.scheme.fault import SchemeFault
from megatest.scheme.form import AtomForm, Form, ListForm
from megatest.scheme.procedure import Call, Closure, Environment, Evaluate, Parameters, Procedure, Steps
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
    if not _takes(parameters, count):
        least = len(parameters.required)
        most = least + len(parameters.optional)
        wanted = str(least) if least == most else f"{least} to {most}"
        raise SchemeFault(f"{closure.name} takes {wanted} arguments, not {count}")


def _takes(parameters: Parameters, count: int) -> bool:
    least = len(parameters.required)
    most = least + len(parameters.optional)
    return count >= least and (count <= most or parameters.rest is not None or bool(parameters.keywords))


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
    return _nameless("lambda", parameters, body, environment)


def _nameless(who: str, parameters: Form, body: Sequence[Form], environment: Environment) -> Closure:
    if isinstance(parameters, ListForm):
        return _closure(who, parameters.items, parameters.tail, body, environment)
    return _closure(who, (), parameters, body, environment)


def _case_lambda(form: ListForm, environment: Environment) -> Value:
    """``(case-lambda (PARAMETERS BODY...)...)``: the first clause that takes so many arguments."""
    clauses = [items_in(clause) or fail(clause, "an empty clause") for clause in parts_of(form, 1)]
    closures = [_nameless("case-lambda", clause[0], clause[1:], environment) for clause in clauses]

    def choose(*arguments: Value) -> Value:
        for closure in closures:
            if _takes(closure.parameters, len(arguments)):
                return Call(closure, arguments)
        raise SchemeFault(f"case-lambda: no clause takes {len(arguments)} arguments")

    return Procedure("case-lambda", choose)


def _cut(form: ListForm, environment: Environment) -> Value:
    """``(cut PROCEDURE ARGUMENT...)``: a procedure of what stands for ``<>`` and, at the end, ``<...>``."""
    parts = parts_of(form, 1)

    def call(*arguments: Value) -> Steps:
        left = list(arguments)
        values: list[Value] = []
        for part in parts:
            if is_word(part, "<...>"):
                values, left = values + left, []
            elif not is_word(part, "<>"):
                values.append((yield Evaluate(part, environment)))
            elif left:
                values.append(left.pop(0))
            else:
                raise SchemeFault(f"cut: {len(arguments)} arguments are too few")
        if left:
            raise SchemeFault(f"cut: {len(arguments)} arguments are too many")
        return Call(values[0], tuple(values[1:]), form)

    return Procedure("cut", call)


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


def _receive(form: ListForm, environment: Environment) -> Steps:
    """``(receive NAMES EXPRESSION BODY...)``."""
    names, expression, *body = parts_of(form, 3)
    values = values_in((yield Evaluate(expression, environment)))
    return (yield from sequence(body, Environment(_named_values(names, values), environment)))


def _let_values(form: ListForm, environment: Environment) -> Steps:
    bindings, *body = parts_of(form, 2)
    found: dict[str, Value] = {}
    for names, expression in _value_bindings(bindings):
        values = values_in((yield Evaluate(expression, environment)))
        found.update(_named_values(names, values))
    return (yield from sequence(body, Environment(found, environment)))


def _let_values_star(form: ListForm, environment: Environment) -> Steps:
    bindings, *body = parts_of(form, 2)
    scope = Environment({}, environment)
    for names, expression in _value_bindings(bindings):
        values = values_in((yield Evaluate(expression, scope)))
        scope = Environment(_named_values(names, values), scope)
    return (yield from sequence(body, scope))


def _define_values(form: ListForm, environment: Environment) -> Steps:
    names, expression = parts_of(form, 2, 2)
    values = values_in((yield Evaluate(expression, environment)))
    environment.names.update(_named_values(names, values))
    return UNSPECIFIED


def _value_bindings(form: Form) -> Iterator[tuple[Form, Form]]:
    for binding in items_in(form):
        parts = items_in(binding)
        if len(parts) != 2:
            fail(binding, "a binding is written ((NAME...) EXPRESSION)")
        yield parts[0], parts[1]


def _named_values(names: Form, values: Sequence[Value]) -> dict[str, Value]:
    """Return values by the names of a list ``(a b . rest)``, or all of them by the one name ``all``."""
    if not isinstance(names, ListForm):
        return {name_of(names): list_from(values)}
    count = len(names.items)
    if len(values) < count or (len(values) > count and names.tail is None):
        raise SchemeFault(f"{len(values)} values for {names.text}")
    found = {name_of(name): value for name, value in zip(names.items, values, strict=False)}
    if names.tail is not None:
        found[name_of(names.tail)] = list_from(values[count:])
    return found


FORMS: Final[Mapping[str, Callable[[ListForm, Environment], Value]]] = {
    "define": _define,
    "set!": _set,
    "define-values": _define_values,
    "lambda": _lambda,
    "case-lambda": _case_lambda,
    "cut": _cut,
    "let": _let,
    "let*": _let_star,
    "letrec": _letrec,
    "letrec*": _letrec,
    "let-values": _let_values,
    "let*-values": _let_values_star,
    "receive": _receive,
}
