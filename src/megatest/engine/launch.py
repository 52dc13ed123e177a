"""What is recorded of an attempt, and handed to its executor, when it is launched."""

from __future__ import annotations

import os
from typing import Any

from megatest.engine.attempt import Row
from megatest.engine.launchpad import Standing
from megatest.model.job import Job
from megatest.model.slotted import dataclass
from megatest.model.status import State, Status


@dataclass(frozen=True, slots=True)
class Host:
    """This host, as records name it."""

    name: str
    uname: str


def this_host() -> Host:
    """Return the host of the engine."""
    name = os.uname()
    return Host(name.nodename, f"{name.sysname} {name.release} {name.version} {name.machine}")


def launched_columns(standing: Standing, host: Host, *, time: int, free_kib: int) -> dict[str, Any]:
    """Return the columns of a row whose next attempt is LAUNCHED.

    Args:
        standing: the attempt.
        host: of the engine; of an attempt that runs elsewhere its journal tells.
        time: seconds since the epoch.
        free_kib: room on the disk of its run directory.
    """
    brief, prepared = standing.brief, standing.prepared
    here = brief.spec.on_this_host
    return {
        "state": State.LAUNCHED,
        "status": Status.NA,
        "attempt": brief.spec.attempt,
        "time": time,
        "comment": "",
        "host": host.name if here else "n/a",
        "uname": host.uname if here else "n/a",
        "cpuload": os.getloadavg()[0],
        "diskfree_kib": free_kib,
        "rundir": prepared.link,
        "shortdir": prepared.run_dir,
        "run_duration_s": 0,
        "executor": brief.executor,
        "handle": "",
    }


def job_of(standing: Standing, row: Row, prefix: str) -> Job:
    """Return the job of an attempt.

    Args:
        standing: the attempt.
        row: of its test.
        prefix: begins the names of all jobs of the area.
    """
    brief, prepared = standing.brief, standing.prepared
    attempt = brief.spec.attempt
    environment = brief.environment
    if brief.launcher:
        environment = {**environment, "MT_TEST_RUN_DIR": prepared.run_dir}
    return Job(
        row=row.id,
        attempt=attempt,
        name=f"{prefix}-{row.id}-{attempt}",
        run_dir=prepared.run_dir,
        script=prepared.script,
        log=prepared.log,
        environment=environment,
        launcher=brief.launcher,
        resources=brief.resources,
    )
