"""Avocado: executables as tests; items as variants."""

from __future__ import annotations

import json

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, from_package


def _prepare(work: Work, tool: Tool) -> Command:
    argv = [str(tool.program), "run", f"--max-parallel-tasks={work.jobs}", "--disable-sysinfo"]
    if work.suite.shape is Shape.ITEMS:
        (work.directory / "variants.json").write_text(_variants(work))
        argv += ["--json-variants-load=variants.json", str(work.script(0))]
    else:
        argv += [str(work.script(index)) for index in range(len(work.suite.tests))]
    own = {"HOME": str(work.directory), "TMPDIR": str(work.directory)}
    return Command(argv=tuple(argv), directory=work.directory, environment=own)


def _variants(work: Work) -> str:
    """Return one variant an item, whose parameter arrives as the environment variable ITEM."""
    return json.dumps(
        [
            {"paths": ["/run/*"], "variant_id": name, "variant": [["/", [["/", "ITEM", name]]]]}
            for name in work.suite.tests
        ]
    )


PEER = Peer(
    name="Avocado",
    keeps="a directory with logs for each test, one report",
    shapes=frozenset({Shape.INDEPENDENT, Shape.ITEMS}),
    most_tests=100,
    find=from_package("avocado-framework", "113.0", "avocado"),
    prepare=_prepare,
)
