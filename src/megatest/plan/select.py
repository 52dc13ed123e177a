"""From what the user asked to the tests of the plan: names, tags, prerequisites, cycles.

Only the tests that a pattern names and those upstream of them are looked up.  What is wrong
with any of them is collected and raised at once, before anything starts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from megatest.model.error import ConfigError, Diagnostic, Severity, UserError
from megatest.model.pattern import Element, NamePattern, Pattern
from megatest.model.slotted import dataclass
from megatest.model.spec import NO_COMMENT, TestSpec, Waiton
from megatest.plan.itemmap import ItemMaps, compile_itemmaps
from megatest.plan.needs import NO_MAPS, Needs, needs_of
from megatest.plan.order import upstream_first

Lookup = Callable[[str], TestSpec]
"""Reads one test's file; raises ConfigError or another UserError where it is wrong."""

_MOST_GUESSES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedTest:
    """One test that may take part in a plan.

    Attributes:
        spec: what its file asks for.
        asked: the user's pattern and tags name it; otherwise it is only upstream of such a test
            and takes part when a test that runs needs it.
        upstream: the distinct tests it waits on, in the order of the file.
        maps: its item maps.
        whole_needed: some test that waits on it needs all of it.
        items_needed: the items that others need of it, as pattern elements ``NAME/ITEM``.
    """

    spec: TestSpec
    asked: bool
    upstream: tuple[str, ...] = ()
    maps: ItemMaps = NO_MAPS
    whole_needed: bool = False
    items_needed: tuple[Element, ...] = ()

    @property
    def needed(self) -> tuple[Element, ...]:
        """What the tests that wait on it need of it, the whole test being its bare name."""
        whole = (Element(self.spec.name, None),) if self.whole_needed else ()
        return (*self.items_needed, *whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Everything that a request may run.

    Attributes:
        pattern: the request; decides which items of the asked tests are meant.
        tests: by name, every test after all that it waits on.
    """

    pattern: Pattern
    tests: Mapping[str, SelectedTest]


def select(
    available: Collection[str], lookup: Lookup, pattern: Pattern, tags: NamePattern | None = None
) -> Selection:
    """Return the tests that a pattern names, and all that are upstream of them.

    Args:
        available: the names of all tests of the area.
        lookup: reads one of them; called once for each test that takes part.
        pattern: names tests and items; a plain name must exist, a wildcard need not match.
        tags: with it, only tests that have a matching tag are asked.

    Raises:
        ConfigError: with every unknown name (and the nearest one that exists), every file that
            cannot be read, every cycle of prerequisites, every faulty item map.

    Cost: O(n + m) look-ups and steps for n selected tests with m prerequisites; no recursion.
    """
    known = available if isinstance(available, (set, frozenset, dict)) else frozenset(available)
    names = _Names(known)
    findings = [
        names.unknown(f"unknown test {element.test!r} in the pattern {str(pattern)!r}", element.test)
        for element in pattern.elements
        if element.is_plain and element.test not in known
    ]
    specs: dict[str, TestSpec] = {}
    _load_all((name for name in sorted(known) if pattern.matches_name(name)), lookup, specs, findings)
    asked = [name for name, spec in specs.items() if tags is None or any(map(tags.matches, spec.meta.tags))]
    _load_upstream(asked, lookup, specs, names, findings)
    order = upstream_first(asked, specs, findings)
    maps = _compile_maps(order, specs, findings)
    _raise_if_wrong(findings)
    needs = needs_of(order, specs, maps, pattern, findings)
    _raise_if_wrong(findings)
    return Selection(pattern=pattern, tests=_selected(order, frozenset(asked), specs, maps, needs))


def _selected(
    order: Sequence[str],
    asked: frozenset[str],
    specs: Mapping[str, TestSpec],
    maps: Mapping[str, ItemMaps],
    needs: Needs,
) -> dict[str, SelectedTest]:
    whole, items = needs.whole, needs.items
    return {
        name: SelectedTest(
            spec=specs[name],
            asked=name in asked,
            upstream=_distinct(specs[name].requirements.waitons),
            maps=maps.get(name, NO_MAPS) if maps else NO_MAPS,
            whole_needed=name in whole,
            items_needed=tuple(items[name]) if name in items else (),
        )
        for name in order
    }


def _distinct(waitons: Sequence[Waiton]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([waiton.test for waiton in waitons])) if waitons else ()


def _raise_if_wrong(findings: Sequence[Diagnostic]) -> None:
    if findings:
        raise ConfigError(findings)


class _Names:
    """The names that exist, and the nearest one to a name that does not."""

    def __init__(self, known: Collection[str]) -> None:
        self.known = known
        self._guesses_left = _MOST_GUESSES  # a guess looks at every name

    def unknown(self, message: str, name: str, waiton: Waiton | None = None) -> Diagnostic:
        from difflib import get_close_matches

        near = get_close_matches(name, self.known, n=1) if self._guesses_left > 0 else []
        self._guesses_left -= 1
        return Diagnostic(
            severity=Severity.ERROR,
            message=message,
            location=waiton.location if waiton else None,
            source=waiton.source if waiton else None,
            length=len(name),
            hint=NO_COMMENT if name == "#" else f"did you mean {near[0]!r}?" if near else None,
        )


def _load_all(
    wanted: Iterable[str], lookup: Lookup, specs: dict[str, TestSpec], findings: list[Diagnostic]
) -> None:
    for name in wanted:
        try:
            specs[name] = lookup(name)
        except UserError as error:
            findings.extend(error.diagnostics())


def _load_upstream(
    asked: Sequence[str],
    lookup: Lookup,
    specs: dict[str, TestSpec],
    names: _Names,
    findings: list[Diagnostic],
) -> None:
    """Look up all tests that `asked` wait on, directly or not."""
    reached = set(asked)
    pending = list(asked)
    while pending:
        name = pending.pop()
        for waiton in specs[name].requirements.waitons if name in specs else ():
            upstream = waiton.test
            if upstream in reached:
                continue
            if upstream not in names.known:
                message = f"unknown test {upstream!r} in waiton of test {name!r}"
                findings.append(names.unknown(message, upstream, waiton))
                continue
            reached.add(upstream)
            pending.append(upstream)
            if upstream not in specs:
                _load_all((upstream,), lookup, specs, findings)


def _compile_maps(
    order: Sequence[str], specs: Mapping[str, TestSpec], findings: list[Diagnostic]
) -> dict[str, ItemMaps]:
    """Return the item maps of the tests that have any."""
    maps: dict[str, ItemMaps] = {}
    for name in order:
        itemmaps = specs[name].requirements.itemmaps
        if itemmaps:
            try:
                maps[name] = compile_itemmaps(itemmaps)
            except ConfigError as error:
                findings.extend(error.diagnostics())
    return maps
