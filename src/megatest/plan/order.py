"""The order of tests: each after all that it waits on; and the cycles that forbid one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from megatest.model.error import Diagnostic, Severity
from megatest.model.spec import TestSpec, Waiton


def upstream_first(
    asked: Sequence[str], specs: Mapping[str, TestSpec], findings: list[Diagnostic]
) -> list[str]:
    """Return these tests and all upstream of them, each after all that it waits on.

    Args:
        asked: where to begin.
        specs: every test that can be reached; a waiton that is not there is passed over.
        findings: receives the cycles, each test in one of them at most.

    Cost: O(n + m) for n tests with m prerequisites, no recursion.
    """
    order: list[str] = []
    done: set[str] = set()
    in_cycle: set[str] = set()
    on_path: dict[str, Iterator[Waiton]] = {}
    for root in asked:
        path = [] if root in done else [root]
        while path:
            name = path[-1]
            if name not in on_path:
                on_path[name] = iter(specs[name].requirements.waitons)
            for waiton in on_path[name]:
                upstream = waiton.test
                if upstream in on_path:
                    _report_cycle(path, upstream, specs, in_cycle, findings)
                elif upstream not in done and upstream in specs:
                    path.append(upstream)
                    break
            else:
                path.pop()
                del on_path[name]
                done.add(name)
                order.append(name)
    return order


def _report_cycle(
    path: list[str],
    start: str,
    specs: Mapping[str, TestSpec],
    in_cycle: set[str],
    findings: list[Diagnostic],
) -> None:
    """Report the cycle that closes from the end of `path` to `start`, unless it is known in part."""
    if start in in_cycle:
        return
    cycle = path[path.index(start) :]
    if not in_cycle.isdisjoint(cycle):
        return
    in_cycle.update(cycle)
    edges = [
        (name, next(w for w in specs[name].requirements.waitons if w.test == upstream))
        for name, upstream in zip(cycle, [*cycle[1:], start], strict=True)
    ]
    first = edges[0][1]
    message = (
        f"test {start!r} waits on itself"
        if len(cycle) == 1
        else f"tests wait on each other: {' -> '.join([*cycle, start])}"
    )
    findings.append(
        Diagnostic(
            severity=Severity.ERROR,
            message=message,
            location=first.location,
            source=first.source,
            length=len(first.test),
            hint="take one of these waitons away",
            notes=tuple(
                f"{waiton.location or specs[name].config_file}: {name!r} waits on {waiton.test!r}"
                for name, waiton in edges
            ),
        )
    )
