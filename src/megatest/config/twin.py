"""Tests whose files say the same, word for word, share what they say.

Where a suite has thousands of tests, the files of most are copies of few, and a copy says nothing of
the directory that it lies in.  Reading each of them again takes time, and keeping what it says memory.
"""

from __future__ import annotations

from typing import Final

from megatest.config.entry import Loaded
from megatest.config.line import Kind
from megatest.config.source import MOST_ALIKE, ParseCache, Source, Unreadable
from megatest.model.slotted import replace
from megatest.model.spec import ItemVariable, TestSpec

_REACHING: Final = frozenset((Kind.SETTING, Kind.INCLUDE, Kind.SCRIPT, Kind.SYSTEM))
"""Lines that bring in something from outside, or change how the others are read."""


class Twins:
    """Specifications by the text of the file that they come from; for one area, target and run.

    Made for one selection: it takes no notice of the environment, which does not change during it.
    """

    def __init__(self) -> None:
        self._specs: dict[bytes, TestSpec] = {}

    @staticmethod
    def read(path: str, cache: ParseCache) -> Source | None:
        """Return a file that may have a twin; None if it cannot be read, which its reading will report."""
        try:
            return cache.read(path)
        except (FileNotFoundError, Unreadable):
            return None

    def find(self, source: Source, name: str, directory: str) -> TestSpec | None:
        """Return what a test's file makes of it, if another file that says the same was learnt."""
        like = self._specs.get(source.content)
        if like is None:
            return None
        return replace(
            like,
            name=name,
            directory=directory,
            config_file=source.name,
            items=_moved(like.items, source.name),
            itemstable=_moved(like.itemstable, source.name),
        )

    def learn(self, loaded: Loaded[TestSpec], source: Source) -> None:
        """Keep what a file makes of its test, if it makes the same of every test.

        It does if nothing in it is expanded, run or included, and nothing that came of it has a
        place, but for item lists: places name the file.
        """
        if not _names_no_place(loaded):
            return
        if any(line.dynamic or line.kind in _REACHING for line in source.lines):
            return
        if len(self._specs) >= MOST_ALIKE:
            self._specs.clear()
        self._specs[source.content] = loaded.value


def _moved(items: tuple[ItemVariable, ...] | None, file: str) -> tuple[ItemVariable, ...] | None:
    """Return item lists as those of another file that says the same."""
    if not items:
        return items
    return tuple(
        v if v.location is None else replace(v, location=replace(v.location, file=file)) for v in items
    )


def _names_no_place(loaded: Loaded[TestSpec]) -> bool:
    spec, document = loaded.value, loaded.document
    if loaded.findings or document.opaque or document.asked:
        return False
    requirements = spec.requirements
    return not (
        requirements.waitons or requirements.itemmaps or requirements.pools or spec.disks or spec.triggers
    )
