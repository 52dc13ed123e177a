"""Watching a run that another engine holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fakes.engine_world import FakeClock, FakeWatcher
from fakes.store import FakeRecords, FakeStore
from megatest.app.hold import Door
from megatest.app.join import watch_until_free
from megatest.engine.interrupt import Interrupts
from megatest.model.change import TestChange
from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder, Lease
from megatest.model.record import RunRecord, TestRecord

_ME = Holder(host="here", pid=10, pid_started=1, boot_id="b", user="me", time=0)
_ENGINE = Holder(host="there", pid=20, pid_started=2, boot_id="c", user="you", time=0)


class StoreWithOthers(FakeStore):
    """A connection between whose reads others write.

    Attributes:
        after_tests: what another process does as soon as the tests of a run have been read.
    """

    def __init__(self, records: FakeRecords) -> None:
        super().__init__(records)
        self.after_tests: list[Callable[[], object]] = []

    def tests(
        self,
        run_id: int,
        predicate: Callable[[TestRecord], bool] | None = None,
        *,
        states: Collection[str] = (),
        statuses: Collection[str] = (),
    ) -> Sequence[TestRecord]:
        found = super().tests(run_id, predicate, states=states, statuses=statuses)
        while self.after_tests:
            self.after_tests.pop()()
        return found


class CountingWatcher(FakeWatcher):
    """Remembers the last counts, too."""

    counts = (0, 0)

    def counted(self, running: int, waiting: int) -> None:
        self.counts = (running, waiting)


class World:
    """A run that an engine holds, with a test that runs; the engine leaves after one look of ours."""

    def __init__(self) -> None:
        records = FakeRecords()
        self._engine = FakeStore(records)
        self.run: RunRecord = self._engine.register_run(Target(("ubuntu",)), "w1", owner="you", time=1)
        held = self._engine.acquire_lease(self.run.id, _ENGINE)
        assert isinstance(held, Lease)
        self._lease = held
        ids = [(TestId("a"), False)]
        [self._test] = self._engine.register_tests(self.run.id, ids, 1, held).values()
        self._move("NOT_STARTED", "LAUNCHED", "n/a")
        self.store = StoreWithOthers(records)
        self.watcher = CountingWatcher()

    def _move(self, before: str, after: str, status: str) -> None:
        change = TestChange(row=self._test.id, expected_state=before, state=after, status=status)
        assert self._engine.commit([change], self._lease) == []

    def pass_test(self) -> None:
        """Let the engine settle the test."""
        self._move("LAUNCHED", "COMPLETED", "PASS")

    def wait(self, fds: Sequence[int], timeout_s: float) -> None:
        """Let the engine end; see `megatest.engine.ports.Waiter`."""
        self._engine.release(self._lease)

    def watch(self) -> None:
        """Watch until the engine is gone."""
        door = Door(store=self.store, run=self.run, me=_ME, clock=FakeClock())
        lease = watch_until_free(door, _ENGINE, watcher=self.watcher, interrupts=Interrupts(), waiter=self)
        assert lease is not None


def test_a_test_that_ends_just_as_the_watching_begins_is_shown() -> None:
    world = World()
    world.store.after_tests.append(world.pass_test)
    world.watch()
    assert world.watcher.ends == [("a", "COMPLETED/PASS", "")]
    assert world.watcher.counts == (0, 0)


def test_what_ended_before_the_watching_began_is_known_and_not_shown() -> None:
    world = World()
    world.pass_test()
    world.watch()
    assert world.watcher.ends == []
    assert world.watcher.counts == (0, 0)


def test_a_test_that_goes_on_is_counted_as_running() -> None:
    world = World()
    world.watch()
    assert world.watcher.counts == (1, 0)
