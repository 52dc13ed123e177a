"""The named statements of a file of SQL, completed for one area's fields."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

_HERE = os.path.dirname(__file__)
_HEADERS = {"-- name: ": "name", "-- fragment: ": "fragment"}


def load_statements(fields: Sequence[str], file_name: str = "queries.sql") -> Mapping[str, str]:
    """Return the text of each statement by name.

    `{assignments}` is left for the caller, who knows which columns change.

    Args:
        fields: names of the area's fields; the caller has checked that they are plain names.
        file_name: in this directory.
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
    with open(os.path.join(_HERE, file_name), encoding="utf-8") as file:
        blocks = _blocks(file.read())
    for kind, name, text in blocks:
        complete = text.format_map(fragments) if "{" in text else text
        (fragments if kind == "fragment" else statements)[name] = complete
    return statements


def _blocks(text: str) -> list[tuple[str, str, str]]:
    """Return kind, name and SQL without comments of each block, in the file's order."""
    found: list[tuple[str, str, list[str]]] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            if found:
                found[-1][2].append(line)
            continue
        for header, kind in _HEADERS.items():
            if line.startswith(header):
                found.append((kind, line[len(header) :], []))
    return [(kind, name, "\n".join(lines).strip()) for kind, name, lines in found]
