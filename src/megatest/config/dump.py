"""Values as they came out, with where each came from: text, JSON, INI, s-expressions."""

from __future__ import annotations

import json
from megatest.typed import Literal

from megatest.config.entry import Entry, How, Sections

Format = Literal["text", "json", "ini", "sexp"]


def show(sections: Sections, fmt: Format, *, origins: bool = False) -> str:
    """Return all sections in one of the formats, ending in a newline.

    Args:
        sections: what was read.
        fmt: ``text`` is the configuration language itself.
        origins: say for each value where it came from and how (comments, or an object in JSON).
    """
    if fmt == "json":
        return _json(sections, origins)
    if fmt == "sexp":
        return _sexp(sections)
    separator, indent, comment = ("=", "\t", ";") if fmt == "ini" else (" ", "  ", "#")
    lines: list[str] = []
    for name, entries in sections.items():
        lines.append(f"[{name}]")
        for entry in entries.values():
            if origins:
                lines.append(f"{comment} {story(entry)}")
            text = entry.value.replace("\n", "\n" + indent)
            lines.append(f"{entry.key}{separator}{text}" if text else entry.key)
        lines.append("")
    return "\n".join(lines) or "\n"


def value(sections: Sections, section: str, key: str, *, origins: bool = False) -> str | None:
    """Return one value, after its story if `origins`; None if there is no such value."""
    entry = sections.get(section, {}).get(key)
    if entry is None:
        return None
    return f"{story(entry)}\n{entry.value}" if origins else entry.value


def story(entry: Entry) -> str:
    """Return in one line where a value came from and how it was made."""
    parts = [str(entry.location)]
    if entry.how is not How.LITERAL:
        parts.append(f"by {entry.how}")
    if entry.origin.scripts:
        parts.append("printed by a script")
    if entry.wildcard:
        parts.append(f"through [{entry.wildcard}]")
    parts += [f"included from {place}" for place in entry.origin.chain()]
    return ", ".join(parts)


def _json(sections: Sections, origins: bool) -> str:
    shown = {
        name: {entry.key: _with_origin(entry) if origins else entry.value for entry in entries.values()}
        for name, entries in sections.items()
    }
    # Bytes that are no text are escaped, so that the result is text in any case.
    return json.dumps(shown, indent=2, ensure_ascii=True) + "\n"


def _with_origin(entry: Entry) -> dict[str, object]:
    place = entry.location
    return {
        "value": entry.value,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "how": str(entry.how),
        "script": entry.origin.scripts > 0,
        "wildcard": entry.wildcard,
        "included_from": [str(chained) for chained in entry.origin.chain()],
    }


def _sexp(sections: Sections) -> str:
    lines = ["("]
    for name, entries in sections.items():
        pairs = "".join(f"\n  ({_quoted(entry.key)} {_quoted(entry.value)})" for entry in entries.values())
        lines.append(f" ({_quoted(name)}{pairs})")
    return "\n".join([*lines, ")"]) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
