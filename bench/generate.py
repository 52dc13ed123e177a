"""The work that every runner gets: tests as shell scripts, and who waits on whom.

Each script appends its own name to one tally file when it is done.  That is all the work of a
"no-op" test, it costs a runner no inode, and afterwards it says which tests ran, how often, and
whether any ran before what it waits on.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

SEED: Final = 20261122
_ITEM_VARIABLE: Final = "ITEM"


class Shape(Enum):
    """What a runner must know of to run a suite."""

    INDEPENDENT = "independent tests"
    GRAPH = "prerequisites"
    ITEMS = "one test with items"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Tests to run, without a word about who runs them.

    Attributes:
        shape: what the suite asks of a runner.
        tests: n names; of items where `shape` is ITEMS.
        upstream: for each test the indices of those that it waits on, all smaller than its own.
        seconds: how long each sleeps.
    """

    shape: Shape
    tests: tuple[str, ...]
    upstream: tuple[tuple[int, ...], ...]
    seconds: float = 0.0

    def upstream_names(self, index: int) -> list[str]:
        """Return the names of the tests that this one waits on."""
        return [self.tests[before] for before in self.upstream[index]]


def independent(count: int) -> Suite:
    """Return `count` no-op tests that wait on nothing."""
    return Suite(shape=Shape.INDEPENDENT, tests=_names(count), upstream=((),) * count)


def sleeps(count: int, seconds: float) -> Suite:
    """Return `count` tests that sleep and wait on nothing."""
    return Suite(shape=Shape.INDEPENDENT, tests=_names(count), upstream=((),) * count, seconds=seconds)


def chain(count: int) -> Suite:
    """Return `count` tests, each of which waits on the one before."""
    upstream = tuple((index - 1,) if index else () for index in range(count))
    return Suite(shape=Shape.GRAPH, tests=_names(count), upstream=upstream)


def layers(depth: int, width: int, fan_in: int) -> Suite:
    """Return `depth` layers of `width` tests; each waits on `fan_in` random ones of the layer above.

    The same arguments give the same graph on every machine.
    """
    upstream = layered_edges(depth, width, fan_in)
    return Suite(shape=Shape.GRAPH, tests=_names(depth * width), upstream=upstream)


def items(count: int) -> Suite:
    """Return one no-op test with `count` items."""
    return Suite(shape=Shape.ITEMS, tests=_names(count), upstream=((),) * count)


def layered_edges(depth: int, width: int, fan_in: int) -> tuple[tuple[int, ...], ...]:
    """Return for each of depth x width tests the `fan_in` tests of the layer above that it waits on."""
    chance = random.Random(SEED)
    return tuple(
        tuple(sorted(chance.sample(range((layer - 1) * width, layer * width), fan_in))) if layer else ()
        for layer in range(depth)
        for _ in range(width)
    )


def _names(count: int) -> tuple[str, ...]:
    width = len(str(count - 1))
    return tuple(f"t{index:0{width}d}" for index in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A suite laid out in a fresh directory, for one run by one runner.

    Attributes:
        suite: the tests.
        directory: belongs to this run alone.
        jobs: how many tests may run at once.
    """

    suite: Suite
    directory: Path
    jobs: int

    @property
    def tally(self) -> Path:
        """The file to which every test appends its name."""
        return self.directory / "tally"

    def script(self, index: int) -> Path:
        """Return the path of a test's script; that of all of them for items."""
        name = "item" if self.suite.shape is Shape.ITEMS else self.suite.tests[index]
        return self.directory / "scripts" / f"{name}.sh"

    def filing_line(self, name: str) -> str:
        """Return a shell line that runs a test in a directory of its own, with a log of its own.

        Args:
            name: of the test, or what stands for it in the caller's own language.
        """
        home, script = self.directory / "homes" / name, self.directory / "scripts" / f"{name}.sh"
        return f"mkdir {home} && cd {home} && exec sh {script} > log 2>&1"

    def script_text(self, index: int) -> str:
        """Return the text of a test's script; an item's name comes in the environment or as $1."""
        items = self.suite.shape is Shape.ITEMS
        name = f'"${{{_ITEM_VARIABLE}:-$1}}"' if items else self.suite.tests[index]
        sleep = f"sleep {self.suite.seconds}\n" if self.suite.seconds else ""
        return f"#!/bin/sh\n{sleep}echo {name} >> {self.tally}\n"


def write_scripts(work: Work) -> None:
    """Write the scripts of a suite, executable, into the `scripts` directory of its work."""
    (work.directory / "scripts").mkdir()
    (work.directory / "homes").mkdir()
    scripts = 1 if work.suite.shape is Shape.ITEMS else len(work.suite.tests)
    for index in range(scripts):
        write_script(work.script(index), work.script_text(index))


def write_script(path: Path, text: str) -> None:
    """Write an executable file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def tally_problem(work: Work) -> str:
    """Return what the tally says against a run: tests missing, run twice, too early; empty if all is well."""
    try:
        ran = work.tally.read_text().split()
    except FileNotFoundError:
        return "no test ran"
    counts = Counter(ran)
    twice = sum(1 for count in counts.values() if count > 1)
    missing = len(set(work.suite.tests) - counts.keys())
    if missing or twice or len(counts) > len(work.suite.tests):
        return f"of {len(work.suite.tests)} tests {missing} did not run and {twice} ran more than once"
    early = _too_early(work.suite, ran)
    return f"{early} ran before what it waits on" if early else ""


def _too_early(suite: Suite, ran: Sequence[str]) -> str:
    place = {name: position for position, name in enumerate(ran)}
    for index, name in enumerate(suite.tests):
        if any(place[before] > place[name] for before in suite.upstream_names(index)):
            return name
    return ""
