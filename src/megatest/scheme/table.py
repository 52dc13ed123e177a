"""Hash tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from megatest.scheme.fault import SchemeFault
from megatest.scheme.procedure import Call, Steps
from megatest.scheme.value import UNSPECIFIED, Pair, Value, brief, items_of, list_from, to_written


class Table:
    """A hash table; keys are compared by how they are written, which is ``equal?`` for all that areas use."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[str, tuple[Value, Value]] = {}


def _table(value: Value, who: str) -> dict[str, tuple[Value, Value]]:
    if isinstance(value, Table):
        return value.entries
    raise SchemeFault(f"{who}: not a hash table: {brief(value)}")


def _set(table: Value, key: Value, value: Value) -> Value:
    _table(table, "hash-table-set!")[to_written(key)] = (key, value)
    return UNSPECIFIED


def _get(table: Value, key: Value, default: Value) -> Value:
    return _table(table, "hash-table-ref/default").get(to_written(key), (key, default))[1]


def _ref(table: Value, key: Value, otherwise: Value = None) -> Value:
    entry = _table(table, "hash-table-ref").get(to_written(key))
    if entry is not None:
        return entry[1]
    if otherwise is None:
        raise SchemeFault(f"hash-table-ref: there is no key {brief(key)}")
    return Call(otherwise, ())


def _update(table: Value, key: Value, procedure: Value, otherwise: Value = None) -> Steps:
    entries = _table(table, "hash-table-update!")
    entry = entries.get(to_written(key))
    if entry is None and otherwise is None:
        raise SchemeFault(f"hash-table-update!: there is no key {brief(key)}")
    old = entry[1] if entry is not None else (yield Call(otherwise, ()))
    entries[to_written(key)] = (key, (yield Call(procedure, (old,))))
    return UNSPECIFIED


def _update_default(table: Value, key: Value, procedure: Value, default: Value) -> Steps:
    old = _get(table, key, default)
    _table(table, "hash-table-update!/default")[to_written(key)] = (key, (yield Call(procedure, (old,))))
    return UNSPECIFIED


def _delete(table: Value, key: Value) -> Value:
    return _table(table, "hash-table-delete!").pop(to_written(key), None) is not None


def _table_from(items: Value, *ignored: Value) -> Value:
    """Make a table of pairs; of several with one key the first counts."""
    table = Table()
    for item in items_of(items, "alist->hash-table"):
        if not isinstance(item, Pair):
            raise SchemeFault(f"alist->hash-table: not a pair: {brief(item)}")
        table.entries.setdefault(to_written(item.head), (item.head, item.tail))
    return table


def _copy(table: Value) -> Value:
    copy = Table()
    copy.entries.update(_table(table, "hash-table-copy"))
    return copy


def _clear(table: Value) -> Value:
    _table(table, "hash-table-clear!").clear()
    return UNSPECIFIED


def _fold(table: Value, procedure: Value, start: Value) -> Steps:
    for key, value in list(_table(table, "hash-table-fold").values()):
        start = yield Call(procedure, (key, value, start))
    return start


def _map(table: Value, procedure: Value) -> Steps:
    results: list[Value] = []
    for key, value in list(_table(table, "hash-table-map").values()):
        result = yield Call(procedure, (key, value))
        results.append(result)
    return list_from(results)


def _for_each(table: Value, procedure: Value) -> Steps:
    for key, value in list(_table(table, "hash-table-for-each").values()):
        yield Call(procedure, (key, value))
    return UNSPECIFIED


def _entries(name: str, pick: Callable[[Value, Value], Value]) -> Callable[[Value], Value]:
    return lambda table: list_from(pick(key, value) for key, value in _table(table, name).values())


PROCEDURES: Final[Mapping[str, Callable[..., Value]]] = {
    "make-hash-table": lambda *ignored: Table(),
    "hash-table?": lambda value: isinstance(value, Table),
    "hash-table-set!": _set,
    "hash-table-ref": _ref,
    "hash-table-ref/default": _get,
    "hash-table-exists?": lambda table, key: to_written(key) in _table(table, "hash-table-exists?"),
    "hash-table-delete!": _delete,
    "hash-table-update!": _update,
    "hash-table-update!/default": _update_default,
    "alist->hash-table": _table_from,
    "hash-table-copy": _copy,
    "hash-table-clear!": _clear,
    "hash-table-fold": _fold,
    "hash-table-map": _map,
    "hash-table-for-each": _for_each,
    "hash-table-walk": _for_each,
    "hash-table-size": lambda table: len(_table(table, "hash-table-size")),
    "hash-table-keys": _entries("hash-table-keys", lambda key, value: key),
    "hash-table-values": _entries("hash-table-values", lambda key, value: value),
    "hash-table->alist": _entries("hash-table->alist", Pair),
}
