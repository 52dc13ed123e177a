"""Failures of one or many runs, grouped by what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from megatest.typed import TYPE_CHECKING

from megatest.app.query import RunFilter, TestFilter, find_runs, one_run, pattern_predicate
from megatest.app.session import Session
from megatest.model.record import TestRecord
from megatest.model.status import Status
from megatest.reports.triage import Failing, Group
from megatest.reports.verdict import needs_attention

if TYPE_CHECKING:
    from megatest.app.wiring import Records


def triage(
    session: Session, records: Records, *, runs: str = "", target: str = "", pattern: str = ""
) -> list[Group]:
    """Return the failures of runs by signature: the groups with the newest failure first, then the largest.

    A waived failure is one too, and is marked as such.

    Args:
        session: the opened area.
        records: its records.
        runs: a pattern of run names; empty with an empty target: the newest run only.
        target: a pattern per field; empty for all.
        pattern: of tests; empty for all.

    Raises:
        UserError: a pattern cannot be read; no run is there.

    Cost: grows with the failures of the runs, not with their tests.
    """
    if runs or target:
        chosen = find_runs(records, session.area.field_names, RunFilter(target=target, runname=runs))
    else:
        chosen = [one_run(records, session, target, runs)]
    wanted = pattern_predicate(TestFilter(pattern=pattern))
    failing = (
        Failing(run=run, test=test)
        for run in chosen
        for test in records.failures(run.id)
        if _counts(test) and (wanted is None or wanted(test))
    )
    return grouped(failing)


def _counts(test: TestRecord) -> bool:
    """Return whether the failure still stands: somebody may have set another status by hand since."""
    return test.status == Status.WAIVED or needs_attention(test.state, test.status)


def grouped(failing: Iterable[Failing]) -> list[Group]:
    """Return failures by signature; of groups whose newest failure is of the same run, the largest first."""
    by_signature: dict[str, list[Failing]] = {}
    for one in failing:
        by_signature.setdefault(one.test.signature, []).append(one)
    groups = [_group(signature, members) for signature, members in by_signature.items()]
    return sorted(groups, key=_place)


def _place(group: Group) -> tuple[int, int, int, str]:
    newest = group.members[0].run
    return (-newest.event_time, -newest.id, -len(group.members), group.signature)


def _group(signature: str, members: Sequence[Failing]) -> Group:
    newest_first = sorted(members, key=lambda one: (-one.run.event_time, -one.run.id, one.test.test_id))
    return Group(signature=signature, failure=newest_first[0].test.failure, members=tuple(newest_first))
