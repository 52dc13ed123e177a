"""Procedures on lists, and those that call others for each item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from megatest.scheme.argument import index_of, list_of, number_of
from megatest.scheme.fault import SchemeFault
from megatest.scheme.number import normalise
from megatest.scheme.procedure import Call, Steps
from megatest.scheme.value import (
    NIL,
    SIZE_LIMIT,
    UNSPECIFIED,
    Pair,
    Value,
    brief,
    is_equal,
    is_list,
    is_same,
    is_true,
    list_from,
)

_LONGEST_IOTA: Final = 1_000_000
_LONGEST_SQUARE: Final = 2_000  # every item is compared with every other
Test = Callable[[Value, Value], bool]


def _pair(value: Value, who: str) -> Pair:
    if isinstance(value, Pair):
        return value
    raise SchemeFault(f"{who}: not a pair: {brief(value)}")


def _path(name: str) -> Callable[[Value], Value]:
    """Make ``car``, ``cdr``, ``cadr`` ... out of the letters between c and r."""

    def follow(value: Value) -> Value:
        for letter in reversed(name[1:-1]):
            pair = _pair(value, name)
            value = pair.head if letter == "a" else pair.tail
        return value

    return follow


def _append(*lists: Value) -> Value:
    if not lists:
        return NIL
    result = lists[-1]
    for each in reversed(lists[:-1]):
        result = list_from(list_of(each, "append"), result)
    return result


def _tail(value: Value, count: Value, who: str) -> Value:
    for _ in range(index_of(count, 1 << 32, who)):
        value = _pair(value, who).tail
    return value


def _take(value: Value, count: Value) -> Value:
    items = list_of(value, "take")
    return list_from(items[: index_of(count, len(items), "take")])


def _nth(name: str, index: int) -> Callable[[Value], Value]:
    return lambda value: _pair(_tail(value, index, name), name).head


def _last(value: Value) -> Value:
    items = list_of(value, "last")
    if not items:
        raise SchemeFault("last: the list is empty")
    return items[-1]


def _member(name: str, test: Test) -> Callable[[Value, Value], Value]:
    def search(wanted: Value, rest: Value) -> Value:
        while isinstance(rest, Pair):
            if test(wanted, rest.head):
                return rest
            rest = rest.tail
        return False

    return search


def _association(name: str, test: Test) -> Callable[[Value, Value], Value]:
    def search(wanted: Value, table: Value) -> Value:
        for entry in list_of(table, name):
            if test(wanted, _pair(entry, name).head):
                return entry
        return False

    return search


def _alist_ref(key: Value, table: Value, test: Value = None, default: Value = False) -> Steps:
    for entry in list_of(table, "alist-ref"):
        pair = _pair(entry, "alist-ref")
        is_key = is_same(key, pair.head)
        if test is not None:
            is_key = is_true((yield Call(test, (key, pair.head))))
        if is_key:
            return pair.tail
    return default


def _cons_star(*values: Value) -> Value:
    if not values:
        raise SchemeFault("cons*: there is nothing to put together")
    return list_from(values[:-1], values[-1])


def _make_list(count: Value, filler: Value = UNSPECIFIED) -> Value:
    return list_from([filler] * index_of(count, SIZE_LIMIT, "make-list"))


def _list_tabulate(count: Value, procedure: Value) -> Steps:
    results: list[Value] = []
    for index in range(index_of(count, SIZE_LIMIT, "list-tabulate")):
        value = yield Call(procedure, (index,))
        results.append(value)
    return list_from(results)


def _flatten(*values: Value) -> Value:
    """Return all that is in lists of lists, without recursion; bounded, for a list may be shared often."""
    found: list[Value] = []
    todo = list(reversed(values))
    seen = 0
    while todo:
        part = todo.pop()
        seen += 1
        if seen > SIZE_LIMIT:
            raise SchemeFault(f"flatten: more than {SIZE_LIMIT} parts")
        if isinstance(part, Pair):
            todo += [part.tail, part.head]
        elif part is not NIL:
            found.append(part)
    return list_from(found)


def _iota(count: Value, start: Value = 0, step: Value = 1) -> Value:
    size = index_of(count, _LONGEST_IOTA, "iota")
    first, gap = number_of(start, "iota"), number_of(step, "iota")
    return list_from(normalise(first + gap * i) for i in range(size))


def _delete(unwanted: Value, items: Value) -> Value:
    return list_from(item for item in list_of(items, "delete") if not is_equal(unwanted, item))


def _without_duplicates(items: Value) -> Value:
    values = list_of(items, "delete-duplicates")
    if len(values) > _LONGEST_SQUARE:
        raise SchemeFault(f"delete-duplicates: more than {_LONGEST_SQUARE} items")
    kept: list[Value] = []
    for item in values:
        if not any(is_equal(item, other) for other in kept):
            kept.append(item)
    return list_from(kept)


def _columns(lists: tuple[Value, ...], who: str) -> list[tuple[Value, ...]]:
    """Return the n-th items of all lists together, as far as the shortest goes."""
    return list(zip(*(list_of(each, who) for each in lists), strict=False))


def _map(procedure: Value, first: Value, *more: Value) -> Steps:
    results: list[Value] = []
    for arguments in _columns((first, *more), "map"):
        value = yield Call(procedure, arguments)
        results.append(value)
    return list_from(results)


def _for_each(procedure: Value, first: Value, *more: Value) -> Steps:
    for arguments in _columns((first, *more), "for-each"):
        yield Call(procedure, arguments)
    return UNSPECIFIED


def _append_map(procedure: Value, first: Value, *more: Value) -> Steps:
    results: list[Value] = []
    for arguments in _columns((first, *more), "append-map"):
        results += list_of((yield Call(procedure, arguments)), "append-map")
    return list_from(results)


def _filter_map(procedure: Value, first: Value, *more: Value) -> Steps:
    results: list[Value] = []
    for arguments in _columns((first, *more), "filter-map"):
        value = yield Call(procedure, arguments)
        if is_true(value):
            results.append(value)
    return list_from(results)


def _filtering(name: str, *, keep: bool) -> Callable[[Value, Value], Steps]:
    def sift(test: Value, items: Value) -> Steps:
        kept: list[Value] = []
        for item in list_of(items, name):
            verdict = yield Call(test, (item,))
            if is_true(verdict) is keep:
                kept.append(item)
        return list_from(kept)

    return sift


def _any(test: Value, first: Value, *more: Value) -> Steps:
    for arguments in _columns((first, *more), "any"):
        value = yield Call(test, arguments)
        if is_true(value):
            return value
    return False


def _every(test: Value, first: Value, *more: Value) -> Steps:
    value: Value = True
    for arguments in _columns((first, *more), "every"):
        value = yield Call(test, arguments)
        if not is_true(value):
            return False
    return value


def _count(test: Value, first: Value, *more: Value) -> Steps:
    count = 0
    for arguments in _columns((first, *more), "count"):
        count += is_true((yield Call(test, arguments)))
    return count


def _list_index(test: Value, first: Value, *more: Value) -> Steps:
    for index, arguments in enumerate(_columns((first, *more), "list-index")):
        if is_true((yield Call(test, arguments))):
            return index
    return False


def _split_where(name: str, *, keep: bool) -> Callable[[Value, Value], Steps]:
    """Make ``take-while``, which keeps the items before the first that fails a test, or ``drop-while``."""

    def split(test: Value, items: Value) -> Steps:
        values = list_of(items, name)
        for index, item in enumerate(values):
            if not is_true((yield Call(test, (item,)))):
                return list_from(values[:index] if keep else values[index:])
        return list_from(values if keep else [])

    return split


def _find(test: Value, items: Value) -> Steps:
    for item in list_of(items, "find"):
        if is_true((yield Call(test, (item,)))):
            return item
    return False


def _fold(procedure: Value, start: Value, first: Value, *more: Value) -> Steps:
    for arguments in _columns((first, *more), "fold"):
        start = yield Call(procedure, (*arguments, start))
    return start


def _fold_left(procedure: Value, start: Value, items: Value) -> Steps:
    for item in list_of(items, "foldl"):
        start = yield Call(procedure, (start, item))
    return start


def _fold_right(procedure: Value, start: Value, first: Value, *more: Value) -> Steps:
    for arguments in reversed(_columns((first, *more), "fold-right")):
        start = yield Call(procedure, (*arguments, start))
    return start


def _reduce(procedure: Value, empty: Value, items: Value) -> Steps:
    values = list_of(items, "reduce")
    if not values:
        return empty
    result = values[0]
    for item in values[1:]:
        result = yield Call(procedure, (item, result))
    return result


def _sort(items: Value, less: Value) -> Steps:
    """Merge sort from the bottom up; stable, O(n log n) calls."""
    if not (isinstance(items, Pair) or items is NIL):
        items, less = less, items  # both orders of the arguments are in use
    runs = [[item] for item in list_of(items, "sort")]
    while len(runs) > 1:
        merged: list[list[Value]] = [[] for _ in range(0, len(runs), 2)]
        for index, run in enumerate(merged):
            right = runs[2 * index + 1] if 2 * index + 1 < len(runs) else []
            yield from _merge(runs[2 * index], right, less, run)
        runs = merged
    return list_from(runs[0] if runs else [])


def _merge(left: list[Value], right: list[Value], less: Value, result: list[Value]) -> Steps:
    a = b = 0
    while a < len(left) and b < len(right):
        if is_true((yield Call(less, (right[b], left[a])))):
            result.append(right[b])
            b += 1
        else:
            result.append(left[a])
            a += 1
    result += left[a:]
    result += right[b:]
    return UNSPECIFIED


def _apply(procedure: Value, *arguments: Value) -> Value:
    if not arguments:
        return Call(procedure, ())
    return Call(procedure, (*arguments[:-1], *list_of(arguments[-1], "apply")))


PROCEDURES: Final[Mapping[str, Callable[..., Value]]] = {
    **{
        name: _path(name)
        for name in ("car", "cdr", "caar", "cadr", "cdar", "cddr", "caddr", "cdddr", "cadddr")
    },
    **{name: _nth(name, i) for i, name in enumerate(("first", "second", "third", "fourth", "fifth"))},
    "cons": Pair,
    "list": lambda *values: list_from(values),
    "append": _append,
    "length": lambda items: len(list_of(items, "length")),
    "reverse": lambda items: list_from(reversed(list_of(items, "reverse"))),
    "list-ref": lambda items, index: _pair(_tail(items, index, "list-ref"), "list-ref").head,
    "list-tail": lambda items, count: _tail(items, count, "list-tail"),
    "drop": lambda items, count: _tail(items, count, "drop"),
    "take": _take,
    "last": _last,
    "null?": lambda value: value is NIL,
    "pair?": lambda value: isinstance(value, Pair),
    "list?": is_list,
    "member": _member("member", is_equal),
    "memv": _member("memv", is_same),
    "memq": _member("memq", is_same),
    "assoc": _association("assoc", is_equal),
    "assv": _association("assv", is_same),
    "assq": _association("assq", is_same),
    "alist-ref": _alist_ref,
    "cons*": _cons_star,
    "make-list": _make_list,
    "list-tabulate": _list_tabulate,
    "list-copy": lambda items: list_from(list_of(items, "list-copy")),
    "flatten": _flatten,
    "concatenate": lambda lists: _append(*list_of(lists, "concatenate")),
    "zip": lambda first, *more: list_from(map(list_from, _columns((first, *more), "zip"))),
    "iota": _iota,
    "delete": _delete,
    "delete-duplicates": _without_duplicates,
    "map": _map,
    "for-each": _for_each,
    "append-map": _append_map,
    "filter-map": _filter_map,
    "filter": _filtering("filter", keep=True),
    "remove": _filtering("remove", keep=False),
    "take-while": _split_where("take-while", keep=True),
    "drop-while": _split_where("drop-while", keep=False),
    "count": _count,
    "list-index": _list_index,
    "any": _any,
    "every": _every,
    "find": _find,
    "fold": _fold,
    "foldl": _fold_left,
    "foldr": _fold_right,
    "fold-right": _fold_right,
    "reduce": _reduce,
    "sort": _sort,
    "apply": _apply,
}
