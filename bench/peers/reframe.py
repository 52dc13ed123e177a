"""ReFrame: a run-only check for each test, or one parameterised check for items."""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, from_package

_SETTINGS = """\
site_configuration = {{
    "systems": [{{"name": "here", "hostnames": [".*"], "partitions": [{{
        "name": "local", "scheduler": "local", "launcher": "local", "environs": ["builtin"],
        "max_jobs": {jobs}}}]}}],
    "environments": [{{"name": "builtin"}}],
}}
"""

_BASE = """\
import reframe as rfm
import reframe.utility.sanity as sn

class Shell(rfm.RunOnlyRegressionTest):
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    executable = "sh"

    @sanity_function
    def ended(self):
        return sn.assert_eq(self.job.exitcode, 0)
"""

_ONE = """
@rfm.simple_test
class {name}(Shell):
    executable_opts = ["{script}"]

    @run_after("init")
    def order(self):
        for before in {before}:
            self.depends_on(before)
"""

_ITEMS = """
@rfm.simple_test
class Items(Shell):
    item = parameter({names})

    @run_after("init")
    def name_it(self):
        self.executable_opts = ["{script}", self.item]
"""


def _prepare(work: Work, tool: Tool) -> Command:
    (work.directory / "settings.py").write_text(_SETTINGS.format(jobs=work.jobs))
    (work.directory / "checks.py").write_text(_BASE + _checks(work))
    argv = (str(tool.program), "-C", "settings.py", "-c", "checks.py", "-r")
    # Its log goes to the temporary directory, its reports below the home directory.
    own = {"TMPDIR": str(work.directory), "HOME": str(work.directory)}
    return Command(argv=argv, directory=work.directory, environment=own)


def _checks(work: Work) -> str:
    suite = work.suite
    if suite.shape is Shape.ITEMS:
        return _ITEMS.format(names=list(suite.tests), script=work.script(0))
    return "".join(
        _ONE.format(name=name, script=work.script(index), before=suite.upstream_names(index))
        for index, name in enumerate(suite.tests)
    )


PEER = Peer(
    name="ReFrame",
    keeps="a directory with script and logs for each test, one report",
    shapes=frozenset(Shape),
    most_tests=100,
    find=from_package("reframe-hpc", "4.10.4", "reframe"),
    prepare=_prepare,
)
