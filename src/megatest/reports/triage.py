"""Groups of like failures, as ``megatest triage`` shows them."""

from __future__ import annotations

from collections.abc import Sequence

from megatest.model.record import RunRecord, TestRecord
from megatest.model.slotted import dataclass
from megatest.model.status import Status
from megatest.reports import listing, verdict
from megatest.reports.table import columns, printable

_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """One test that failed, and its run."""

    run: RunRecord
    test: TestRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Failures with one signature, those of the newest run first; never empty.

    Attributes:
        signature, failure: id and text.
        members: the failures.
    """

    signature: str
    failure: str
    members: tuple[Failing, ...]

    @property
    def targets(self) -> list[str]:
        """The targets it was seen for, in order of name."""
        return sorted({str(member.run.target) for member in self.members})

    @property
    def runs(self) -> list[RunRecord]:
        """The runs it was seen in, newest first."""
        return list({member.run.id: member.run for member in self.members}.values())

    @property
    def waived(self) -> int:
        """How many of them are waived."""
        return sum(member.test.status == Status.WAIVED for member in self.members)


def triage_lines(groups: Sequence[Group]) -> list[str]:
    """Return a paragraph for each group: how often, since when, what it looks like, where it is."""
    if not groups:
        return ["no failures"]
    lines = []
    for group in groups:
        lines += [_head(group), *(f"  {printable(line)}" for line in group.failure.splitlines())]
        rows = [
            (f"{m.run.name}/{m.test.test_id}", verdict.word(m.test.state, m.test.status), m.test.comment)
            for m in group.members[:_MOST_SHOWN]
        ]
        lines += [f"    {line}" for line in columns(rows)]
        more = len(group.members) - len(rows)
        lines += [f"    and {more} more"] if more else []
        lines.append("")
    return lines[:-1]


def _head(group: Group) -> str:
    count = len(group.members)
    parts = [f"{count} failure{'' if count == 1 else 's'}"]
    if group.waived:
        parts.append(f"{group.waived} waived")
    if len(group.runs) > 1:
        parts.append(f"in {len(group.runs)} runs since {listing.moment(group.runs[-1].event_time)}")
    if len(group.targets) > 1:
        parts.append(f"on {len(group.targets)} targets")
    return f"{group.signature}  {', '.join(parts)}"


def triage_json(groups: Sequence[Group]) -> list[dict[str, object]]:
    """Return the groups as JSON objects."""
    return [
        {
            "signature": group.signature,
            "failure": group.failure,
            "count": len(group.members),
            "waived": group.waived,
            "targets": group.targets,
            "runs": [run.name for run in group.runs],
            "first_seen": listing.iso(group.runs[-1].event_time),
            "last_seen": listing.iso(group.runs[0].event_time),
            "tests": [
                {
                    "target": str(member.run.target),
                    "run": member.run.runname,
                    "test": member.test.test_id.test,
                    "item": member.test.test_id.item,
                    "state": member.test.state,
                    "status": member.test.status,
                    "attempt": member.test.attempt,
                    "comment": member.test.comment,
                    "rundir": member.test.rundir,
                }
                for member in group.members
            ],
        }
        for group in groups
    ]
