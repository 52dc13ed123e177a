"""Tests whose files say the same, word for word, share what they say.

Where a suite has thousands of tests, the files of most are copies of few, and a copy says nothing of
the directory that it lies in.  Reading each of them again takes time, and keeping what it says memory.
"""

from __future__ import annotations

from megatest.typed import Final

from megatest.config.entry import Loaded
from megatest.config.line import Kind
from megatest.config.source import MOST_ALIKE, ParseCache, Unreadable
from megatest.model.slotted import replace
from megatest.model.spec import TestSpec

_REACHING: Final = frozenset((Kind.SETTING, Kind.INCLUDE, Kind.SCRIPT, Kind.SYSTEM))
"""Lines that bring in something from outside, or change how the others are read."""


class Twins:
    """Specifications by the text of the file that they come from; for one area, target and run.

    Made for one selection: it takes no notice of the environment, which does not change during it.
    """

    def __init__(self) -> None:
        self._specs: dict[bytes, TestSpec] = {}

    def find(self, path: str, name: str, directory: str, cache: ParseCache) -> TestSpec | None:
        """Return what a test's file makes of it, if another file that says the same was learnt.

        None also if it cannot be read: whoever reads it for good reports that.
        """
        if not self._specs:
            return None
        try:
            like = self._specs.get(cache.read(path).content)
        except (FileNotFoundError, Unreadable):
            return None
        if like is None:
            return None
        return replace(like, name=name, directory=directory, config_file=path)

    def learn(self, loaded: Loaded[TestSpec], cache: ParseCache) -> None:
        """Keep what a file makes of its test, if it makes the same of every test.

        It does if nothing in it is expanded, run or included, and nothing that came of it has a
        place: places name the file.
        """
        if not _names_no_place(loaded):
            return
        source = cache.read(loaded.value.config_file)
        if any(line.dynamic or line.kind in _REACHING for line in source.lines):
            return
        if len(self._specs) >= MOST_ALIKE:
            self._specs.clear()
        self._specs[source.content] = loaded.value


def _names_no_place(loaded: Loaded[TestSpec]) -> bool:
    spec, document = loaded.value, loaded.document
    if loaded.findings or document.opaque or document.asked:
        return False
    return not (spec.requirements.waitons or spec.requirements.itemmaps or spec.disks or spec.triggers)
