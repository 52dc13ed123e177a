"""Who may run a run: at most one engine, and what a second command does meanwhile.

The lease in the store is taken at once from a holder that is surely gone (its process does not
exist any more), and after some patience from one that has stopped renewing it: frozen, or on
a host that died.  Whoever lost the lease so writes nothing more, see `Store.commit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from megatest.typed import Final

from megatest.app import wiring
from megatest.engine.ports import Clock
from megatest.model.error import UserError
from megatest.model.lease import Holder, Lease, LeaseLost
from megatest.model.record import RunRecord

PATIENCE_S: Final = 30.0
"""How long a holder may go without renewing its lease; six times how often engines do."""

_PATIENCE: Final = "MEGATEST_LEASE_PATIENCE_S"


def patience_s(environ: Mapping[str, str]) -> float:
    """Return the patience that the environment asks for.

    Raises:
        UserError: it is not a number of seconds.
    """
    text = environ.get(_PATIENCE, "")
    try:
        return float(text) if text else PATIENCE_S
    except ValueError:
        raise UserError(f"{_PATIENCE}={text!r} is not a number of seconds") from None


class Door:
    """Takes a run's lease as soon as that is right.

    Attributes:
        store, run: the run.
        me: who asks.
        clock: its monotonic time measures the patience; clocks of other hosts do not matter.
        patience_s: see `PATIENCE_S`.
        relieved: the lease was taken from a holder that did not give it back.
    """

    def __init__(
        self,
        *,
        store: wiring.AllRecords,
        run: RunRecord,
        me: Holder,
        clock: Clock,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.store = store
        self.run = run
        self.me = me
        self.clock = clock
        self.patience_s = patience_s
        self.relieved = False
        self._seen: Holder | None = None
        self._since = 0.0

    def try_to_enter(self) -> Lease | Holder:
        """Return the lease, or the living process that holds the run now."""
        answer = self.store.acquire_lease(self.run.id, self.me)
        if isinstance(answer, Lease) or not (wiring.is_dead(answer) or self._is_frozen(answer)):
            return answer
        try:
            lease = self.store.take_over(self.run.id, answer.token, self.me)
        except LeaseLost:
            return answer  # another command was faster; its name is seen at the next try
        self.relieved = True
        return lease

    def _is_frozen(self, holder: Holder) -> bool:
        now = self.clock.monotonic()
        if holder != self._seen:
            self._seen, self._since = holder, now
        return now - self._since > self.patience_s
