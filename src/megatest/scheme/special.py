"""The forms that decide themselves what of them is evaluated.

Those that need the values of others are generators (see `procedure.Steps`); the last form in one is returned,
not awaited, so a loop written as a tail call takes no room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NoReturn

from megatest.scheme.fault import SchemeError, SchemeFault
from megatest.scheme.form import AtomForm, Form, ListForm
from megatest.scheme.procedure import (
    Call,
    Closure,
    Environment,
    Evaluate,
    Parameters,
    SpecialForm,
    Steps,
)
from megatest.scheme.quotation import datum_from, quasiquote
from megatest.scheme.value import UNSPECIFIED, Keyword, Symbol, Value, is_same, is_true, list_from


def sequence(body: Sequence[Form], environment: Environment) -> Steps:
    """Evaluate forms in order; the last one in the tail."""
    for form in body[:-1]:
        yield Evaluate(form, environment)
    return Evaluate(body[-1], environment) if body else UNSPECIFIED


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


def _fail(form: Form, message: str) -> NoReturn:
    raise SchemeError([form.finding(message)])


def _parts(form: ListForm, least: int, most: int | None = None) -> tuple[Form, ...]:
    """Return what stands after the name of a form, if its count is right."""
    parts = form.items[1:]
    if form.tail is not None or len(parts) < least or (most is not None and len(parts) > most):
        _fail(form, f"{form.items[0].text} is written wrongly: {len(parts)} parts follow it")
    return parts


def _name(form: Form) -> str:
    if isinstance(form, AtomForm) and isinstance(form.value, Symbol):
        return form.value.name
    _fail(form, f"{form.text[:40]} is not a name")


def _list(form: Form) -> tuple[Form, ...]:
    if isinstance(form, ListForm) and form.tail is None and not form.is_vector:
        return form.items
    _fail(form, "a list is wanted here")


def _is_word(form: Form, word: str) -> bool:
    return isinstance(form, AtomForm) and form.value == Symbol(word)


def _quote(form: ListForm, environment: Environment) -> Value:
    (datum,) = _parts(form, 1, 1)
    return datum_from(datum)


def _quasiquote(form: ListForm, environment: Environment) -> Steps:
    (template,) = _parts(form, 1, 1)
    return (yield from quasiquote(template, environment))


def _if(form: ListForm, environment: Environment) -> Steps:
    parts = _parts(form, 2, 3)
    test = yield Evaluate(parts[0], environment)
    if is_true(test):
        return Evaluate(parts[1], environment)
    return Evaluate(parts[2], environment) if len(parts) == 3 else UNSPECIFIED


def _define(form: ListForm, environment: Environment) -> Steps:
    parts = _parts(form, 1)
    target = parts[0]
    if isinstance(target, ListForm) and target.items:
        name = _name(target.items[0])
        environment.names[name] = _closure(name, target.items[1:], target.tail, parts[1:], environment)
        return UNSPECIFIED
    name = _name(target)
    if len(parts) > 2:
        _fail(form, f"define gives {name} more than one value")
    value = (yield Evaluate(parts[1], environment)) if len(parts) == 2 else UNSPECIFIED
    environment.names[name] = value
    return UNSPECIFIED


def _set(form: ListForm, environment: Environment) -> Steps:
    target, expression = _parts(form, 2, 2)
    name = _name(target)
    value = yield Evaluate(expression, environment)
    scope = environment.find(name)
    if scope is None:
        _fail(target, f"{name} is not defined")
    scope[name] = value
    return UNSPECIFIED


def _lambda(form: ListForm, environment: Environment) -> Value:
    parameters, *body = _parts(form, 2)
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
    rest = _name(tail) if tail is not None else None
    mode = ""
    for item in items:
        if any(_is_word(item, mark) for mark in ("#!optional", "#!rest", "#!key")):
            mode = item.text
        elif mode == "#!rest":
            rest = _name(item)
        elif mode == "":
            required.append(_name(item))
        else:
            (optional if mode == "#!optional" else keywords).append(_with_default(item))
    return Parameters(required=tuple(required), optional=tuple(optional), rest=rest, keywords=tuple(keywords))


def _with_default(item: Form) -> tuple[str, Form | None]:
    if isinstance(item, ListForm) and len(item.items) == 2:
        return _name(item.items[0]), item.items[1]
    return _name(item), None


def _bindings(form: Form) -> Iterator[tuple[str, Form | None]]:
    for binding in _list(form):
        if isinstance(binding, ListForm) and len(binding.items) == 2:
            yield _name(binding.items[0]), binding.items[1]
        elif isinstance(binding, ListForm) and len(binding.items) == 1:
            yield _name(binding.items[0]), None
        else:
            _fail(binding, "a binding is written (name value)")


def _let(form: ListForm, environment: Environment) -> Steps:
    parts = _parts(form, 2)
    if isinstance(parts[0], AtomForm):
        return (yield from _named_let(form, environment))
    names: dict[str, Value] = {}
    for name, expression in _bindings(parts[0]):
        names[name] = (yield Evaluate(expression, environment)) if expression is not None else UNSPECIFIED
    return (yield from sequence(parts[1:], Environment(names, environment)))


def _named_let(form: ListForm, environment: Environment) -> Steps:
    target, bindings, *body = _parts(form, 3)
    pairs = list(_bindings(bindings))
    values: list[Value] = []
    for _, expression in pairs:
        values.append((yield Evaluate(expression, environment)) if expression is not None else UNSPECIFIED)
    scope = Environment({}, environment)
    name = _name(target)
    parameters = Parameters(required=tuple(pair[0] for pair in pairs))
    loop = Closure(name=name, parameters=parameters, body=tuple(body), environment=scope)
    scope.names[name] = loop
    return Call(loop, tuple(values), form)


def _let_star(form: ListForm, environment: Environment) -> Steps:
    bindings, *body = _parts(form, 2)
    scope = Environment({}, environment)
    for name, expression in _bindings(bindings):
        value = (yield Evaluate(expression, scope)) if expression is not None else UNSPECIFIED
        scope = Environment({name: value}, scope)
    return (yield from sequence(body, scope))


def _letrec(form: ListForm, environment: Environment) -> Steps:
    bindings, *body = _parts(form, 2)
    scope = Environment({}, environment)
    for name, expression in _bindings(bindings):
        scope.names[name] = (yield Evaluate(expression, scope)) if expression is not None else UNSPECIFIED
    return (yield from sequence(body, scope))


def _begin(form: ListForm, environment: Environment) -> Value:
    return sequence(_parts(form, 0), environment)


def _cond(form: ListForm, environment: Environment) -> Steps:
    for clause in _parts(form, 1):
        test_form, *body = _list(clause) or _fail(clause, "an empty clause")
        is_else = _is_word(test_form, "else")
        test: Value = True if is_else else (yield Evaluate(test_form, environment))
        if not is_true(test):
            continue
        if not body:
            return test
        if _is_word(body[0], "=>") and len(body) == 2:
            receiver = yield Evaluate(body[1], environment)
            return Call(receiver, (test,), clause)
        return (yield from sequence(body, environment))
    return UNSPECIFIED


def _case(form: ListForm, environment: Environment) -> Steps:
    key_form, *clauses = _parts(form, 1)
    key = yield Evaluate(key_form, environment)
    for clause in clauses:
        choices, *body = _list(clause) or _fail(clause, "an empty clause")
        if _is_word(choices, "else") or any(is_same(datum_from(c), key) for c in _list(choices)):
            return (yield from sequence(body, environment))
    return UNSPECIFIED


def _and(form: ListForm, environment: Environment) -> Steps:
    parts = _parts(form, 0)
    for part in parts[:-1]:
        if not is_true((yield Evaluate(part, environment))):
            return False
    return Evaluate(parts[-1], environment) if parts else True


def _or(form: ListForm, environment: Environment) -> Steps:
    parts = _parts(form, 0)
    for part in parts[:-1]:
        value = yield Evaluate(part, environment)
        if is_true(value):
            return value
    return Evaluate(parts[-1], environment) if parts else False


def _when(form: ListForm, environment: Environment) -> Steps:
    test, *body = _parts(form, 1)
    if is_true((yield Evaluate(test, environment))):
        return (yield from sequence(body, environment))
    return UNSPECIFIED


def _unless(form: ListForm, environment: Environment) -> Steps:
    test, *body = _parts(form, 1)
    if not is_true((yield Evaluate(test, environment))):
        return (yield from sequence(body, environment))
    return UNSPECIFIED


def _do(form: ListForm, environment: Environment) -> Steps:
    """``(do ((name start [step])...) (test result...) body...)``."""
    specs, ending, *body = _parts(form, 2)
    test, *results = _list(ending) or _fail(ending, "do needs a test")
    names: dict[str, Value] = {}
    steps: dict[str, Form] = {}
    for spec in _list(specs):
        name, start, *step = _list(spec) if len(_list(spec)) in (2, 3) else _fail(spec, "(name start step)")
        names[_name(name)] = yield Evaluate(start, environment)
        steps.update((_name(name), each) for each in step)
    scope = Environment(names, environment)
    while not is_true((yield Evaluate(test, scope))):
        for each in body:
            yield Evaluate(each, scope)
        fresh = dict(scope.names)
        for name_text, step_form in steps.items():
            fresh[name_text] = yield Evaluate(step_form, scope)
        scope = Environment(fresh, environment)
    return (yield from sequence(results, scope))


def _ignored(form: ListForm, environment: Environment) -> Value:
    """Accept what loads or declares in the original: everything it could bring is here already."""
    return UNSPECIFIED


_FORMS: Final = {
    "quote": _quote,
    "quasiquote": _quasiquote,
    "if": _if,
    "define": _define,
    "set!": _set,
    "lambda": _lambda,
    "let": _let,
    "let*": _let_star,
    "letrec": _letrec,
    "letrec*": _letrec,
    "begin": _begin,
    "cond": _cond,
    "case": _case,
    "and": _and,
    "or": _or,
    "when": _when,
    "unless": _unless,
    "do": _do,
    "use": _ignored,
    "import": _ignored,
    "declare": _ignored,
    "require-extension": _ignored,
    "require-library": _ignored,
}

SPECIAL_FORMS: Final[Mapping[str, SpecialForm]] = {
    name: SpecialForm(name, function) for name, function in _FORMS.items()
}

__all__ = ["SPECIAL_FORMS", "bind_parameters", "sequence"]
