"""For what a test waits that others use, who they are, and since when."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from megatest.app import wiring
from megatest.model.claim import GROUP, JOBS, POOL, Share
from megatest.model.ids import TestId
from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.status import ACTIVE
from megatest.plan.plan import Plan
from megatest.reports import listing

_NAMED: Final = 5
_KINDS: Final = {POOL: "Pool", GROUP: "Job group"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _User:
    """Who uses how much of something."""

    run_id: int
    test_id: TestId
    amount: int
    since: int


def about_limits(
    store: wiring.Records, run: RunRecord, plan: Plan, test_id: TestId, record: TestRecord | None
) -> list[str]:
    """Return a sentence for each limit that keeps a ready test of a run from starting.

    Args:
        store: the records of all runs.
        run: the test's.
        plan: knows what the test takes; its limits need not know who uses what.
        test_id: it waits for nothing but limits.
        record: of the test.
    """
    runs = {other.id: other for other in store.runs()}
    active = [t for r in runs for t in store.tests(r, states=ACTIVE) if not t.is_parent]
    sentences = []
    for share in plan.shares(test_id):
        size = plan.limits.size(share)
        mine = record.id if record is not None else 0
        users = _users(store, share, active, mine)
        if sum(user.amount for user in users) + share.amount > size:
            sentences.append(_full(share, size, users, runs, run))
            sentences += _unattended(store, users, runs, run)
        else:
            sentences += _longer(store, share, runs, run)
    return list(dict.fromkeys(sentences))


def _users(
    store: wiring.Records, share: Share, active: Iterable[TestRecord], but_row: int
) -> Sequence[_User]:
    if share.is_common:
        held = (h for h in store.holdings() if h.share.key == share.key and h.row != but_row)
        return [_User(run_id=h.run_id, test_id=h.test_id, amount=h.share.amount, since=h.time) for h in held]
    return [
        _User(run_id=t.run_id, test_id=t.test_id, amount=1, since=t.event_time)
        for t in active
        if share.kind == JOBS or t.executor == share.name
    ]


def _full(
    share: Share, size: int, users: Sequence[_User], runs: Mapping[int, RunRecord], run: RunRecord
) -> str:
    wanted = f", and it wants {share.amount}" if share.kind == POOL else ""
    head = {
        JOBS: f"[setup] max_concurrent_jobs is {size}",
        GROUP: f"Job group {share.name!r} has {size}",
        POOL: f"Pool {share.name!r} has {size}{wanted}",
    }.get(share.kind, f"Executor {share.name!r} takes {size} tests at once")
    names = [_named(user, share, runs, run) for user in users[:_NAMED]]
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    used = sum(user.amount for user in users)
    return f"{head}: in use are {used}, by {', '.join(names)}{more}."


def _named(user: _User, share: Share, runs: Mapping[int, RunRecord], run: RunRecord) -> str:
    amount = f"{user.amount} " if share.kind == POOL else ""
    where = f" of run {runs[user.run_id].name}" if user.run_id != run.id and user.run_id in runs else ""
    return f"{user.test_id}{where} ({amount}since {listing.moment(user.since)})"


def _unattended(
    store: wiring.Records, users: Sequence[_User], runs: Mapping[int, RunRecord], run: RunRecord
) -> list[str]:
    """Name runs that use it and have no engine: nobody would notice that their tests end."""
    sentences = []
    for run_id in dict.fromkeys(user.run_id for user in users if user.run_id != run.id):
        holder, other = store.holder(run_id), runs.get(run_id)
        if other is not None and (holder is None or wiring.is_dead(holder)):
            command = f"megatest list -t {shlex.quote(str(other.target))} -n {shlex.quote(other.runname)}"
            sentences.append(f"No engine runs {other.name}; what ended in it is settled by: {command}.")
    return sentences


def _longer(store: wiring.Records, share: Share, runs: Mapping[int, RunRecord], run: RunRecord) -> list[str]:
    """Name the runs that have waited longer for something than this one."""
    wants = [want for want in store.wants() if want.share.key == share.key and want.run_id in runs]
    mine = next((want.ticket for want in wants if want.run_id == run.id), None)
    before = [w for w in wants if w.run_id != run.id and (mine is None or w.ticket < mine)]
    what = f"{_KINDS[share.kind].lower()} {share.name!r}" if share.kind in _KINDS else "a free slot"
    return [f"Run {runs[want.run_id].name} has waited longer for {what} and goes first." for want in before]
