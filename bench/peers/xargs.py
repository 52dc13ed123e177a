"""xargs: no runner at all, but the cheapest way to start many shells; plain, or filing."""

from __future__ import annotations

import dataclasses
from functools import partial

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, on_path


def _prepare(work: Work, tool: Tool, *, filing: bool) -> Command:
    paths = (str(work.script(index)) for index in range(len(work.suite.tests)))
    words = work.suite.tests if filing else paths
    lines = work.directory / "words"
    lines.write_text("".join(f"{word}\n" for word in words))
    shell = ("sh", "-c", work.filing_line("$0")) if filing else ("sh",)
    argv = (str(tool.program), f"-P{work.jobs}", "-n1", *shell)
    return Command(argv=argv, directory=work.directory, stdin=lines)


PEER = Peer(
    name="xargs",
    keeps="nothing",
    shapes=frozenset({Shape.INDEPENDENT}),
    most_tests=10_000,
    find=on_path("xargs"),
    prepare=partial(_prepare, filing=False),
)

FILING = dataclasses.replace(
    PEER,
    name="xargs, filing",
    keeps="a directory and a log for each test, made by its shell",
    prepare=partial(_prepare, filing=True),
)
