"""canary: a .pyt file for each test, which becomes the shell at once when it is run.

Directives stand below that, so a test pays for its interpreter but not for importing canary.
"""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, from_package

_TEST = """\
import os
if __name__ == "__main__":
    os.execv("/bin/sh", ["sh", "{script}"{argument}])
import canary
{directives}
"""
# The directory of a parameterised test ends with its parameter: items.name=VALUE.
_ITEM_ARGUMENT = ', os.getcwd().rpartition("=")[2]'


def _prepare(work: Work, tool: Tool) -> Command:
    for name, text in _files(work).items():
        (work.directory / f"{name}.pyt").write_text(text)
    argv = (str(tool.program), "run", f"--workers={work.jobs}", ".")
    return Command(argv=argv, directory=work.directory, environment={"HOME": str(work.directory)})


def _files(work: Work) -> dict[str, str]:
    suite = work.suite
    if suite.shape is Shape.ITEMS:
        directive = f'canary.directives.parameterize("name", {list(suite.tests)!r})'
        text = _TEST.format(script=work.script(0), argument=_ITEM_ARGUMENT, directives=directive)
        return {"items": text}
    return {
        name: _TEST.format(
            script=work.script(index),
            argument="",
            directives="\n".join(
                f'canary.directives.depends_on("{before}")' for before in suite.upstream_names(index)
            ),
        )
        for index, name in enumerate(suite.tests)
    }


PEER = Peer(
    name="canary",
    keeps="a directory with output for each test, a database",
    shapes=frozenset(Shape),
    most_tests=100,
    find=from_package("canary-wm", "26.10.15", "canary"),
    prepare=_prepare,
)
