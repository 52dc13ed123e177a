"""Print a summary of the `facts.txt` files under the directory of a run: collect.py RUN_DIRECTORY."""

import sys
from collections import defaultdict
from pathlib import Path


def facts_of(test: Path) -> list[dict[str, str]]:
    """Return the facts that a test, or each of its items, left behind."""
    files = sorted(test.rglob("facts.txt"))
    shown = [file for file in files if not any(part.startswith(".") for part in file.relative_to(test).parts)]
    return [dict(line.split(maxsplit=1) for line in file.read_text().splitlines()) for file in shown]


def totals(facts: list[dict[str, str]]) -> dict[str, float]:
    """Return the sum of each fact that is a number."""
    sums: dict[str, float] = defaultdict(float)
    for fact in facts:
        for name, value in fact.items():
            sums[name] += float(value)
    return sums


run = Path(sys.argv[1])
print("Python, as this run found it")
for name, value in facts_of(run / "setup")[0].items():
    print(f"  {name:<16}{value}")
print("What the tests counted, all items together")
for test in ("compile", "doctest", "codecs"):
    facts = facts_of(run / test)
    counted = ", ".join(f"{total:,.0f} {name}" for name, total in totals(facts).items())
    print(f"  {test:<16}{len(facts)} items: {counted}")
print("Seconds to start the interpreter")
for fact in facts_of(run / "startup"):
    for name, seconds in fact.items():
        print(f"  {name:<16}{seconds}")
