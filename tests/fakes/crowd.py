"""Several engines at work in one area, one at a time, in an order drawn by chance.

Each engine has a thread of its own, but only one of them runs at any time: it hands over where it would
wait, and before each call of the store, so that another engine's calls may come between.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fakes.engine_world import EngineWorld, FakeClock, FakeWaiter
from fakes.executor import Plan as JobPlan
from fakes.store import FakeRecords, FakeStore
from megatest.engine.outcome import Outcome
from megatest.model.change import Change
from megatest.model.claim import Claim, Holding, Share, Want
from megatest.model.lease import Lease
from megatest.model.record import TestRecord
from megatest.plan.limits import Demand, LimitSettings


@dataclass(slots=True, eq=False)
class _Player:
    """One engine's thread."""

    world: EngineWorld
    wake_at: float
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    outcome: Outcome | None = None
    failure: BaseException | None = None
    is_over: bool = False
    frozen_at: float = math.inf


class _Gone(BaseException):
    """The simulation is over; the thread ends where it is."""


class _Waiter(FakeWaiter):
    """Lets the others run meanwhile."""

    def __init__(self, clock: FakeClock, pause: Callable[[float], None]) -> None:
        super().__init__(clock)
        self._pause = pause

    def wait(self, fds: Sequence[int], timeout_s: float) -> None:
        self._pause(max(timeout_s, 0.001))


class _Store(FakeStore):
    """A connection that lets others go first."""

    def __init__(self, records: FakeRecords, step: Callable[[], None]) -> None:
        super().__init__(records)
        self._step = step

    def commit(self, changes: Sequence[Change], lease: Lease | None) -> Sequence[TestRecord]:
        self._step()
        return super().commit(changes, lease)

    def claim(
        self, claims: Sequence[Claim], *, is_live: Callable[[int], bool], time: int, lease: Lease
    ) -> Sequence[Holding] | None:
        self._step()
        return super().claim(claims, is_live=is_live, time=time, lease=lease)

    def set_wants(
        self, shares: Iterable[Share], *, anew: Collection[tuple[str, str]], lease: Lease
    ) -> Sequence[Want]:
        self._step()
        return super().set_wants(shares, anew=anew, lease=lease)


class Crowd:
    """Engines of runs ``r1``, ``r2`` ... over the same records.

    Args:
        limits: of the area.
        seed: of the order.

    Attributes:
        launches: run, test and time of each launch.
        peaks: the most that was in use at once by jobs that ran, by pool or group.
    """

    def __init__(self, limits: LimitSettings, seed: int = 0) -> None:
        self.clock = FakeClock()
        self.records = FakeRecords()
        self.launches: list[tuple[str, str, float]] = []
        self.peaks: dict[str, int] = {}
        self._limits = limits
        self._chance = random.Random(seed)
        self._players: list[_Player] = []
        self._back = threading.Semaphore(0)
        self._stop = False

    def add(
        self,
        demands: Mapping[str, Demand],
        *,
        lasts_s: float | Callable[[str], float] = 5,
        after_s: float = 0,
        units: Mapping[str, tuple[str, ...]] | None = None,
    ) -> EngineWorld:
        """Add a run whose engine comes later by `after_s`."""
        name = f"r{len(self._players) + 1}"
        length = lasts_s if callable(lasts_s) else lambda _test: lasts_s
        world = EngineWorld(
            graph=tuple(f"{test}:" for test in demands),
            jobs={test: JobPlan(lasts_s=length(test)) for test in demands},
            clock=self.clock,
            records=self.records,
            runname=name,
            limits=self._limits,
            demands=demands,
            units=units or {},
        )
        player = _Player(world=world, wake_at=self.clock.seconds + after_s)
        world.waiter = _Waiter(self.clock, lambda pause_s: self.hand_over(player, pause_s))
        world.open_store = lambda records: _Store(records, lambda: self.hand_over(player, 0))
        self._players.append(player)
        return world

    def freeze(self, world: EngineWorld, after_s: float) -> None:
        """Let an engine stand still from then on, for ever."""
        for player in self._players:
            if player.world is world:
                player.frozen_at = self.clock.seconds + after_s

    def hand_over(self, player: _Player, pause_s: float) -> None:
        """Let others run; return when it is this one's turn again."""
        player.wake_at = self.clock.seconds + pause_s
        self._back.release()
        player.go.acquire()
        if self._stop:
            raise _Gone

    def play(self, until_s: float = 10_000) -> None:
        """Let all engines run to their ends.

        Args:
            until_s: how long that may take by their clock.
        """
        threads = [threading.Thread(target=self._live, args=(player,)) for player in self._players]
        for thread in threads:
            thread.start()
        end = self.clock.seconds + until_s
        try:
            while waiting := self._moving():
                self.clock.seconds = max(self.clock.seconds, min(player.wake_at for player in waiting))
                assert self.clock.seconds < end, "the engines do not come to an end"
                due = [player for player in waiting if player.wake_at <= self.clock.seconds]
                self._let(self._chance.choice(due))
                self._measure()
        finally:
            self._stop = True
            for player in self._players:
                player.go.release()
            for thread in threads:
                thread.join()

    def _moving(self) -> list[_Player]:
        return [p for p in self._players if not p.is_over and self.clock.seconds < p.frozen_at]

    def _let(self, player: _Player) -> None:
        player.go.release()
        self._back.acquire()
        if player.failure is not None:
            raise player.failure

    def _live(self, player: _Player) -> None:
        player.go.acquire()
        try:
            if not self._stop:
                player.outcome = player.world.run()
        except _Gone:
            pass
        except BaseException as error:
            player.failure = error
        finally:
            player.is_over = True
            self._back.release()

    def _measure(self) -> None:
        used: dict[str, int] = {}
        for player in self._players:
            world = player.world
            for launch in world.watcher.launches[sum(run == world.runname for run, _, _ in self.launches) :]:
                self.launches.append((world.runname, launch.partition(".")[0], self.clock.seconds))
            for job in world.cluster.alive():
                demand = world.demands[self.records.tests[job.row].test_id.test]
                for name, amount in (("jobs", 1), (demand.jobgroup, 1), *demand.pools):
                    used[name] = used.get(name, 0) + amount
        for name, amount in used.items():
            self.peaks[name] = max(amount, self.peaks.get(name, 0))

    def outcomes(self) -> list[int]:
        """Return how many tests of each run ended well."""
        return [player.outcome.good if player.outcome else 0 for player in self._players]
