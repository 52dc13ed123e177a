"""Figures as Markdown, for a terminal and for the page that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from bench.compare import Comparison
from bench.line import Line
from bench.machine import Machine
from bench.measure import Figure, ratio
from bench.peers.bare import RECORDING
from bench.peers.peer import Peer, Tool
from bench.peers.registry import OURS

README: Final = Path(__file__).with_name("README.md")


def machine_text(machine: Machine, places: Mapping[str, str], busy: float, today: date) -> str:
    """Return where and when figures were taken, and whether they can be trusted.

    Args:
        machine: its facts.
        places: workload's place -> type of its file system.
        busy: share of the processors that others used just before.
        today: the date of the figures.
    """
    where = ", ".join(f"{place} is {kind}" for place, kind in places.items())
    quiet = f"Others used {busy:.0%} of the processors just before."
    return f"Taken on {today.isoformat()}: {machine}; {where}. {quiet}"


def comparison_table(comparison: Comparison) -> str:
    """Return a table with a line for each runner, the quickest first, void ones last."""
    ours = comparison.figures.get(OURS.name)
    ordered = sorted(comparison.figures.items(), key=lambda pair: (bool(pair[1].problem), pair[1].wall_s))
    rows = [_runner_cells(name, figure, ours) for name, figure in ordered]
    head = ("runner", "wall ms/test", "CPU ms/test", "peak MiB", "ours/theirs wall", "ours/theirs CPU")
    return f"### {comparison.workload.title}\n\n{_table(head, rows)}"


def _runner_cells(name: str, figure: Figure, ours: Figure | None) -> list[str]:
    if figure.problem:
        return [name, f"void: {figure.problem}", "", "", "", ""]
    compared = ratio(ours, figure) if ours and name != OURS.name else None
    ratios = [f"{compared.wall:.2f}", f"{compared.cpu:.2f}"] if compared else ["", ""]
    cost = [f"{figure.wall_ms_per_test:.2f}", f"{figure.cpu_ms_per_test:.2f}"]
    return [name, *cost, f"{figure.peak_kib / 1024:.0f}", *ratios]


def line_table(lines: Sequence[Line]) -> str:
    """Return a table of values beside their goals, and beside the floor where one was measured."""
    head = ["workload", "what", "value", "goal", "", f"the {RECORDING.name}"]
    columns = len(head) if any(line.floor is not None for line in lines) else len(head) - 1
    return _table(head[:columns], [_line_cells(line)[:columns] for line in lines])


def _line_cells(line: Line) -> list[str]:
    unit = f" {line.unit}" if line.unit else ""
    value = "" if line.value is None else f"{line.value:,.2f}{unit}"
    goal = "" if line.goal is None else f"≤ {line.goal:g}{unit}"
    floor = "" if line.floor is None else f"{line.floor:,.2f}{unit}"
    verdict = f"{line.verdict}: {line.problem}" if line.problem else line.verdict
    return [line.workload, line.title, value, goal, verdict, floor]


def runner_table(tools: Mapping[Peer, Tool], absent: Mapping[str, str]) -> str:
    """Return a table of the runners: version, what they keep, why one is not there."""
    rows = [[peer.name, tool.version, peer.keeps] for peer, tool in tools.items()]
    rows += [[name, "not here", reason] for name, reason in absent.items()]
    return _table(("runner", "version", "keeps of each test"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    texts = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    rule = " | ".join("-" * max(3, width) for width in widths)
    return "\n".join(f"| {text} |" for text in (texts[0], rule, *texts[1:]))


def update_readme(block: str, text: str) -> None:
    """Put a text into a block of the page that keeps the figures; see `replace_block`."""
    README.write_text(replace_block(README.read_text(), block, text))


def replace_block(page: str, block: str, text: str) -> str:
    """Return a page with another text between its `<!-- begin BLOCK -->` and `<!-- end BLOCK -->`.

    Raises:
        ValueError: the page has no such block.
    """
    begin, end = f"<!-- begin {block} -->", f"<!-- end {block} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no block {block!r}")
    return f"{before}{begin}\n{text}\n{end}{after}"
