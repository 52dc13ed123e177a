"""A slow and simple judge of plans: it looks at everything, and acts as the engine would."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from megatest.model.ids import TestId
from megatest.model.pattern import parse_pattern
from megatest.model.rollup import Pair, roll_up
from megatest.model.spec import ItemVariable, Mode, Requirements, TestSpec, Waiton
from megatest.model.status import is_ended, is_good
from megatest.plan.items import expand_items
from megatest.plan.plan import Consequence, Expand, Plan, Register, Settle
from megatest.plan.rerun import Prior, RerunRequest, decide
from megatest.plan.select import select

NEVER_RUN = ("NOT_STARTED", "n/a")


def make_spec(
    name: str,
    upstream: Iterable[str] = (),
    items: tuple[str, ...] | None = None,
    modes: Iterable[Mode] = (),
    deferred: bool = False,
) -> TestSpec:
    return TestSpec(
        name=name,
        directory=f"/area/tests/{name}",
        config_file=f"tests/{name}/testconfig",
        items=None if items is None else (ItemVariable(name="ITEM", values=items),),
        items_need_upstream=deferred,
        requirements=Requirements(
            waitons=tuple(Waiton(test=test) for test in upstream), modes=frozenset(modes)
        ),
    )


@dataclass
class World:
    """What is true of every row, kept apart from the plan that is judged."""

    specs: Mapping[str, TestSpec]
    pairs: dict[TestId, Pair] = field(default_factory=dict)

    def ids(self, test: str) -> list[TestId]:
        items = self.specs[test].items
        return [TestId(test, value) for value in items[0].values] if items else [TestId(test)]

    def recorded(self, test: str) -> list[Pair]:
        return [self.pairs[test_id] for test_id in self.ids(test) if test_id in self.pairs]

    def needs(self, test_id: TestId, upstream: str) -> list[TestId]:
        """Which rows of an upstream test a row waits for, as ids (that need not exist)."""
        if self.specs[test_id.test].requirements.item_match and self.specs[upstream].items and test_id.item:
            return [TestId(upstream, test_id.item)]
        return self.ids(upstream)

    def met(self, test_id: TestId, upstream: str, open_rows: set[TestId]) -> bool:
        """Whether a row may start as far as one upstream test goes."""
        needed = self.needs(test_id, upstream)
        if open_rows.intersection(needed):
            return False
        top = roll_up(self.pairs[row] for row in needed if row in self.pairs)
        if top is None:
            return False
        return is_ended(top[0]) if self.specs[test_id.test].requirements.toplevel else is_good(*top)

    def may_start(self, test_id: TestId, open_rows: set[TestId]) -> bool:
        waitons = self.specs[test_id.test].requirements.waitons
        return all(self.met(test_id, waiton.test, open_rows) for waiton in waitons)


class Judge:
    """Runs a plan in the world, and asserts of each step that it was right."""

    def __init__(self, world: World, accounted: set[TestId]) -> None:
        self.world = world
        self.plan = Plan()
        self.running = {test_id for test_id in accounted if world.pairs[test_id][0] == "RUNNING"}
        for test_id in sorted(self.running):
            self.plan.started(test_id)
        self.started: set[TestId] = set()
        self.settled: set[TestId] = set()
        self.asked: set[TestId] = set()
        self.meant: set[TestId] = set()
        self.requests = 0
        self.open_tests: set[str] = set()

    def priors(self) -> dict[TestId, Prior]:
        priors = {
            test_id: Prior(state=pair[0], status=pair[1], accounted=test_id in self.running)
            for test_id, pair in self.world.pairs.items()
        }
        for test, spec in self.world.specs.items():
            top = roll_up(self.world.recorded(test))
            if spec.items and top is not None:
                priors[TestId(test)] = Prior(state=top[0], status=top[1], is_parent=True)
        return priors

    def add(self, text: str, request: RerunRequest) -> None:
        pattern, priors, specs = parse_pattern(text), self.priors(), self.world.specs
        selection = select(specs, specs.__getitem__, pattern)
        self.plan.add(selection, request, priors)
        self.requests += 1
        for test in specs:
            for test_id in self.world.ids(test):
                if pattern.matches(*test_id):
                    self.meant.add(test_id)
                if pattern.matches(*test_id) and decide(priors.get(test_id), request).run:
                    self.asked.add(test_id)
        self._forget_reset_results(request, selection.tests)
        self.heed(self.plan.begin())

    def _forget_reset_results(self, request: RerunRequest, tests: Iterable[str]) -> None:
        for test in tests:
            for test_id in self.world.ids(test):
                pair = self.world.pairs.get(test_id)
                again = request.keepgoing and pair == ("COMPLETED", "FAIL")
                if pair is not None and test_id not in self.running and (request.everything or again):
                    self.world.pairs[test_id] = NEVER_RUN

    def open_rows(self) -> set[TestId]:
        rows = set(self.running)
        for test_id in self.plan.waiting():
            rows.add(test_id)
            rows.update(self.world.ids(test_id.test) if test_id.item == "" else ())
        return rows

    def heed(self, consequences: Sequence[Consequence]) -> None:
        todo = deque(consequences)
        while todo:
            consequence = todo.popleft()
            if isinstance(consequence, Register):
                self._register(consequence)
            elif isinstance(consequence, Settle):
                self._settle(consequence)
            elif isinstance(consequence, Expand):
                spec = self.world.specs[consequence.test]
                todo.extend(self.plan.expand(spec.name, expand_items(spec.name, spec.items, spec.itemstable)))
                assert not self.plan.expand(spec.name, ())
        self.open_tests.update(test_id.test for test_id in self.open_rows())

    def _register(self, consequence: Register) -> None:
        for test_id, is_parent in consequence.rows:
            self.open_tests.add(test_id.test)
            if not is_parent:
                self.world.pairs.setdefault(test_id, NEVER_RUN)

    def _settle(self, settle: Settle) -> None:
        assert settle.comment
        assert settle.test_id not in self.running
        self.settled.add(settle.test_id)
        if settle.test_id in self.world.ids(settle.test_id.test):
            self.world.pairs[settle.test_id] = (settle.state, settle.status)

    def start(self) -> bool:
        test_id = self.plan.next_ready()
        if test_id is None:
            return False
        assert test_id not in self.running, "two attempts at once"
        assert self.world.may_start(test_id, self.open_rows() - {test_id}), self.plan.why(test_id)
        assert list(self.plan.upcoming(1)) == [test_id]
        self.plan.started(test_id)
        self.running.add(test_id)
        self.started.add(test_id)
        self.world.pairs[test_id] = ("RUNNING", "n/a")
        return True

    def end(self, test_id: TestId, pair: Pair) -> None:
        self.running.discard(test_id)
        self.world.pairs[test_id] = pair
        self.heed(self.plan.ended(test_id, *pair))
        assert not self.plan.ended(test_id, "COMPLETED", "PASS"), "said twice, it changed something"

    def retry(self, test_id: TestId) -> None:
        new = test_id not in self.asked
        self.asked.add(test_id)
        if test_id in self.running:
            self.running.discard(test_id)
            self.world.pairs[test_id] = NEVER_RUN
        self.heed(self.plan.retry(test_id))
        if new and test_id not in self.open_rows():
            self.asked.discard(test_id)  # nobody had asked for it, it only ran

    def ended_here(self) -> list[TestId]:
        return sorted(self.started - self.open_rows())

    def check(self) -> None:
        assert self.running.isdisjoint(self.plan.waiting())
        assert self.plan.waiting_count() == len(list(self.plan.waiting()))
        if not self.running and self.plan.next_ready() is None:
            assert self.plan.is_done(), [(i, self.plan.why(i)) for i in self.plan.waiting()]

    def check_answers(self) -> None:
        for test in self.world.specs:
            for test_id in (TestId(test), *self.world.ids(test)):
                assert all(self.plan.why(test_id))
        self.plan.order()

    def finish(self) -> None:
        while not self.plan.is_done():
            while self.start():
                pass
            assert self.running, "nothing runs, nothing may start, and it is not done"
            for test_id in sorted(self.running):
                self.end(test_id, ("COMPLETED", "PASS"))
        self._judge_the_end()

    def _judge_the_end(self) -> None:
        for test_id in self.asked - self.started - self.settled:
            assert TestId(test_id.test) in self.settled, f"{test_id} was asked for and forgotten"
        for test_id in self.settled:
            if self.world.pairs.get(test_id) == ("NOT_STARTED", "PREQ_FAIL") and not self._is_behind_a_whole(
                test_id.test
            ):
                assert not self.world.may_start(test_id, set()), f"{test_id} could have run"
        # Of several requests, one may reset results that another, still waiting, had kept.
        asked = self.asked if self.requests == 1 else self.asked | self.meant
        for test_id in self.started - asked:
            assert self._is_needed(test_id.test), f"{test_id} ran for nobody"

    def _is_behind_a_whole(self, test: str) -> bool:
        """Whether a test waits on one that was settled as a whole, whatever its old items say."""
        upstream = {waiton.test for waiton in self.world.specs[test].requirements.waitons}
        return any(TestId(name) in self.settled and self.world.specs[name].items for name in upstream)

    def _is_needed(self, test: str) -> bool:
        """Whether a test that took part waits on this one."""
        took_part = self.open_tests | {test_id.test for test_id in self.settled}
        return any(
            waiton.test == test and name in took_part
            for name, spec in self.world.specs.items()
            for waiton in spec.requirements.waitons
        )
