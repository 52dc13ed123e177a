"""doit: a task for each test, made by one Python function."""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, from_package


def _prepare(work: Work, tool: Tool) -> Command:
    suite = work.suite
    tasks = [
        (name, _argv(work, index), [f"test:{before}" for before in suite.upstream_names(index)])
        for index, name in enumerate(suite.tests)
    ]
    text = (
        f"TASKS = {tasks!r}\n"
        "def task_test():\n"
        "    for name, argv, before in TASKS:\n"
        "        yield {'name': name, 'actions': [argv], 'task_dep': before}\n"
    )
    (work.directory / "dodo.py").write_text(text)
    return Command(argv=(str(tool.program), "-n", str(work.jobs)), directory=work.directory)


def _argv(work: Work, index: int) -> list[str]:
    argument = [work.suite.tests[index]] if work.suite.shape is Shape.ITEMS else []
    return ["sh", str(work.script(index)), *argument]


PEER = Peer(
    name="doit",
    keeps="a record in one file",
    shapes=frozenset(Shape),
    most_tests=10_000,
    find=from_package("doit", "0.37.0", "doit"),
    prepare=_prepare,
)
