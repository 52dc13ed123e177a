"""Small graphs as text, and an engine that does nothing but end what the plan starts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from megatest.model.error import Location
from megatest.model.ids import TestId
from megatest.model.pattern import parse_pattern
from megatest.model.spec import ItemMap, ItemVariable, Mode, Requirements, TestSpec, Waiton
from megatest.plan.items import expand_items
from megatest.plan.limits import Limits
from megatest.plan.plan import Consequence, Expand, Plan, Register, Settle, Unmatched
from megatest.plan.rerun import Prior, RerunRequest
from megatest.plan.select import select

Priors = dict[str, str | Prior]


def tid(text: str) -> TestId:
    test, _, item = text.partition("/")
    return TestId(test, item)


def prior(pair: str, *, accounted: bool = False, parent: bool = False) -> Prior:
    state, _, status = pair.partition("/")
    return Prior(state=state, status=status or "n/a", accounted=accounted, is_parent=parent)


def spec(
    name: str,
    waitons: str = "",
    items: str | None = None,
    modes: str = "",
    maps: Sequence[tuple[str, str, str]] = (),
    deferred: bool = False,
    priority: float | None = None,
) -> TestSpec:
    file = f"tests/{name}/testconfig"
    return TestSpec(
        name=name,
        directory=f"/area/tests/{name}",
        config_file=file,
        items=None if items is None else (ItemVariable(name="ITEM", values=tuple(items.split())),),
        items_need_upstream=deferred,
        requirements=Requirements(
            waitons=tuple(
                Waiton(
                    test=test, location=Location(file=file, line=number, column=8), source=f"waiton {test}"
                )
                for number, test in enumerate(waitons.split(), start=2)
            ),
            modes=frozenset(Mode(mode) for mode in modes.split()),
            itemmaps=tuple(ItemMap(upstream=u, lines=((regex, by),)) for u, regex, by in maps),
            priority=priority or 0,
            priority_given=priority is not None,
        ),
    )


class Bench:
    """A plan over some specs, and what it said."""

    def __init__(
        self,
        *specs: TestSpec,
        pattern: str = "%",
        request: RerunRequest | None = None,
        priors: Mapping[str, str | Prior] | None = None,
        limits: Limits | None = None,
        past: Mapping[str, float] | None = None,
    ) -> None:
        self.specs = {spec.name: spec for spec in specs}
        self.items: Callable[[str], TestSpec] = self.specs.__getitem__
        self.joined: dict[str, bool] = {}
        self.settled: dict[str, str] = {}
        self.comments: dict[str, str] = {}
        self.expanded: list[str] = []
        self.said: list[str] = []
        durations = {tid(name): seconds for name, seconds in (past or {}).items()}
        self.plan = Plan(limits=limits, past_durations=durations)
        self.add(pattern, request, priors)

    def add(
        self,
        pattern: str,
        request: RerunRequest | None = None,
        priors: Mapping[str, str | Prior] | None = None,
    ) -> None:
        selection = select(self.specs, self.specs.__getitem__, parse_pattern(pattern))
        known = {
            tid(name): value if isinstance(value, Prior) else prior(value)
            for name, value in (priors or {}).items()
        }
        self.plan.add(selection, request, known)
        self.heed(self.plan.begin())

    def heed(self, consequences: Sequence[Consequence]) -> None:
        todo = deque(consequences)
        while todo:
            consequence = todo.popleft()
            if isinstance(consequence, Register):
                self.joined.update((str(test_id), is_parent) for test_id, is_parent in consequence.rows)
            elif isinstance(consequence, Settle):
                name = str(consequence.test_id)
                self.settled[name] = f"{consequence.state}/{consequence.status}"
                self.comments[name] = consequence.comment
            elif isinstance(consequence, Unmatched):
                self.said.append(consequence.message)
            elif isinstance(consequence, Expand):
                self.expanded.append(consequence.test)
                found = self.items(consequence.test)
                todo.extend(
                    self.plan.expand(
                        consequence.test, expand_items(found.name, found.items, found.itemstable)
                    )
                )

    def ready(self) -> list[str]:
        """Return everything that may start now, in order, starting it."""
        found = []
        while (test_id := self.plan.next_ready()) is not None:
            self.plan.started(test_id)
            found.append(str(test_id))
        return found

    def end(self, name: str, pair: str = "COMPLETED/PASS") -> None:
        state, _, status = pair.partition("/")
        self.heed(self.plan.ended(tid(name), state, status))

    def run(self, outcomes: Mapping[str, str] | None = None) -> list[str]:
        """Run one test at a time to the end; return the order of the starts."""
        order = []
        while (test_id := self.plan.next_ready()) is not None:
            self.plan.started(test_id)
            order.append(str(test_id))
            self.end(str(test_id), (outcomes or {}).get(str(test_id), "COMPLETED/PASS"))
        assert self.plan.is_done()
        return order

    def why(self, name: str) -> str:
        return "\n".join(self.plan.why(tid(name)))
