"""Waivers as ``megatest waive --list`` shows them."""

from __future__ import annotations

from collections.abc import Sequence

from megatest.model.slotted import dataclass
from megatest.model.waiver import Waiver
from megatest.reports.table import columns


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverUse:
    """A waiver, and what it is good for now."""

    waiver: Waiver
    use: str


def waiver_lines(uses: Sequence[WaiverUse]) -> list[str]:
    """Return a line for each waiver."""
    if not uses:
        return ["no waivers"]
    rows = [("TEST", "SIGNATURE", "OWNER", "EXPIRES", "USE", "REASON")]
    rows += [
        (
            str(one.waiver.test_id),
            one.waiver.signature,
            one.waiver.owner,
            one.waiver.expires.isoformat() if one.waiver.expires else "never",
            one.use,
            one.waiver.reason,
        )
        for one in uses
    ]
    return columns(rows)


def waivers_json(uses: Sequence[WaiverUse]) -> list[dict[str, object]]:
    """Return the waivers as JSON objects."""
    return [
        {
            "test": one.waiver.test_id.test,
            "item": one.waiver.test_id.item,
            "signature": one.waiver.signature,
            "owner": one.waiver.owner,
            "reason": one.waiver.reason,
            "since": one.waiver.since.isoformat() if one.waiver.since else None,
            "expires": one.waiver.expires.isoformat() if one.waiver.expires else None,
            "targets": list(one.waiver.targets),
            "failure": one.waiver.failure,
            "use": one.use,
        }
        for one in uses
    ]
