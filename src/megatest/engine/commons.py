"""What this run takes of what all runs of the area share, and when it steps back for another run.

*Never too much.*  Groups and pools are claimed in the store, in a transaction of their own, before
LAUNCHED is recorded; the store counts what all runs hold within it.

*Nobody starves.*  A run that lacks something which others use draws a ticket for it, one for each
thing at a time, and draws a new one when it has got it.  Once a ticket is a second old, runs that
have a later one, or none, leave what it asks for.  So what is short goes round among the runs.  The
second is there because a hand-over costs a look at the store: short tests would be all hand-over.

Limits that only keep a machine from too much work (jobs, slots) are not claimed: two engines that
launch in the same moment may exceed them by what they launch then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from megatest.engine.attempt import Attempt, Row
from megatest.engine.ports import Clock, Lease, Store
from megatest.model.claim import POOL, Claim, Holding, Share, Want
from megatest.model.ids import TestId
from megatest.model.slotted import dataclass
from megatest.model.spec import Variable, pool_variable
from megatest.plan.plan import Plan

RIPE_S: Final = 1.0
_SILENT_S: Final = 15.0  # an engine that has not renewed its lease for so long is not waited for
_REFUSED_S: Final = 0.2
_TEND_EVERY_S: Final = 30.0

_Key = tuple[str, str]


@dataclass(slots=True)
class _Seen:
    """Since when (monotonic) something has been as it is."""

    value: int
    since: float


class Commons:
    """One run's dealings with the others.

    Args:
        plan: its limits are told what others use.
        store, lease, clock: see `megatest.engine.ports`.
        units: names of the units of pools that have any.
        tend: settles what ended in these runs, as far as no engine looks after them; what a dead
            engine's tests used would be in use for ever.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        store: Store,
        lease: Lease,
        clock: Clock,
        units: Mapping[str, tuple[str, ...]] | None = None,
        tend: Callable[[Collection[int]], None] | None = None,
    ) -> None:
        self._plan = plan
        self._limits = plan.limits
        self._store = store
        self._lease = lease
        self._clock = clock
        self.units = units or {}
        self._pending: set[int] = set()
        self._others: Sequence[Want] = ()
        self._tickets: dict[_Key, int] = {}
        self._seen: dict[tuple[int, _Key], _Seen] = {}
        self._lives: dict[int, _Seen] = {}
        self._asked: dict[_Key, int] = {}
        self._served: set[_Key] = set()
        self._refused: dict[_Key, float] = {}
        self._tend = tend
        self._tend_at = 0.0
        self._busy_runs: set[int] = set()

    # -- looking at others ----------------------------------------------------------------------

    def look(self) -> None:
        """Take in what other runs use and wait for; called when somebody else has written."""
        run_id = self._lease.run_id
        holdings = self._store.holdings() if self._limits.has_common else ()
        active = self._store.active_elsewhere(run_id)
        self._limits.set_elsewhere(active, [held for held in holdings if held.run_id != run_id])
        self._busy_runs = {record.run_id for record in active} | {held.run_id for held in holdings}
        self._others = [want for want in self._store.wants() if want.run_id != run_id]
        now = self._clock.monotonic()
        for want in self._others:
            _note(self._seen, (want.run_id, want.share.key), want.ticket, now)
            _note(self._lives, want.run_id, want.renewed, now)
        self._step_back(now)

    def heed_time(self) -> None:
        """Let tickets ripen; called often."""
        if self._others or self._refused:
            self._step_back(self._clock.monotonic())

    def _step_back(self, now: float) -> None:
        ahead: Counter[_Key] = Counter()
        for want in self._others:
            if self._goes_before_us(want, now):
                ahead[want.share.key] += want.share.amount
        self._refused = {key: until for key, until in self._refused.items() if now < until}
        for key in self._refused:
            ahead[key] += self._limits.size(Share(*key, 1))
        self._limits.set_ahead(ahead)

    def _goes_before_us(self, want: Want, now: float) -> bool:
        key = want.share.key
        if now - self._seen[want.run_id, key].since < RIPE_S:
            return False
        if now - self._lives[want.run_id].since > _SILENT_S:
            return False
        mine = self._tickets.get(key)
        return mine is None or want.ticket < mine

    # -- taking ---------------------------------------------------------------------------------

    def claim(self, row: Row, live: Container[int]) -> Sequence[Holding] | None:
        """Claim what a test holds while it runs, before it is prepared.

        Args:
            row: the plan says that it may start.
            live: rows that are launched.

        Returns:
            What it holds of groups and pools; None if another run was faster, which the plan
            knows then.

        Raises:
            EnvironmentFault: the store cannot be written now.
        """
        if not (self._limits.has_common or self._tickets):
            return ()
        shares = self._plan.shares(row.test_id)
        claims = self._claims(row.id, row.attempt + 1, shares)
        held = self._claim_all(claims, live) if claims else ()
        if held is not None:
            self._use_tickets(shares)
        return held

    def _use_tickets(self, shares: Iterable[Share]) -> None:
        """Give up the tickets for what has been got: one is good for one test."""
        used = [share.key for share in shares if share.key in self._tickets]
        for key in used:
            del self._tickets[key]
        if used:
            self._served.update(used)
            self._step_back(self._clock.monotonic())

    def _claim_all(self, claims: Sequence[Claim], live: Container[int]) -> Sequence[Holding] | None:
        held = self._store.claim(
            claims,
            is_live=lambda row: row in live or row in self._pending,
            time=int(self._clock.now()),
            lease=self._lease,
        )
        if held is not None:
            self._pending.add(claims[0].row)
            return held
        # Whatever the plan believes, it must not ask for the same again at once.
        until = self._clock.monotonic() + _REFUSED_S
        self._refused.update((claim.share.key, until) for claim in claims)
        self.look()
        return None

    def _claims(self, row: int, attempt: int, shares: Iterable[Share]) -> list[Claim]:
        return [
            Claim(
                row=row,
                attempt=attempt,
                share=share,
                size=self._limits.size(share),
                units=self.units.get(share.name, ()) if share.kind == POOL else (),
            )
            for share in shares
            if share.is_common
        ]

    def names_units(self, test_id: TestId) -> bool:
        """Return whether a test is told which units it has, which is known only when it starts."""
        return bool(self.units) and any(
            share.kind == POOL and share.name in self.units for share in self._plan.shares(test_id)
        )

    def committed(self, launched: Iterable[Attempt]) -> None:
        """Let go of what was claimed and is not held: LAUNCHED is recorded of these attempts only."""
        if self._pending:
            lost = self._pending.difference(attempt.row.id for attempt in launched)
            if lost:
                self._store.drop_claims(lost, lease=self._lease)
            self._pending.clear()

    def adopt(self, attempts: Iterable[Attempt]) -> None:
        """See to it that attempts of an earlier engine hold what they use, even after a rebuild."""
        if self._limits.has_common:
            claims = [
                claim
                for attempt in attempts
                for claim in self._claims(
                    attempt.row.id, attempt.number, self._plan.shares(attempt.row.test_id)
                )
            ]
            self._store.keep_claims(claims, time=int(self._clock.now()), lease=self._lease)

    # -- waiting --------------------------------------------------------------------------------

    @property
    def is_waiting(self) -> bool:
        """Whether this run waits for something that others use."""
        return bool(self._asked or self._refused)

    def line_up(self) -> None:
        """Draw tickets for what the plan's ready tests lack; none of them may start now."""
        if self._limits.is_contended or self._asked:
            self._ask(self._plan.wants())
        if self._asked and self._tend is not None and self._clock.monotonic() >= self._tend_at:
            self._tend_at = self._clock.monotonic() + _TEND_EVERY_S
            self._tend(self._busy_runs - {self._lease.run_id})
            self.look()

    def step_aside(self) -> None:
        """Wait for nothing any more: this run launches nothing for now."""
        if self._asked:
            self._ask({})

    def _ask(self, wants: Mapping[_Key, Share]) -> None:
        asked = {key: share.amount for key, share in wants.items()}
        if asked != self._asked or self._served:
            mine = self._store.set_wants(wants.values(), anew=self._served, lease=self._lease)
            self._tickets = {want.share.key: want.ticket for want in mine}
            self._asked = asked
            self._served = set()


_K = TypeVar("_K")


def _note(table: dict[_K, _Seen], key: _K, value: int, now: float) -> None:
    """Remember since when a key has had this value."""
    known = table.get(key)
    if known is None or known.value != value:
        table[key] = _Seen(value, now)


def variables_from(held: Sequence[Holding]) -> tuple[Variable, ...]:
    """Return the variables that tell a test which units it has: ``MT_POOL_PORTS="7001 7002"``."""
    if not held:
        return ()
    return tuple(
        Variable(pool_variable(holding.share.name), " ".join(holding.units))
        for holding in held
        if holding.units
    )
