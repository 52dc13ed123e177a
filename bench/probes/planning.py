"""W9: plan many tests with many prerequisites, then let the plan run to its end without processes.

`python -m bench.probes.planning LAYERS WIDTH FAN_IN` prints processor seconds, microseconds and MiB.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from bench.generate import layered_edges
from megatest.model.pattern import parse_pattern
from megatest.model.spec import Requirements, TestSpec, Waiton
from megatest.model.status import State, Status
from megatest.plan.plan import Plan
from megatest.plan.select import Selection, select

_COLLECTIONS = (50_000, 20, 100)  # as a command sets them


def main(depth: int, width: int, fan_in: int) -> None:
    """Plan `depth` layers of `width` tests and print what it took."""
    gc.set_threshold(*_COLLECTIONS)
    specs = _specs(depth, width, fan_in)
    before_mib = _peak_mib()
    start = time.process_time()
    selection = select(specs, specs.__getitem__, parse_pattern("%"))
    selected = time.process_time()
    plan = _plan(selection)
    planned = time.process_time()
    ended = _run_through(plan)
    done = time.process_time()
    if ended != len(specs):
        sys.exit(f"{ended} of {len(specs)} tests came to their end")
    print(
        json.dumps(
            {
                "tests": len(specs),
                "prerequisites": sum(len(spec.requirements.waitons) for spec in specs.values()),
                "select_s": selected - start,
                "plan_s": planned - selected,
                "event_us": (done - planned) * 1e6 / len(specs),
                "specs_mib": before_mib,
                "peak_mib": _peak_mib(),
            }
        )
    )


def _specs(depth: int, width: int, fan_in: int) -> dict[str, TestSpec]:
    specs: dict[str, TestSpec] = {}
    names = [f"test_{index:06d}" for index in range(depth * width)]
    for name, upstream in zip(names, layered_edges(depth, width, fan_in), strict=True):
        waitons = tuple(Waiton(test=names[before]) for before in upstream)
        directory = f"/area/tests/{name}"
        specs[name] = TestSpec(
            name=name,
            directory=directory,
            config_file=f"{directory}/testconfig",
            runscript="run.sh",
            requirements=Requirements(waitons=waitons),
        )
    return specs


def _plan(selection: Selection) -> Plan:
    plan = Plan()
    plan.add(selection)
    plan.begin()
    return plan


def _run_through(plan: Plan) -> int:
    """Start whatever is ready and let it pass, until nothing is; return how many there were."""
    ended = 0
    while (test_id := plan.next_ready()) is not None:
        plan.started(test_id)
        plan.ended(test_id, State.COMPLETED, Status.PASS)
        ended += 1
    return ended


def _peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
