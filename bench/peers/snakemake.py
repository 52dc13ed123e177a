"""Snakemake: one rule with a wildcard; a test that ran leaves a file, as its way is."""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, from_package


def _prepare(work: Work, tool: Tool) -> Command:
    suite = work.suite
    before = {name: suite.upstream_names(index) for index, name in enumerate(suite.tests)}
    script = (
        f"{work.script(0)} {{wildcards.test}}"
        if suite.shape is Shape.ITEMS
        else "scripts/{wildcards.test}.sh"
    )
    text = (
        f"BEFORE = {before!r}\n"
        "rule all:\n"
        "    input: expand('done/{test}', test=BEFORE)\n"
        "rule test:\n"
        "    input: lambda wildcards: expand('done/{test}', test=BEFORE[wildcards.test])\n"
        "    output: touch('done/{test}')\n"
        f"    shell: 'sh {script}'\n"
    )
    (work.directory / "Snakefile").write_text(text)
    return Command(argv=(str(tool.program), "--cores", str(work.jobs)), directory=work.directory)


PEER = Peer(
    name="snakemake",
    keeps="a file for each test, one log of all",
    shapes=frozenset(Shape),
    most_tests=1_000,
    find=from_package("snakemake", "9.27.1", "snakemake"),
    prepare=_prepare,
)
