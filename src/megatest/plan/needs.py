"""What is needed of upstream tests: all of them, or the items that others match."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from megatest.model.error import Diagnostic, Severity, UserError
from megatest.model.pattern import Element, Pattern, parse_words
from megatest.model.spec import TestSpec, Waiton
from megatest.plan.itemmap import ItemMaps

NO_MAPS: Final = ItemMaps()
_ALL_ITEMS: Final = "%"


class Needs(NamedTuple):
    """What is needed of upstream tests: all of some, items of some."""

    whole: set[str]
    items: dict[str, dict[Element, None]]


def needs_of(
    order: Sequence[str],
    specs: Mapping[str, TestSpec],
    maps: Mapping[str, ItemMaps],
    pattern: Pattern,
    findings: list[Diagnostic],
) -> Needs:
    """Return what is needed of each upstream test, from the most downstream test up."""
    needs = Needs(set(), {})
    for name in reversed(order):
        requirements = specs[name].requirements
        if not requirements.item_match:
            needs.whole.update([waiton.test for waiton in requirements.waitons])
            continue
        mine = dict.fromkeys((*pattern.item_patterns_for(name), *_items(needs.items.get(name, ()))))
        for waiton in requirements.waitons:
            try:
                found = needed_of(waiton.test, mine, maps.get(name, NO_MAPS), True)
            except UserError as error:
                findings.append(_faulty_map(error, name, waiton, specs))
            else:
                needs.items.setdefault(waiton.test, {}).update(dict.fromkeys(found))
    return needs


def _items(elements: Collection[Element]) -> list[str]:
    return [element.item for element in elements if element.item is not None]


def needed_of(upstream: str, mine: Collection[str], maps: ItemMaps, item_match: bool) -> list[Element]:
    """Return what a test needs of one upstream test, given the item patterns that name it.

    Without item matching: the whole test.  With it: each of my item patterns, mapped as if it
    were an item; all items if no pattern speaks of my items.

    Raises:
        UserError: an item map cannot be applied.
    """
    if not item_match:
        return [Element(upstream, None)]
    if not mine:
        return [Element(upstream, _ALL_ITEMS)]
    mapped = maps.for_upstream(upstream)
    return [Element(upstream, mapped(item.lstrip("/"))) for item in mine]


def _faulty_map(error: UserError, name: str, waiton: Waiton, specs: Mapping[str, TestSpec]) -> Diagnostic:
    itemmaps = specs[name].requirements.itemmaps
    itemmap = next((m for m in itemmaps if parse_words(m.upstream).matches(waiton.test)), None)
    return Diagnostic(
        severity=Severity.ERROR,
        message=f"test {name!r}, waiting on {waiton.test!r}: {error.message}",
        location=itemmap.location if itemmap else None,
        hint=error.hint,
    )
