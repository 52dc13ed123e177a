"""When the page about a test's items is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fakes.store import FakeStore
from megatest.app.pages import ItemPages, Press
from megatest.engine.ports import Move
from megatest.model.ids import Target, TestId
from megatest.model.record import RunRecord, TestRecord
from megatest.model.spec import Area, Field

PAGE = "megatest-rollup-t.html"


class World:
    """A run with a test of two items, their directories, and what writes the page."""

    def __init__(self, root: Path) -> None:
        self.store = FakeStore()
        self.run: RunRecord = self.store.register_run(Target(("a",)), "r", owner="me", time=1)
        rows = [(TestId("t"), True), (TestId("t", "x"), False), (TestId("t", "y"), False)]
        self.rows = dict(self.store.register_tests(self.run.id, rows, 1, None))
        self.area = Area(
            home=str(root),
            config_file=str(root / "megatest.config"),
            name="area",
            fields=(Field(name="os"),),
            linktree=str(root / "lt"),
        )
        self.directory = root / "lt" / "a" / "r" / "t"
        self.directory.mkdir(parents=True)
        self.asked: list[str] = []

    def put(self, item: str, state: str, status: str, **more: object) -> None:
        known = self.store.records.tests[self.rows[TestId("t", item)].id]
        changed: TestRecord = replace(known, state=state, status=status, **more)  # type: ignore[arg-type]
        self.store.records.tests[known.id] = changed

    def pages(self) -> ItemPages:
        def has_items(test: str) -> bool:
            self.asked.append(test)
            return test == "t"

        return ItemPages(Press(area=self.area, records=self.store, run=self.run, environment={}), has_items)

    def moved(self, *moves: tuple[str, str, str, str]) -> None:
        self.pages().moved(
            [
                Move(row=1, test_id=TestId(test, item), state=state, status=status, run_dir="", time=1)
                for test, item, state, status in moves
            ]
        )

    @property
    def log(self) -> str:
        return self.store.records.tests[self.rows[TestId("t")].id].final_logf


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.put("", "COMPLETED", "PASS")
    world.put("x", "COMPLETED", "PASS")
    world.put("y", "COMPLETED", "PASS")
    return world


def test_the_page_is_written_when_the_parent_is_through_and_becomes_its_log(world: World) -> None:
    world.moved(("t", "y", "COMPLETED", "PASS"), ("t", "", "COMPLETED", "PASS"))

    assert (world.directory / PAGE).exists()
    assert world.log == PAGE


def test_items_and_tests_without_items_cost_nothing(world: World) -> None:
    world.moved(("t", "x", "COMPLETED", "PASS"), ("u", "", "RUNNING", "n/a"), ("u", "", "COMPLETED", "PASS"))

    assert world.asked == ["u"]
    assert not (world.directory / PAGE).exists()


@pytest.mark.parametrize(
    ("state", "status"), [("RUNNING", "n/a"), ("LAUNCHED", "n/a"), ("NOT_STARTED", "n/a")]
)
def test_there_is_no_page_while_an_item_goes_on(world: World, state: str, status: str) -> None:
    world.put("y", state, status)
    world.moved(("t", "", "COMPLETED", "FAIL"))

    assert not (world.directory / PAGE).exists()
    assert world.pages().write("t", at_once=True) == str((world.directory / PAGE).resolve())


def test_an_item_that_will_never_run_does_not_hold_the_page_up(world: World) -> None:
    world.put("y", "NOT_STARTED", "PREQ_FAIL")
    world.moved(("t", "", "NOT_STARTED", "PREQ_FAIL"))

    assert "PREQ_FAIL" in (world.directory / PAGE).read_text()


def test_a_log_of_the_tests_own_choice_stays(world: World) -> None:
    world.put("", "COMPLETED", "PASS", final_logf="mine.html")
    world.moved(("t", "", "COMPLETED", "PASS"))

    assert not (world.directory / PAGE).exists()
    assert world.log == "mine.html"


def test_a_page_is_written_again_when_items_ran_again(world: World) -> None:
    world.moved(("t", "", "COMPLETED", "PASS"))
    world.put("y", "COMPLETED", "ABORT")
    world.moved(("t", "", "COMPLETED", "ABORT"))

    assert "ABORT" in (world.directory / PAGE).read_text()


def test_without_a_directory_or_room_for_the_page_nothing_changes(world: World) -> None:
    (world.directory / f".{PAGE}.new").mkdir()
    world.moved(("t", "", "COMPLETED", "PASS"))
    assert world.log == "logs/final.log"

    (world.directory / f".{PAGE}.new").rmdir()
    world.directory.rmdir()
    world.moved(("t", "", "COMPLETED", "PASS"))
    assert world.log == "logs/final.log"
