"""Where the directories and links of an attempt are: pure functions of names.

::

    DISK/T1/T2/RUNNAME/TEST[/item/path]                  the run directory
    DISK/T1/T2/RUNNAME/.attempts/TEST[/item/path].N      what attempt N left
    LINKTREE/T1/T2/RUNNAME/TEST -> DISK/T1/T2/RUNNAME/TEST

An item whose test already stands on another disk is a link inside that test's directory.
"""

from __future__ import annotations

from megatest.model.ids import Target, TestId
from megatest.model.slotted import dataclass

ATTEMPTS = ".attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The part of the paths of one test or item that is the same on every disk.

    Attributes:
        run: ``T1/T2/RUNNAME``.
        test: name of the test's directory in it.
        item: path of the item below that; empty for a test without items.
    """

    run: str
    test: str
    item: str = ""

    @property
    def path(self) -> str:
        """The run directory, relative to its disk or to the link tree."""
        return f"{self.test_path}/{self.item}" if self.item else self.test_path

    @property
    def test_path(self) -> str:
        """The test's directory, relative to its disk or to the link tree."""
        return f"{self.run}/{self.test}"

    def aside(self, attempt: int) -> str:
        """Return where an earlier attempt is kept, relative to its disk."""
        item = f"/{self.item}" if self.item else ""
        return f"{self.run}/{ATTEMPTS}/{self.test}{item}.{attempt}"

    def disk_of(self, run_dir: str) -> str | None:
        """Return the disk on which `run_dir` is this place's directory; None if it is not."""
        suffix = f"/{self.path}"
        return run_dir[: -len(suffix)] if run_dir.endswith(suffix) else None


def place_of(target: Target, runname: str, test_id: TestId) -> Place:
    """Return the place of a test or item in its run."""
    return Place(run="/".join((*target.values, runname)), test=test_id.test, item=test_id.item)


def page_of_items(test: str) -> str:
    """Return the name of the page about a test's items, in the directory that holds them."""
    return f"megatest-rollup-{test}.html"


def draft_of_page(page: str) -> str:
    """Return the name that a page has until it is whole."""
    return f".{page}.new"
