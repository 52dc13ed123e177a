"""Parts of a request that match nothing: what was probably misspelt must not look like a success."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from megatest.config.nearest import nearest
from megatest.model.error import Diagnostic, Severity, UserError
from megatest.model.pattern import Element, Pattern, is_plain, pattern_from_elements
from megatest.model.slotted import replace
from megatest.model.spec import TestSpec
from megatest.plan.items import expand_items

_MOST_SHOWN: Final = 8


def check_pattern(
    pattern: Pattern, names: Collection[str], specs: Mapping[str, TestSpec]
) -> list[Diagnostic]:
    """Return a finding for each part of a pattern that matches no test, or none of the items known now.

    A part with wildcards need not match, so it is a warning, unless nothing matches at all.

    Args:
        pattern: the request; the tests that it names exist.
        names: of all tests of the area.
        specs: of the tests that have a place in the pattern.

    Cost: expands the tests of which the pattern names items.
    """
    items = _KnownItems(specs)
    found = [finding for element in pattern.elements for finding in _check(element, names, items)]
    if len(found) == len(pattern.elements):
        return [replace(finding, severity=Severity.ERROR) for finding in found]
    return found


class _KnownItems:
    """The item paths of tests, each test expanded once."""

    def __init__(self, specs: Mapping[str, TestSpec]) -> None:
        self._specs = specs
        self._paths: dict[str, frozenset[str] | None] = {}

    def of(self, test: str) -> frozenset[str] | None:
        """Return a test's items; None if they are known only later, or cannot be evaluated."""
        if test not in self._paths:
            self._paths[test] = _paths(self._specs[test])
        return self._paths[test]


def _paths(spec: TestSpec) -> frozenset[str] | None:
    if spec.items_need_upstream and spec.requirements.waitons:
        return None
    try:
        return frozenset(item.path for item in expand_items(spec.name, spec.items, spec.itemstable))
    except UserError:
        return None  # the plan reports it


def _check(element: Element, names: Collection[str], items: _KnownItems) -> Iterator[Diagnostic]:
    """Yield what there is to say about one part; at most one finding."""
    if element.is_plain and (not element.item or _names_an_item(element, items)):
        return
    one = pattern_from_elements([element])
    tests = [element.test] if element.is_plain else filter(one.matches_name, names)
    if not element.item:
        if not any(tests):
            yield _finding(f"no test matches {str(element)!r}")
        return
    seen = False
    for test in tests:
        seen = True
        if _matches(one, test, items):
            return
    if not seen:
        yield _finding(f"no test matches {str(element)!r}")
    elif element.is_plain:
        yield _unknown_item(element, items.of(element.test) or frozenset())
    else:
        yield _finding(f"no item of any test matches {str(element)!r}")


def _names_an_item(element: Element, items: _KnownItems) -> bool:
    """Return whether a part is a test's item, letter for letter: a pattern may name thousands."""
    paths = items.of(element.test)
    return paths is not None and element.item in paths


def _matches(pattern: Pattern, test: str, items: _KnownItems) -> bool:
    paths = items.of(test)
    return paths is None or any(pattern.matches(test, path) for path in paths)


def _unknown_item(element: Element, paths: Collection[str]) -> Diagnostic:
    """Return the finding about a part that names a test and matches none of its items."""
    assert element.item is not None
    if "" in paths:
        message = f"nothing matches {str(element)!r}: test {element.test!r} has no items"
        return _finding(message, severity=Severity.ERROR)
    if not is_plain(element.item):
        return _finding(f"no item of test {element.test!r} matches {str(element)!r}")
    meant = nearest(element.item, paths)
    if meant is not None:
        hint = f"did you mean '{element.test}/{meant}'?"
    else:
        hint = (
            f"its items: {', '.join(sorted(paths)[:_MOST_SHOWN])}{' ...' if len(paths) > _MOST_SHOWN else ''}"
        )
    message = f"test {element.test!r} has no item {element.item!r}"
    return _finding(message, severity=Severity.ERROR, hint=hint if paths else None)


def _finding(message: str, *, severity: Severity = Severity.WARNING, hint: str | None = None) -> Diagnostic:
    return Diagnostic(severity=severity, message=message, hint=hint)
