"""Expansion of a test over its items: ``[items]`` is a product, ``[itemstable]`` a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product, zip_longest

from megatest.model.error import ConfigError, Diagnostic, Severity, UserError
from megatest.model.ids import check_item_path
from megatest.model.slotted import dataclass
from megatest.model.spec import ItemVariable, Variable

PADDING = "-"
"""Stands in for what a short column of a table lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a test.

    Attributes:
        path: the values joined by ``/``; empty for the one item of a test without items.
        variables: what the item sets, in the order of the file.
    """

    path: str
    variables: tuple[Variable, ...] = ()


NO_ITEM = Item(path="")
"""What a test without items expands to."""


def expand_items(
    test: str, items: Sequence[ItemVariable] | None, itemstable: Sequence[ItemVariable] | None
) -> tuple[Item, ...]:
    """Return the items of a test: the product first, then the table.

    Args:
        test: its name, for messages.
        items: ``[items]``; the first variable changes slowest, one without values makes the
            product empty.  None or empty: no product.
        itemstable: ``[itemstable]``; the k-th values belong together, short columns are padded.
            None or empty: no table.

    Returns:
        Distinct items in order; exactly one with an empty path if neither section has a
        variable; none if the variables have no values.

    Raises:
        UserError: a value cannot be a directory's name, or one item lies inside another (then with the
            place).

    Cost: linear in the number of items and their length.
    """
    if not items and not itemstable:
        return (NO_ITEM,)
    distinct: dict[str, Item] = {}
    for variables in (*_rows_of_product(items or ()), *_rows_of_table(itemstable or ())):
        path = "/".join(variable.value for variable in variables)
        if path not in distinct:
            distinct[path] = Item(path=_checked(path, test), variables=variables)
    _refuse_nested(distinct, test, (*(items or ()), *(itemstable or ())))
    return tuple(distinct.values())


def _rows_of_product(items: Sequence[ItemVariable]) -> Iterator[tuple[Variable, ...]]:
    if not items:
        return iter(())
    columns = [[Variable(variable.name, value) for value in variable.values] for variable in items]
    return product(*columns)


def _rows_of_table(itemstable: Sequence[ItemVariable]) -> Iterator[tuple[Variable, ...]]:
    names = [variable.name for variable in itemstable]
    for row in zip_longest(*(variable.values for variable in itemstable), fillvalue=PADDING):
        yield tuple(Variable(name, value) for name, value in zip(names, row, strict=True))


def _checked(path: str, test: str) -> str:
    try:
        return check_item_path(path)
    except UserError as error:
        raise UserError(f"test {test!r}: {error.message}", hint=error.hint) from error


def _refuse_nested(paths: Iterable[str], test: str, variables: Sequence[ItemVariable]) -> None:
    """Refuse ``a`` beside ``a/b``: the run directory of one would lie in that of the other."""
    known = frozenset(paths)
    for path in known:
        slash = path.find("/")
        while slash >= 0:
            if path[:slash] in known:
                message = f"test {test!r}: item {path!r} lies inside item {path[:slash]!r}"
                raise ConfigError([_nested(message, path, variables)])
            slash = path.find("/", slash + 1)


def _nested(message: str, path: str, variables: Sequence[ItemVariable]) -> Diagnostic:
    """Return the finding, at the first variable with a value of several levels that is part of the path."""
    deep = (v for v in variables if any("/" in word and f"/{word}/" in f"/{path}/" for word in v.values))
    return Diagnostic(
        severity=Severity.ERROR,
        message=message,
        location=next(deep, variables[0]).location,
        hint="item values become directories; give each item a directory of its own",
    )
