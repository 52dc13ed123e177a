"""Waivers: a known failure that somebody answers for, for a while.

A waiver is about one failure of one test: it holds only while the failure's signature is the one
that was waived, and only until its day.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from megatest.model.error import Location
from megatest.model.ids import Target, TestId
from megatest.model.slotted import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One waiver as it stands in the area's file.

    Attributes:
        test_id: the test or item whose failure it is.
        signature: id of the failure, see `megatest.model.signature`.
        reason: why the failure is accepted; never empty.
        owner: who answers for it.
        expires: the last day on which it holds; None for no end.
        since: the day on which it was given; None if the file does not say.
        targets: it holds for these only; empty for all.
        failure: the signature's text, for readers.
        location: where it stands.
    """

    test_id: TestId
    signature: str
    reason: str
    owner: str
    expires: datetime.date | None = None
    since: datetime.date | None = None
    targets: tuple[str, ...] = ()
    failure: str = ""
    location: Location | None = None

    @property
    def name(self) -> str:
        """The name of its section: test or item, a blank, the signature."""
        return f"{self.test_id} {self.signature}"

    def is_about(self, test_id: TestId, target: Target) -> bool:
        """Return whether it concerns this test for this target."""
        return self.test_id == test_id and (not self.targets or str(target) in self.targets)

    def is_expired(self, today: datetime.date) -> bool:
        """Return whether its last day is over."""
        return self.expires is not None and today > self.expires

    @property
    def comment(self) -> str:
        """Who, until when and why, as a test's comment says it."""
        until = f" until {self.expires.isoformat()}" if self.expires else ""
        return f"waived by {self.owner}{until}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """What the area's waivers say about a failure.

    Attributes:
        waiver: the one that holds; None if none does.
        objection: why none does though there are waivers for the test; empty otherwise.
    """

    waiver: Waiver | None = None
    objection: str = ""


def appeal(
    waivers: Iterable[Waiver], test_id: TestId, target: Target, signature: str, today: datetime.date
) -> Appeal:
    """Return whether a failure is waived today, or why it is not though there are waivers for it."""
    about = [waiver for waiver in waivers if waiver.is_about(test_id, target)]
    same = [waiver for waiver in about if waiver.signature == signature]
    for waiver in same:
        if not waiver.is_expired(today):
            return Appeal(waiver=waiver)
    if same:
        old = same[-1]
        assert old.expires is not None, "only a waiver with a last day expires"
        return Appeal(objection=f"its waiver by {old.owner} expired on {old.expires.isoformat()}")
    living = [waiver for waiver in about if not waiver.is_expired(today)]
    if living:
        return Appeal(objection=f"it fails otherwise than what {living[-1].owner} waived")
    return Appeal()
