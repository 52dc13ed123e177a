"""What a user asks to remove, and what was removed."""

from __future__ import annotations

from megatest.app.edit import Author
from megatest.app.query import TestFilter
from megatest.model.slotted import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """One test, or one run (`test` empty), that was removed or, in a dry run, would be.

    Attributes:
        run: its run's name, with the target.
        test: test and item.
        paths: directories and links that went with it.
    """

    run: str
    test: str = ""
    paths: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Run, and test if it is about one."""
        return _name(self.run, self.test)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One test or run that was not removed, and why."""

    run: str
    test: str = ""
    reason: str

    @property
    def name(self) -> str:
        """Run, and test if it is about one."""
        return _name(self.run, self.test)


def _name(run: str, test: str) -> str:
    return f"{run}/{test}" if test else run


@dataclass(slots=True, kw_only=True)
class RemoveReport:
    """What a removal did, or would do."""

    gone: list[Gone] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveOrder:
    """What a user asks to remove.

    Attributes:
        which: of which tests.
        keep_records: only what is on disk goes; the rows are NOT_STARTED again.
        keep_results: only what is on disk goes; the rows still say how the tests came out.
        only_idle: a run in which something runs stays as it is; else its tests are killed first.
        dry_run: only tell.
        author: for the audit.
        reason: what is written down while the removal lasts.
    """

    which: TestFilter
    keep_records: bool = False
    keep_results: bool = False
    only_idle: bool = False
    dry_run: bool = False
    author: Author
    reason: str = "removal"

    @property
    def spares(self) -> bool:
        """Whether nothing is killed: what runs has no result yet that could be kept."""
        return self.only_idle or self.keep_results
