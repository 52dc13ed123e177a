"""Which results still count: the one decision whether a test with a history runs again.

==========================  ========  =======================  =========  =====================
record                      -force    plain                    -rerun L   -keepgoing
==========================  ========  =======================  =========  =====================
none, NOT_STARTED           run       run                      run        run
COMPLETED PASS WARN CHECK   run       no                       if listed  no, even if listed
COMPLETED FAIL              run       run                      if listed  run (it was reset)
COMPLETED n/a               run       run                      if listed  run
COMPLETED, any other        run       no                       if listed  if listed
INCOMPLETE                  run       run                      run        run
KILLED                      run       no                       if listed  run
active, accounted for       no        no                       no         no
active, nobody knows it     run       stuck, then run          as plain   as plain
parent of items             never     never                    never      never
==========================  ========  =======================  =========  =====================

*Active* is LAUNCHED, REMOTEHOSTSTART, RUNNING and KILLREQ.  Any other state (ARCHIVED, a word of
a user's own) runs under -force, or if its status is listed.  -rerun-all, -rerun-clean and the area's
allow-auto-rerun reset records to NOT_STARTED before all this.
"""

from __future__ import annotations

from typing import Final

from megatest.model.slotted import dataclass, replace
from megatest.model.status import ACTIVE, State, Status

_KEPT: Final = frozenset({Status.PASS, Status.WARN, Status.CHECK})
_TRIED_AGAIN: Final = frozenset({Status.FAIL, Status.NA})
# A removal that was cut off: its directory may be half gone.
_CUT_OFF: Final = frozenset({State.REMOVING, State.CLEANING})
_NEVER_RUN: Final = frozenset({State.NOT_STARTED, State.DELETED}) | _CUT_OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunRequest:
    """What the user asked about tests that have a result already.

    Attributes:
        force: run whatever the record says, and wait for nothing.
        rerun: statuses that run again; None: the option was not given.
        keepgoing: run again what failed or was killed, whatever `rerun` says about the good.
        everything: -rerun-all, every record of the run counts as never run.
        clean_states, clean_statuses: -rerun-clean, records with one of these count as never run.
        auto: `[setup] allow-auto-rerun`, STATE or STATE/STATUS; so do those of the tests that are asked for.
    """

    force: bool = False
    rerun: frozenset[str] | None = None
    keepgoing: bool = False
    everything: bool = False
    clean_states: frozenset[str] = frozenset()
    clean_statuses: frozenset[str] = frozenset()
    auto: frozenset[str] = frozenset()

    @property
    def resets(self) -> bool:
        """Whether some records do not count."""
        cleans = self.clean_states or self.clean_statuses or self.auto
        return bool(self.everything or self.keepgoing or cleans)

    def for_others(self) -> RerunRequest:
        """Return what it says of the tests upstream that nobody asked for."""
        return replace(self, auto=frozenset()) if self.auto else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the records say about one test or item before this plan.

    Attributes:
        state, status: as stored.
        attempt: number of the latest attempt.
        accounted: an executor of ours knows its job (only active states are asked).
        is_parent: the row only rolls up items.
    """

    state: str
    status: str
    attempt: int = 0
    accounted: bool = False
    is_parent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a test runs, and the sentence why.

    Attributes:
        run: whether to run it when its prerequisites are met.
        reason: a sentence without a subject: "it is COMPLETED/PASS; ...".
        stuck: the record must be marked INCOMPLETE before.
        active: it runs already; its end will be news.
    """

    run: bool
    reason: str
    stuck: bool = False
    active: bool = False


_FIRST_RUN: Final = Decision(run=True, reason="it has not run yet")


def decide(prior: Prior | None, request: RerunRequest) -> Decision:
    """Decide whether a test or item with this record runs (again)."""
    if prior is None:
        return _FIRST_RUN
    if prior.is_parent:
        return Decision(run=False, reason="it only sums up its items")
    if prior.state in ACTIVE:
        return _decide_active(prior, request)
    pair = f"{prior.state}/{prior.status}"
    if is_reset(prior, request):
        return Decision(run=True, reason=f"it is {pair}; {_resetter(prior, request)} resets it")
    if prior.state in _NEVER_RUN:
        return Decision(run=True, reason=_reason_not_started(prior))
    if request.force:
        return Decision(run=True, reason=f"it is {pair}; --force runs it again")
    return _decide_ended(prior, request, pair)


def is_reset(prior: Prior, request: RerunRequest) -> bool:
    """Return whether the request makes this record count as never run.

    True for any record under -rerun-all and for the chosen ones under -rerun-clean, also where
    the test itself is not selected; never for a test that an executor accounts for.
    """
    if prior.is_parent or (prior.state in ACTIVE and prior.accounted):
        return False
    return bool(_resetter(prior, request))


def _resetter(prior: Prior, request: RerunRequest) -> str:
    """Return the option or setting that resets a record; empty for none."""
    if request.everything:
        return "--rerun-all"
    if prior.state in request.clean_states or prior.status in request.clean_statuses:
        return "--rerun-clean"
    if request.auto and not request.auto.isdisjoint((prior.state, f"{prior.state}/{prior.status}")):
        return "[setup] allow-auto-rerun"
    return ""


def counts(prior: Prior, request: RerunRequest) -> bool:
    """Return whether the record is still what it says, for the tests behind this one."""
    if is_reset(prior, request):
        return False
    return not (request.keepgoing and prior.state == State.COMPLETED and prior.status == Status.FAIL)


def _reason_not_started(prior: Prior) -> str:
    if prior.status == Status.PREQ_FAIL:
        return "a prerequisite had failed; that is looked at again"
    if prior.state in _CUT_OFF:
        return f"it is {prior.state}: its removal was cut off"
    return f"it is {prior.state}"


def _decide_active(prior: Prior, request: RerunRequest) -> Decision:
    if prior.accounted:
        return Decision(run=False, reason="an engine accounts for it", active=True)
    again = "--force runs it again" if request.force else "it runs again"
    return Decision(run=True, reason=f"it is {prior.state} and nobody accounts for it; {again}", stuck=True)


def _decide_ended(prior: Prior, request: RerunRequest, pair: str) -> Decision:
    if prior.state == State.INCOMPLETE:
        return Decision(run=True, reason=f"it is {pair}; what did not end runs again")
    if request.keepgoing and _retried_by_keepgoing(prior):
        return Decision(run=True, reason=f"it is {pair}; --keep-going runs it again")
    if request.keepgoing and prior.state == State.COMPLETED and prior.status in _KEPT:
        return Decision(run=False, reason=f"it is {pair}; --keep-going keeps good results")
    if request.rerun is not None:
        return _decide_listed(prior, request.rerun, pair)
    if prior.state == State.COMPLETED and prior.status in _TRIED_AGAIN:
        return Decision(run=True, reason=f"it is {pair}; what did not pass runs again")
    return Decision(run=False, reason=f"it is {pair}; use --rerun {prior.status} or --force to run it again")


def _retried_by_keepgoing(prior: Prior) -> bool:
    if prior.state == State.KILLED:
        return True
    return prior.state == State.COMPLETED and prior.status in _TRIED_AGAIN


def _decide_listed(prior: Prior, listed: frozenset[str], pair: str) -> Decision:
    if prior.status in listed:
        return Decision(run=True, reason=f"it is {pair}; --rerun lists {prior.status}")
    names = ",".join(sorted(listed))
    return Decision(run=False, reason=f"it is {pair}, which --rerun {names} does not list; use --force")
