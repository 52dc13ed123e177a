"""Values as s-expressions, as the original printed what scripts read."""

from __future__ import annotations

from collections.abc import Sequence
from megatest.typed import TypeAlias

Datum: TypeAlias = "str | int | float | Sequence[Datum]"
"""A text, a number, or a list of such; what is written is no deeper than our own tables."""


def sexpr(value: Datum) -> str:
    """Return a value as Scheme reads it: texts in double quotes, lists in parentheses."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f"({' '.join(sexpr(item) for item in value)})"


def quoted(text: str) -> str:
    """Return a text as a Scheme string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
