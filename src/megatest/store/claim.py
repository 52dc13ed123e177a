"""What attempts hold of job groups and pools, and what runs wait for.

Every command opens the store and few ask this, so the records are loaded when somebody does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from megatest.failpoint import reach
from megatest.model.ids import TestId
from megatest.model.lease import Lease
from megatest.store.database import Database
from megatest.store.rows import Row, bindable

if TYPE_CHECKING:
    from megatest.model.claim import Claim, Holding, Share, Want


class SqliteClaims:
    """Satisfies `megatest.store.port.Claiming`; see there."""

    _database: Database

    def holdings(self) -> Sequence[Holding]:
        """Return what attempts of all runs hold, longest first."""
        return [_holding_from_row(row) for row in self._database.rows("holdings")]

    def claim(
        self, claims: Sequence[Claim], *, is_live: Callable[[int], bool], time: int, lease: Lease
    ) -> Sequence[Holding] | None:
        """Let an attempt that is about to be launched hold something, unless there is too little."""
        from megatest.model.claim import grant

        with self._database.transaction(lease):
            held = self._still_held(is_live, lease.run_id)
            granted = grant(claims, held)
            for claim, units in granted or ():
                self._put(claim, units, time, lease)
        reach("claim made")
        if granted is None:
            return None
        rows = {claim.row for claim in claims}
        return [holding for holding in self.holdings() if holding.row in rows]

    def _still_held(self, is_live: Callable[[int], bool], run_id: int) -> list[Holding]:
        """Forget what is not in force any more, and what this run's attempts held that have ended."""
        self._database.run("forget_claims")
        held = []
        for holding in self.holdings():
            if holding.run_id != run_id or is_live(holding.row):
                held.append(holding)
            else:
                self._database.run("delete_claims", holding.row)
        return held

    def _put(self, claim: Claim, units: Sequence[str], time: int, lease: Lease) -> None:
        kind, name, amount = claim.share
        words = bindable(" ".join(units))
        self._database.run(
            "put_claim", claim.row, kind, bindable(name), claim.attempt, amount, words, lease.token, time
        )

    def keep_claims(self, claims: Iterable[Claim], *, time: int, lease: Lease) -> None:
        """Record what attempts hold that were launched earlier, as far as nothing is known of it."""
        known = {(holding.row, holding.share.key) for holding in self.holdings()}
        new = [claim for claim in claims if (claim.row, claim.share.key) not in known]
        if new:
            with self._database.transaction(lease):
                for claim in new:
                    self._put(claim, (), time, lease)

    def drop_claims(self, rows: Iterable[int], *, lease: Lease) -> None:
        """Let go of what was claimed for attempts that are not launched after all."""
        with self._database.transaction(lease):
            for row in rows:
                self._database.run("delete_claims", row)

    def wants(self) -> Sequence[Want]:
        """Return what the runs wait for that have an engine, longest first."""
        return [_want_from_row(row) for row in self._database.rows("wants")]

    def set_wants(
        self, shares: Iterable[Share], *, anew: Collection[tuple[str, str]], lease: Lease
    ) -> Sequence[Want]:
        """Replace what a run waits for."""
        with self._database.transaction(lease):
            earlier = {w.share.key: w.ticket for w in self.wants() if w.run_id == lease.run_id}
            self._database.run("delete_wants", lease.run_id)
            ticket, _ = self._database.stamp
            for share in shares:
                kept = None if share.key in anew else earlier.get(share.key)
                values = (share.amount, ticket if kept is None else kept, lease.token)
                self._database.run("put_want", lease.run_id, share.kind, bindable(share.name), *values)
            return [want for want in self.wants() if want.run_id == lease.run_id]


def _holding_from_row(row: Row) -> Holding:
    from megatest.model.claim import Holding, Share

    run_id, test_row, test, item, attempt, kind, name, amount, units, time = row
    return Holding(
        run_id=run_id,
        row=test_row,
        test_id=TestId(test, item),
        attempt=attempt,
        share=Share(kind, name, amount),
        units=tuple(units.split()),
        time=time,
    )


def _want_from_row(row: Row) -> Want:
    from megatest.model.claim import Share, Want

    run_id, kind, name, amount, ticket, renewed = row
    return Want(run_id=run_id, share=Share(kind, name, amount), ticket=ticket, renewed=renewed)
