"""The manual's promises name their tests, and these exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def page() -> str:
    return (ROOT / "docs/manual/what-survives-what.md").read_text("utf-8")


def test_every_test_that_the_manual_names_exists() -> None:
    named = NAMED.findall(page())
    assert len(named) > 30
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not re.search(rf"^(def|class) {name}\b", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_row_of_the_manuals_tables_names_a_test() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| ") and not line.startswith("| What ")]
    assert [row for row in rows if not NAMED.search(row)] == []
