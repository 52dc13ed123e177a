"""The command line: `python -m bench [ours|peers|all|budget] [--quick] [--write]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench import budget, goals, ours, report, workloads
from bench.compare import Comparison, Places, compare
from bench.line import Line
from bench.machine import BUSY_SHARE, busy_share, filesystem, this_machine
from bench.measure import collect_orphans
from bench.peers.registry import FLOOR, OURS, PEERS, Field, find_all
from bench.workloads import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line said.

    Attributes:
        what: ours, peers, all, budget.
        quick: small work, to see that everything works.
        write: keep the figures in README.md.
        renew: make today's figures the budget.
        only: names of workloads, such as W1; empty for all.
        cache: where peers are installed.
        places: where work is done.
    """

    what: str
    quick: bool
    write: bool
    renew: bool
    only: tuple[str, ...]
    cache: Path
    places: Places


def main(arguments: Sequence[str]) -> int:
    """Measure and print; return 0, 1 when a figure is over its budget, 2 when we cannot run at all."""
    options = _options(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    options.places.disk.mkdir(parents=True, exist_ok=True)
    collect_orphans()
    with_peers = options.what in ("peers", "all")
    field = find_all((OURS, FLOOR, *(PEERS if with_peers else ())), options.cache)
    if OURS not in field.tools:
        _say(f"megatest cannot be measured: {field.absent[OURS.name]}")
        return 2
    if options.what != "budget":
        where = _where(options)
        if with_peers:
            _publish("peers", [where, *_peer_texts(field, options)], options.write)
        if options.what != "peers":
            _publish("ours", [where, *_own_texts(field, options)], options.write)
    return 0 if options.what == "peers" else _check_budget(field, options)


def _options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure megatest, alone or beside its peers."
    )
    parser.add_argument("what", nargs="?", default="ours", choices=("ours", "peers", "all", "budget"))
    parser.add_argument(
        "--quick", action="store_true", help="small work: shows that all runs, its figures mean nothing"
    )
    parser.add_argument("--write", action="store_true", help="keep the figures in bench/README.md")
    parser.add_argument("--renew", action="store_true", help="make today's figures the budget")
    parser.add_argument(
        "--only", default="", metavar="W1,W2", help="only these workloads: W1, or W1-1000, or W1-1000-j2-disk"
    )
    parser.add_argument("--cache", type=Path, default=_cache(), help="where peers live [%(default)s]")
    parser.add_argument(
        "--tmpfs", type=Path, default=Path("/dev/shm"), help="a directory in memory [%(default)s]"
    )
    parser.add_argument("--disk", type=Path, help="a directory on a disk [below the cache]")
    said = parser.parse_args(arguments)
    if said.write and (said.quick or said.only):
        parser.error("--write keeps whole benchmarks only: no --quick, no --only")
    return Options(
        what=said.what,
        quick=said.quick,
        write=said.write,
        renew=said.renew,
        only=tuple(filter(None, said.only.split(","))),
        cache=said.cache,
        places=Places(tmpfs=said.tmpfs, disk=said.disk or said.cache / "disk"),
    )


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "megatest-bench"


def _where(options: Options) -> str:
    busy = busy_share()
    if busy > BUSY_SHARE:
        _say(f"warning: others use {busy:.0%} of the processors; the figures will be disturbed")
    places = {
        workloads.TMPFS: filesystem(options.places.tmpfs),
        workloads.DISK: filesystem(options.places.disk),
    }
    return report.machine_text(this_machine(), places, busy, date.today())


def _chosen(all_of_them: tuple[Workload, ...], options: Options) -> list[Workload]:
    wanted = workloads.QUICK if options.quick else all_of_them
    return [one for one in wanted if not options.only or _is_named(one.key, options.only)]


def _is_named(key: str, names: Sequence[str]) -> bool:
    return any(key == name or key.startswith(f"{name}-") for name in names)


def _compare_all(chosen: list[Workload], field: Field, options: Options) -> list[Comparison]:
    comparisons = []
    for workload in chosen:
        alone = {peer: tool for peer, tool in field.tools.items() if peer in (OURS, FLOOR)}
        tools = alone if workload.alone else field.tools
        comparisons.append(compare(workload, tools, options.places, _say))
    return comparisons


def _peer_texts(field: Field, options: Options) -> list[str]:
    comparisons = _compare_all(_chosen(workloads.FULL, options), field, options)
    runners = report.runner_table(field.tools, field.absent)
    reached = report.line_table(_reached(comparisons))
    return [runners, reached, *map(report.comparison_table, comparisons)]


def _own_texts(field: Field, options: Options) -> list[str]:
    # With the peers' table we have had our own turns at W1 to W5.
    chosen = _chosen(workloads.OWN, options) if options.what == "ours" else []
    comparisons = _compare_all(chosen, field, options)
    lines = _reached(comparisons)
    effort = ours.QUICK if options.quick else ours.FULL
    for line in ours.measure_ours(field.tools[OURS], options.places.tmpfs, effort, options.only):
        _say(f"{line.workload} {line.title}: {line.value} {line.unit} {line.verdict} {line.problem}")
        lines.append(line)
    return [report.line_table(lines), *map(report.comparison_table, comparisons)]


def _reached(comparisons: list[Comparison]) -> list[Line]:
    return goals.lines({one.workload.key: one for one in comparisons})


def _check_budget(field: Field, options: Options) -> int:
    _say("counting against the budget")
    spent = []
    for one in budget.spend(field.tools[OURS], options.places.tmpfs):
        print(one, flush=True)
        spent.append(one)
    if options.renew:
        budget.renew(spent)
        return 0
    return 1 if any(one.is_over for one in spent) else 0


def _publish(block: str, texts: list[str], write: bool) -> None:
    text = "\n\n".join(texts)
    print(text, flush=True)
    if write:
        report.update_readme(block, text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
