"""The forms that decide themselves what of them is evaluated.

Those that need the values of others are generators (see `procedure.Steps`); the last form in one is returned,
not awaited, so a loop written as a tail call takes no room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from megatest.scheme import binding, control
from megatest.scheme.form import Form, ListForm
from megatest.scheme.procedure import Call, Environment, Evaluate, SpecialForm, Steps
from megatest.scheme.quotation import datum_from, quasiquote
from megatest.scheme.syntax import fail, is_word, items_in, name_of, parts_of, sequence
from megatest.scheme.value import UNSPECIFIED, Value, is_same, is_true


def _quote(form: ListForm, environment: Environment) -> Value:
    (datum,) = parts_of(form, 1, 1)
    return datum_from(datum)


def _quasiquote(form: ListForm, environment: Environment) -> Steps:
    (template,) = parts_of(form, 1, 1)
    return (yield from quasiquote(template, environment))


def _if(form: ListForm, environment: Environment) -> Steps:
    parts = parts_of(form, 2, 3)
    test = yield Evaluate(parts[0], environment)
    if is_true(test):
        return Evaluate(parts[1], environment)
    return Evaluate(parts[2], environment) if len(parts) == 3 else UNSPECIFIED


def _begin(form: ListForm, environment: Environment) -> Value:
    return sequence(parts_of(form, 0), environment)


def _cond(form: ListForm, environment: Environment) -> Steps:
    for clause in parts_of(form, 1):
        test_form, *body = items_in(clause) or fail(clause, "an empty clause")
        is_else = is_word(test_form, "else")
        test: Value = True if is_else else (yield Evaluate(test_form, environment))
        if not is_true(test):
            continue
        if not body:
            return test
        if is_word(body[0], "=>") and len(body) == 2:
            receiver = yield Evaluate(body[1], environment)
            return Call(receiver, (test,), clause)
        return (yield from sequence(body, environment))
    return UNSPECIFIED


def _case(form: ListForm, environment: Environment) -> Steps:
    key_form, *clauses = parts_of(form, 1)
    key = yield Evaluate(key_form, environment)
    for clause in clauses:
        choices, *body = items_in(clause) or fail(clause, "an empty clause")
        if is_word(choices, "else") or any(is_same(datum_from(c), key) for c in items_in(choices)):
            return (yield from sequence(body, environment))
    return UNSPECIFIED


def _and(form: ListForm, environment: Environment) -> Steps:
    parts = parts_of(form, 0)
    for part in parts[:-1]:
        if not is_true((yield Evaluate(part, environment))):
            return False
    return Evaluate(parts[-1], environment) if parts else True


def _or(form: ListForm, environment: Environment) -> Steps:
    parts = parts_of(form, 0)
    for part in parts[:-1]:
        value = yield Evaluate(part, environment)
        if is_true(value):
            return value
    return Evaluate(parts[-1], environment) if parts else False


def _when(form: ListForm, environment: Environment) -> Steps:
    test, *body = parts_of(form, 1)
    if is_true((yield Evaluate(test, environment))):
        return (yield from sequence(body, environment))
    return UNSPECIFIED


def _unless(form: ListForm, environment: Environment) -> Steps:
    test, *body = parts_of(form, 1)
    if not is_true((yield Evaluate(test, environment))):
        return (yield from sequence(body, environment))
    return UNSPECIFIED


def _do(form: ListForm, environment: Environment) -> Steps:
    """``(do ((name start [step])...) (test result...) body...)``."""
    specs, ending, *body = parts_of(form, 2)
    test, *results = items_in(ending) or fail(ending, "do needs a test")
    names: dict[str, Value] = {}
    steps: dict[str, Form] = {}
    for spec in items_in(specs):
        if len(items_in(spec)) not in (2, 3):
            fail(spec, "do takes (name start) or (name start step)")
        name, start, *step = items_in(spec)
        names[name_of(name)] = yield Evaluate(start, environment)
        steps.update((name_of(name), each) for each in step)
    scope = Environment(names, environment)
    while not is_true((yield Evaluate(test, scope))):
        for each in body:
            yield Evaluate(each, scope)
        fresh = dict(scope.names)
        for name_text, step_form in steps.items():
            fresh[name_text] = yield Evaluate(step_form, scope)
        scope = Environment(fresh, environment)
    return (yield from sequence(results, scope))


def _refused(form: ListForm, environment: Environment) -> Value:
    fail(form, f"{form.items[0].text} is not supported here")


def _ignored(form: ListForm, environment: Environment) -> Value:
    """Accept what loads or declares in the original: everything it could bring is here already."""
    return UNSPECIFIED


_FORMS: Final = {
    **binding.FORMS,
    **control.FORMS,
    "quote": _quote,
    "quasiquote": _quasiquote,
    "if": _if,
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
    "define-syntax": _refused,
    "define-macro": _refused,
    "define-record": _refused,
    "define-record-type": _refused,
}

SPECIAL_FORMS: Final[Mapping[str, SpecialForm]] = {
    name: SpecialForm(name, function) for name, function in _FORMS.items()
}
