"""The parts of a special form, checked as it is taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from megatest.typed import NoReturn

from megatest.scheme.fault import SchemeError
from megatest.scheme.form import AtomForm, Form, ListForm
from megatest.scheme.procedure import Environment, Evaluate, Steps
from megatest.scheme.value import UNSPECIFIED, Symbol


def sequence(body: Sequence[Form], environment: Environment) -> Steps:
    """Evaluate forms in order; the last one in the tail."""
    for form in body[:-1]:
        yield Evaluate(form, environment)
    return Evaluate(body[-1], environment) if body else UNSPECIFIED


def fail(form: Form, message: str) -> NoReturn:
    """Refuse a form."""
    raise SchemeError([form.finding(message)])


def parts_of(form: ListForm, least: int, most: int | None = None) -> tuple[Form, ...]:
    """Return what stands after the name of a form, if its count is right."""
    parts = form.items[1:]
    if form.tail is not None or len(parts) < least or (most is not None and len(parts) > most):
        fail(form, f"{form.items[0].text} is written wrongly: {len(parts)} parts follow it")
    return parts


def name_of(form: Form) -> str:
    """Return the name that a form is."""
    if isinstance(form, AtomForm) and isinstance(form.value, Symbol):
        return form.value.name
    fail(form, f"{form.text[:40]} is not a name")


def items_in(form: Form) -> tuple[Form, ...]:
    """Return the items of a form that is a list."""
    if isinstance(form, ListForm) and form.tail is None and not form.is_vector:
        return form.items
    fail(form, "a list is wanted here")


def is_word(form: Form, word: str) -> bool:
    """Tell whether a form is this symbol."""
    return isinstance(form, AtomForm) and form.value == Symbol(word)
