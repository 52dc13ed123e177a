"""The named statements of queries.sql, completed for one area's fields."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

_FILE = os.path.join(os.path.dirname(__file__), "queries.sql")
_HEADER = re.compile(r"^-- (name|fragment): (\w+)$")
_PLACE = re.compile(r"\{(\w+)\}")


def load_statements(fields: Sequence[str]) -> Mapping[str, str]:
    """Return the text of each statement by name.

    `{assignments}` is left for the caller, who knows which columns change.

    Args:
        fields: names of the area's fields; the caller has checked that they are plain names.
    """
    columns = [f'"{name}"' for name in fields]
    fragments = {
        "fields": ", ".join(columns),
        "field_texts": ", ".join(f"CAST({column} AS TEXT)" for column in columns),
        "field_marks": ", ".join("?" for _ in columns),
        "field_match": " AND ".join(f"{column} = ?" for column in columns),
        "assignments": "{assignments}",
    }
    statements: dict[str, str] = {}
    with open(_FILE, encoding="utf-8") as file:
        blocks = _blocks(file.read())
    for kind, name, text in blocks:
        complete = _PLACE.sub(lambda place: fragments[place[1]], text)
        (fragments if kind == "fragment" else statements)[name] = complete
    return statements


def _blocks(text: str) -> list[tuple[str, str, str]]:
    """Return kind, name and SQL without comments of each block, in the file's order."""
    found: list[tuple[str, str, list[str]]] = []
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            found.append((header[1], header[2], []))
        elif found and not line.startswith("--"):
            found[-1][2].append(line)
    return [(kind, name, "\n".join(lines).strip()) for kind, name, lines in found]
