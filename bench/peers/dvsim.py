"""DVSim: its scheduler and local backend, called as its own flows call them.

Its command needs a simulator's configuration, so the jobs are handed to the layer below it.
"""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, from_package

_DRIVER = """\
import asyncio
import os
import sys
from pathlib import Path

from dvsim.job.data import JobSpec, WorkspaceConfig
from dvsim.job.status import JobStatus
from dvsim.report.data import IPMeta, ToolMeta
from dvsim.runtime.local import LocalRuntimeBackend
from dvsim.scheduler.core import Scheduler

HERE = Path(os.getcwd())
BLOCK = IPMeta(name="bench", commit="0", commit_short="0", branch="none", url=None, revision_info="none")
TOOL = ToolMeta(name="sh", version="0")
PLACE = WorkspaceConfig(timestamp="0", project_root=HERE, scratch_root=HERE, scratch_path=HERE)

def job(name, command, before):
    out = HERE / "out" / name
    return JobSpec(
        name=name, job_type="RunTest", target="run", backend=None, resources=None, seed=None,
        full_name=name, qual_name=name, block=BLOCK, tool=TOOL, workspace_cfg=PLACE,
        dependencies=before, needs_all_dependencies_passing=True, weight=1, timeout_mins=None,
        cmd=command, exports={{}}, dry_run=False, interactive=False, odir=out, renew_odir=False,
        log_path=out / "run.log", pre_launch=lambda: None, post_finish=lambda status: None,
        pass_patterns=[], fail_patterns=[],
    )

async def main():
    backend = LocalRuntimeBackend()
    jobs = [job(*one) for one in {jobs!r}]
    scheduler = Scheduler(jobs, {{"local": backend}}, "local", max_parallelism={parallel})
    done = await scheduler.run()
    return all(one.status == JobStatus.PASSED for one in done)

sys.exit(0 if asyncio.run(main()) else 1)
"""


def _prepare(work: Work, tool: Tool) -> Command:
    suite = work.suite
    jobs = [
        (name, f"sh {work.script(index)}", suite.upstream_names(index))
        for index, name in enumerate(suite.tests)
    ]
    (work.directory / "drive.py").write_text(_DRIVER.format(jobs=jobs, parallel=work.jobs))
    return Command(argv=(str(tool.python), "drive.py"), directory=work.directory)


PEER = Peer(
    name="dvsim",
    keeps="a directory with a log for each test",
    shapes=frozenset({Shape.INDEPENDENT, Shape.GRAPH}),
    most_tests=1_000,
    find=from_package("dvsim", "1.57.0", "dvsim"),
    prepare=_prepare,
)
