"""Procedures on vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from megatest.scheme.argument import index_of, integer_of, list_of
from megatest.scheme.fault import SchemeFault
from megatest.scheme.value import SIZE_LIMIT, UNSPECIFIED, Value, brief, list_from


def _vector(value: Value, who: str) -> list[Value]:
    if isinstance(value, list):
        return value
    raise SchemeFault(f"{who}: not a vector: {brief(value)}")


def _index(vector: list[Value], index: Value, who: str) -> int:
    at = integer_of(index, who)
    if not 0 <= at < len(vector):
        raise SchemeFault(f"{who}: there is no item {at} of {len(vector)}")
    return at


def _make(size: Value, filler: Value = UNSPECIFIED) -> Value:
    return [filler] * index_of(size, SIZE_LIMIT, "make-vector")


def _ref(value: Value, index: Value) -> Value:
    vector = _vector(value, "vector-ref")
    return vector[_index(vector, index, "vector-ref")]


def _set(value: Value, index: Value, item: Value) -> Value:
    vector = _vector(value, "vector-set!")
    vector[_index(vector, index, "vector-set!")] = item
    return UNSPECIFIED


def _fill(value: Value, filler: Value) -> Value:
    vector = _vector(value, "vector-fill!")
    vector[:] = [filler] * len(vector)
    return UNSPECIFIED


def _part(value: Value, start: Value, end: Value = None) -> Value:
    vector = _vector(value, "subvector")
    stop = len(vector) if end is None else index_of(end, len(vector), "subvector")
    return vector[index_of(start, stop, "subvector") : stop]


PROCEDURES: Final[Mapping[str, Callable[..., Value]]] = {
    "vector": lambda *values: list(values),
    "vector?": lambda value: isinstance(value, list),
    "vector->list": lambda value: list_from(_vector(value, "vector->list")),
    "list->vector": lambda items: list_of(items, "list->vector"),
    "make-vector": _make,
    "vector-length": lambda value: len(_vector(value, "vector-length")),
    "vector-ref": _ref,
    "vector-set!": _set,
    "vector-fill!": _fill,
    "subvector": _part,
}
