"""Forms as data: ``quote`` and ``quasiquote``, without recursion."""

from __future__ import annotations

from megatest.scheme.fault import SchemeError
from megatest.scheme.form import AtomForm, Form, ListForm
from megatest.scheme.procedure import Environment, Evaluate, Steps
from megatest.scheme.value import NIL, QuotedRegexp, Regexp, Symbol, Value, items_of, list_from


def datum_from(form: Form) -> Value:
    """Return a form as data: lists as pairs, symbols as themselves.  Cost: its size, no recursion."""
    done: list[Value] = []
    todo: list[tuple[Form, bool]] = [(form, False)]
    while todo:
        part, is_ready = todo.pop()
        if isinstance(part, AtomForm):
            done.append(_atom_datum(part.value))
        elif not is_ready:
            todo.append((part, True))
            todo += [(each, False) for each in reversed(_parts(part))]
        else:
            start = len(done) - len(_parts(part))
            done[start:] = [_assemble(part, done[start:])]
    return done[0]


def _parts(form: ListForm) -> list[Form]:
    return [*form.items, *([form.tail] if form.tail is not None else [])]


def _assemble(form: ListForm, values: list[Value]) -> Value:
    if form.is_vector:
        return list(values)
    if form.tail is not None:
        return list_from(values[:-1], values[-1])
    return list_from(values)


def _atom_datum(value: Value) -> Value:
    # The original reads #/x/ as a call, so a quoted one is no pattern there; it is kept apart
    # so that the rules can say so instead of failing on a strange list.
    return QuotedRegexp(regexp=value) if isinstance(value, Regexp) else value


def quasiquote(template: Form, environment: Environment) -> Steps:
    """Build a template's value, evaluating what ``,`` and ``,@`` mark; nested templates are refused."""
    done: list[list[Value]] = [[]]
    todo: list[tuple[Form, bool]] = [(template, False)]
    while todo:
        part, is_ready = todo.pop()
        if is_ready and isinstance(part, ListForm):
            values = done.pop()
            done[-1].append(_assemble(part, values))
        elif isinstance(part, AtomForm):
            done[-1].append(_atom_datum(part.value))
        elif marked := _marked(part, "unquote"):
            done[-1].append((yield Evaluate(marked, environment)))
        elif marked := _marked(part, "unquote-splicing"):
            spliced = yield Evaluate(marked, environment)
            done[-1].extend(items_of(spliced, ",@"))
        elif _marked(part, "quasiquote"):
            raise SchemeError([part.finding("a template inside a template is not supported")])
        else:
            todo.append((part, True))
            todo += [(each, False) for each in reversed(_parts(part))]
            done.append([])
    return done[0][0] if done[0] else NIL


def _marked(form: Form, word: str) -> Form | None:
    """Return what follows `word` in a list of these two, else None."""
    if isinstance(form, ListForm) and len(form.items) == 2 and form.tail is None:
        head = form.items[0]
        if isinstance(head, AtomForm) and head.value == Symbol(word):
            return form.items[1]
    return None
