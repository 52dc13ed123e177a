"""Values of configuration files, as ``config show`` and the original's ``-show-config`` print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from megatest.model.slotted import dataclass
from megatest.reports.listing import dumps
from megatest.reports.sexpr import sexpr
from megatest.reports.table import columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One value and its story.

    Attributes:
        section, key, value: as evaluated.
        place: the line that makes it, as ``file:line:column``.
        how: what made the value of the text: ``literal``, a helper, a command.
    """

    section: str
    key: str
    value: str
    place: str = ""
    how: str = ""


Tables = Mapping[str, Sequence[Shown]]
"""Section -> its values, both in the order of the file."""

FORMATS = ("text", "json", "ini", "sexp")


def render(tables: Tables, form: str, *, origins: bool = False) -> str:
    """Return sections in one of `FORMATS`.

    Args:
        tables: what to print.
        form: ``text`` for people: one line a value; the others for programs.
        origins: also say where each value comes from (``text`` and ``json``).
    """
    if form == "json":
        return _as_json(tables, origins=origins)
    if form == "ini":
        return as_ini(tables)
    if form == "sexp":
        return as_sexpr(tables)
    return "\n".join(_text_lines(tables, origins=origins))


def as_ini(tables: Tables) -> str:
    """Return the sections as a file that reads back to the same values."""
    parts = []
    for section, values in tables.items():
        lines = [f"[{section}]", *(f"{v.key} {_continued(v.value)}".rstrip(" ") for v in values)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _continued(value: str) -> str:
    return value.replace("\n", "\n  ")


def as_sexpr(tables: Tables) -> str:
    """Return the sections as one association list, a section a line."""
    lines = [
        sexpr([section, *([value.key, value.value] for value in values)])
        for section, values in tables.items()
    ]
    return "(" + "\n ".join(lines) + ")"


def _as_json(tables: Tables, *, origins: bool) -> str:
    if not origins:
        return dumps({section: {v.key: v.value for v in values} for section, values in tables.items()})
    return dumps(
        {
            section: {v.key: {"value": v.value, "place": v.place, "how": v.how} for v in values}
            for section, values in tables.items()
        }
    )


def _text_lines(tables: Tables, *, origins: bool) -> list[str]:
    lines: list[str] = []
    for section, values in tables.items():
        lines += [*([""] if lines else []), f"[{section}]", *_value_lines(values, origins=origins)]
    return lines


def _value_lines(values: Iterable[Shown], *, origins: bool) -> list[str]:
    if origins:
        rows = [(v.key, v.value, f"{v.place}{'' if v.how == 'literal' else f' ({v.how})'}") for v in values]
        return columns(rows)
    return columns([(v.key, v.value) for v in values])
